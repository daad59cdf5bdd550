"""Who is in a release: whose answers, and which sessions they are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from annotations.models import Assignment, Study
from annotations.selectors.answer_writing import Extent
from annotations.selectors.evidence.reading import allowing
from annotations.selectors.release_contents.orders import KINDS
from inference.models import Session

SUBMITTED = Q(state=Assignment.State.SUBMITTED)


@dataclass(frozen=True)
class Participation:
    submitted: Mapping[int, int]
    """Rater -> submitted assignments whose answers are in the release; 0 for somebody of whom it
    only says which items were open or skipped."""
    sessions: frozenset[int]
    """Of which something was judged."""


def released_assignments(study: Study) -> QuerySet[Assignment]:
    """Those with rows in a release: as in `answer_rows(training_only=True)`."""
    raters = study.raters.filter(allowing(KINDS))
    return Assignment.objects.filter(rater__in=raters).exclude(
        role__in=Extent(training_only=True).roles_left_out
    )


def submitted_by_rater(study: Study) -> dict[int, int]:
    rows = released_assignments(study).order_by().values_list("rater_id")
    return dict(rows.annotate(n=Count("pk", filter=SUBMITTED)))


def participation_of(study: Study, stimuli: Collection[int]) -> Participation:
    """stimuli: of the responses released, which may have been settled by a person alone."""
    shown = released_assignments(study).filter(SUBMITTED).order_by()
    responses = shown.values("item__candidates__response")
    judged = Q(dialogues__stimuli__responses__in=responses)
    released = Q(dialogues__stimuli__in=stimuli)
    sessions = {
        pk
        for some in (judged, released)
        for pk in Session.objects.filter(some).distinct().values_list("pk", flat=True)
    }
    return Participation(submitted_by_rater(study), frozenset(sessions))
