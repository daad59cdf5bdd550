"""A rater's work: whose assignment it is, what comes next, and how far along they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Avg, Count, Max, Q, QuerySet
from django.shortcuts import get_object_or_404

from annotations.design import block_bounds
from annotations.models import Assignment, LateAnswer, Study, StudyRater
from annotations.models.assignment import GONE
from mood_eval.models import User
from mood_eval.prepared import prepared_cursor

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


PAGE = (
    *("rater__study", "rater__user"),
    *("item__part", "item__stimulus__dialogue"),
)


def assignment_for(user: User | AnonymousUser, pk: UUID) -> Assignment:
    """The rater's own assignment in a launched study; 404 for everyone else."""
    return get_object_or_404(
        Assignment.objects.select_related(*PAGE),
        pk=pk,
        rater__user_id=user.pk,
        rater__study__state__in=VISIBLE,
    )


def can_open(assignment: Assignment) -> bool:
    """Items of the present stage, after consent, while the study is open."""
    rater = assignment.rater
    return (
        rater.study.state == Study.State.OPEN
        and has_consented(rater)
        and assignment.role not in GONE
        and track_of(rater) == (assignment.track, assignment.attempt)
    )


def track_of(rater: StudyRater) -> tuple[str, int]:
    """The list of items that the rater's stage calls for, and which attempt of it."""
    match rater.stage:
        case StudyRater.Stage.TRAINING:
            return Assignment.Track.TRAINING, rater.attempt  # again after a failed attempt
        case StudyRater.Stage.GATE:
            return Assignment.Track.GATE, rater.attempt
        case StudyRater.Stage.RATING:
            return Assignment.Track.WORK, 0
    return "", 0


def list_of(rater: StudyRater) -> QuerySet[Assignment]:
    """What the rater has to do at the present stage, in order: training, qualification or work."""
    track, attempt = track_of(rater)
    return Assignment.objects.filter(rater=rater, track=track, attempt=attempt)


def own_work(rater: StudyRater) -> QuerySet[Assignment]:
    """The study's own items; what was given to somebody else is no longer among them."""
    return rater.assignments.filter(track=Assignment.Track.WORK).exclude(role__in=GONE)


def studies_to_rate(user: User | AnonymousUser) -> QuerySet[StudyRater]:
    work = Q(assignments__track=Assignment.Track.WORK) & ~Q(assignments__role__in=GONE)
    submitted = work & Q(assignments__state=Assignment.State.SUBMITTED)
    return (
        StudyRater.objects.filter(user_id=user.pk or 0, study__state__in=VISIBLE)
        .select_related("study")
        .annotate(
            total=Count("assignments", filter=work),
            submitted=Count("assignments", filter=submitted),
        )
        .order_by("-study__launched_at", "pk")
    )


def consent_hash(study: Study) -> str:
    return hashlib.sha256(study.consent_text.encode()).hexdigest()


def has_consented(rater: StudyRater) -> bool:
    """To the text as it is now, and has not left since."""
    if rater.consented_at is None or rater.stage == StudyRater.Stage.WITHDRAWN:
        return False
    return rater.consent_sha256 == consent_hash(rater.study)


def progress_of(rater: StudyRater) -> Progress:
    submitted, skipped = (
        Q(state=state) for state in (Assignment.State.SUBMITTED, Assignment.State.SKIPPED)
    )
    counts = own_work(rater).aggregate(
        total=Count("pk"),
        submitted=Count("pk", filter=submitted),
        skipped=Count("pk", filter=skipped),
        active_ms=Avg("active_ms", filter=submitted),
    )
    counts["active_ms"] = counts["active_ms"] or 0.0
    return Progress(**counts)


# Written out: asked after every submission, and building it anew takes longer than answering it.
WAITING = """
    SELECT id, rater_id, track, attempt, position,
           (SELECT max(o.position) FROM annotations_assignment o
            WHERE o.rater_id = a.rater_id AND o.track = a.track AND o.attempt = a.attempt)
    FROM annotations_assignment a
    WHERE rater_id = %s AND track = %s AND attempt = %s AND state = 'assigned'
      AND role NOT IN ('released', 'withdrawn') AND position > %s
    ORDER BY position LIMIT 1"""


def next_assignment(rater: StudyRater, after: int = 0) -> Assignment | None:
    """The next open one behind the given position, then the first one left open before it. Its
    `last` is the last position of the list."""
    return waiting_behind(rater, after) or (waiting_behind(rater, 0) if after else None)


def waiting_behind(rater: StudyRater, position: int) -> Assignment | None:
    with prepared_cursor() as cursor:
        cursor.execute(WAITING, [rater.pk, *track_of(rater), position])
        row = cursor.fetchone()
    if row is None:
        return None
    names = ("id", "rater_id", "track", "attempt", "position")
    assignment = Assignment.from_db(connection.alias, names, row[:-1])
    assignment.rater, assignment.last = rater, row[-1]  # type: ignore[attr-defined]
    return assignment


def skipped_assignments(rater: StudyRater) -> QuerySet[Assignment]:
    return own_work(rater).filter(state=Assignment.State.SKIPPED).order_by("position")


def late_answers(rater: StudyRater) -> int:
    return LateAnswer.objects.filter(assignment__rater=rater).count()


def starts_block(rater: StudyRater, following: Assignment) -> bool:
    """Whether the pause between two blocks comes first: asks the database at borders only."""
    if following.track != Assignment.Track.WORK:
        return False
    last = getattr(following, "last", 0) or last_position(rater)
    starts = {before + 1 for before, _ in bounds_of(last, rater.study.block_size)}
    return following.position in starts and block_of(following, progress_of(rater)).starts_here


@lru_cache(maxsize=1024)
def bounds_of(last: int, size: int) -> list[tuple[int, int]]:
    return block_bounds(last, size)


def last_position(rater: StudyRater) -> int:
    work = rater.assignments.filter(track=Assignment.Track.WORK)
    return work.aggregate(last=Max("position"))["last"] or 0


def block_of(assignment: Assignment, progress: Progress) -> Block:
    """The block that the assignment lies in."""
    rater = assignment.rater
    bounds = bounds_of(max(last_position(rater), assignment.position), rater.study.block_size)
    number, (before, end) = next(
        (number, bound)
        for number, bound in enumerate(bounds, start=1)
        if bound[0] < assignment.position <= bound[1]
    )
    waiting = Q(state=Assignment.State.ASSIGNED)
    inside = Q(position__range=(before + 1, end))
    counts = own_work(rater).aggregate(
        items=Count("pk", filter=inside & waiting),
        touched=Count("pk", filter=inside & ~waiting),
        behind=Count("pk", filter=waiting & Q(position__lte=before)),
    )
    return Block(
        number=number,
        count=len(bounds),
        items=counts["items"],
        minutes=round(counts["items"] * progress.active_ms / 60_000),
        starts_here=number > 1 and not counts["touched"] and not counts["behind"],
    )
