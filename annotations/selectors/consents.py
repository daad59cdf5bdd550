"""Versions of a study's consent text, and what its raters agreed to."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.db.models import Count, Q

from annotations.models import Consent, Study, StudyRater


@dataclass(frozen=True)
class Permissions:
    """How many of a study's people agreed to what; those who left are counted in all of them."""

    raters: int
    consented: int
    training: int
    release: int


def consent_version(study: Study) -> int:
    """From 1 at the launch, one more with each change: as the database itself recorded them."""
    history = apps.get_model("annotations", "StudyEvent")._default_manager
    texts = (
        history.filter(pgh_obj=study.pk)
        .exclude(state=Study.State.DRAFT)
        .order_by("pgh_id")
        .values_list("consent_text", flat=True)
    )
    version, before = 1, None
    for text in texts:
        version += before is not None and text != before
        before = text
    return version


def consents_of(rater: StudyRater) -> list[Consent]:
    """Newest first."""
    return list(rater.consents.order_by("-at", "-pk"))


def permissions_in(study: Study) -> Permissions:
    given = Q(consented_at__isnull=False)
    people = StudyRater.objects.filter(study=study, kind=StudyRater.Kind.PERSON)
    return Permissions(
        **people.aggregate(
            raters=Count("pk"),
            consented=Count("pk", filter=given),
            training=Count("pk", filter=given & Q(allows_training=True)),
            release=Count("pk", filter=given & Q(allows_release=True)),
        )
    )
