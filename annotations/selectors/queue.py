"""A rater's work: whose assignment it is, what comes next, and how far along they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Avg, Count, Max, Q, QuerySet
from django.shortcuts import get_object_or_404

from annotations.models import Assignment, LateAnswer, Study, StudyRater
from mood_eval.models import User

VISIBLE = (Study.State.OPEN, Study.State.CLOSED)


@dataclass(frozen=True)
class Progress:
    total: int
    submitted: int
    skipped: int
    active_ms: float
    """Mean active time of the items submitted so far."""

    @property
    def remaining(self) -> int:
        return self.total - self.submitted - self.skipped


@dataclass(frozen=True)
class Block:
    number: int
    count: int
    items: int
    """Not yet submitted or skipped."""
    minutes: int
    """Estimate from the rater's own pace; 0 while there is none."""
    starts_here: bool
    """The block before it is complete and nothing of this one is done."""


def rater_for(user: User | AnonymousUser, uuid: UUID) -> StudyRater:
    """The person's own place in a launched study; 404 for everyone else."""
    return get_object_or_404(
        StudyRater.objects.select_related("study"),
        uuid=uuid,
        user_id=user.pk or 0,
        study__state__in=VISIBLE,
    )


def assignment_for(user: User | AnonymousUser, pk: UUID) -> Assignment:
    """The rater's own assignment in a launched study; 404 for everyone else."""
    return get_object_or_404(
        Assignment.objects.select_related("rater__study", "item__part", "item__stimulus__dialogue"),
        pk=pk,
        rater__user_id=user.pk,
        rater__study__state__in=VISIBLE,
    )


def studies_to_rate(user: User | AnonymousUser) -> QuerySet[StudyRater]:
    submitted = Q(assignments__state=Assignment.State.SUBMITTED)
    return (
        StudyRater.objects.filter(user_id=user.pk or 0, study__state__in=VISIBLE)
        .select_related("study")
        .annotate(total=Count("assignments"), submitted=Count("assignments", filter=submitted))
        .order_by("-study__launched_at", "pk")
    )


def consent_hash(study: Study) -> str:
    return hashlib.sha256(study.consent_text.encode()).hexdigest()


def has_consented(rater: StudyRater) -> bool:
    return rater.consented_at is not None and rater.consent_sha256 == consent_hash(rater.study)


def progress_of(rater: StudyRater) -> Progress:
    submitted, skipped = (
        Q(state=state) for state in (Assignment.State.SUBMITTED, Assignment.State.SKIPPED)
    )
    counts = rater.assignments.aggregate(
        total=Count("pk"),
        submitted=Count("pk", filter=submitted),
        skipped=Count("pk", filter=skipped),
        active_ms=Avg("active_ms", filter=submitted),
    )
    counts["active_ms"] = counts["active_ms"] or 0.0
    return Progress(**counts)


def next_assignment(rater: StudyRater, after: int = 0) -> Assignment | None:
    """The next open one behind the given position, then the first one left open before it."""
    waiting = rater.assignments.filter(state=Assignment.State.ASSIGNED).order_by("position")
    return waiting.filter(position__gt=after).first() or waiting.first()


def previous_assignment(assignment: Assignment) -> UUID | None:
    return (
        Assignment.objects.filter(rater=assignment.rater_id, position__lt=assignment.position)
        .order_by("-position")
        .values_list("pk", flat=True)
        .first()
    )


def skipped_assignments(rater: StudyRater) -> QuerySet[Assignment]:
    return rater.assignments.filter(state=Assignment.State.SKIPPED).order_by("position")


def late_answers(rater: StudyRater) -> int:
    return LateAnswer.objects.filter(assignment__rater=rater).count()


def block_of(assignment: Assignment, progress: Progress) -> Block:
    """The block that the assignment lies in."""
    rater, size = assignment.rater, assignment.rater.study.block_size
    number = (assignment.position - 1) // size + 1
    first, last = (number - 1) * size + 1, number * size
    waiting = Q(state=Assignment.State.ASSIGNED)
    inside = Q(position__range=(first, last))
    counts = rater.assignments.aggregate(
        items=Count("pk", filter=inside & waiting),
        touched=Count("pk", filter=inside & ~waiting),
        behind=Count("pk", filter=waiting & Q(position__lt=first)),
        last=Max("position"),
    )
    return Block(
        number=number,
        count=-(-counts["last"] // size),
        items=counts["items"],
        minutes=round(counts["items"] * progress.active_ms / 60_000),
        starts_here=number > 1 and not counts["touched"] and not counts["behind"],
    )
