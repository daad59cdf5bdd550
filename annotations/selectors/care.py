"""Where a rater stands between two items: what the page there says, and what it offers."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.guesses import guesses_open
from annotations.selectors.queue import (
    Block,
    Progress,
    block_of,
    has_consented,
    late_answers,
    next_assignment,
    progress_of,
    skipped_assignments,
)

MS_PER_MINUTE = 60_000


@dataclass(frozen=True)
class Between:
    stage: str
    """withdrawn, closed, consent, not_qualified, done, enough, pause, block or welcome: the name of
    its part of the page."""
    progress: Progress
    block: Block | None = None
    following: str = ""
    """Key of the item that comes next."""
    late: int = 0
    skipped: tuple[tuple[str, int], ...] = ()
    """Keys and positions."""
    guesses: bool = False
    """Whether the rater is asked who wrote what they judged."""
    erasable: bool = False
    """Of somebody who left: whether the answers were kept."""

    @property
    def works(self) -> bool:
        return self.stage in ("done", "enough", "pause", "block", "welcome")


def between(rater: StudyRater, *, pause: bool = False) -> Between:
    progress = progress_of(rater)
    ended = stage_of_the_ended(rater)
    if ended:
        late = late_answers(rater) if ended == "closed" else 0
        kept = ended == "withdrawn" and is_kept(rater)
        return Between(ended, progress, late=late, erasable=kept)
    skipped = tuple((str(row.pk), row.position) for row in skipped_assignments(rater))
    following = next_assignment(rater)
    if following is None:
        return Between("done", progress, skipped=skipped, guesses=guesses_open(rater))
    if day_is_full(rater):
        return Between("enough", progress, skipped=skipped)
    following.rater = rater
    block = block_of(following, progress) if following.track == Assignment.Track.WORK else None
    stage = "block" if block and block.starts_here else "welcome"
    return Between("pause" if pause else stage, progress, block, str(following.pk), skipped=skipped)


def stage_of_the_ended(rater: StudyRater) -> str:
    """Why nothing can be rated at all; empty where it can."""
    if rater.stage == StudyRater.Stage.WITHDRAWN:
        return "withdrawn"
    if rater.study.state == Study.State.CLOSED:
        return "closed"
    if not has_consented(rater):
        return "consent"
    return "not_qualified" if rater.stage == StudyRater.Stage.NOT_QUALIFIED else ""


def is_kept(rater: StudyRater) -> bool:
    return rater.assignments.exclude(role=Assignment.Role.WITHDRAWN).exists()


def minutes_today(rater: StudyRater) -> int:
    """Of active rating, on this day in the site's time zone."""
    return rater.day_active_ms // MS_PER_MINUTE if rater.day == timezone.localdate() else 0


def day_is_full(rater: StudyRater) -> bool:
    cap = rater.study.daily_minutes
    return bool(cap) and minutes_today(rater) >= cap


def waits_for_tomorrow(assignment: Assignment) -> bool:
    """What was begun may be finished, and what was done changed."""
    untouched = assignment.opened_at is None and assignment.saved_at is None
    waiting = assignment.state == Assignment.State.ASSIGNED and untouched
    return waiting and day_is_full(assignment.rater)
