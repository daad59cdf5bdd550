"""What in a rater's figures deserves a look. It is no verdict: each has innocent reasons."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from annotations.selectors.progress import RaterProgress

ENOUGH = 10
"""Items, or answers, below which a share says nothing."""
AWAY = timedelta(days=5)
FAST_SHARE = 0.1
SAME_SHARE = 0.5
LONG_RUN = 8
CANNOT_SHARE = 0.25
FIRST_SHARE = 0.75
UNSTEADY_SHARE = 0.5


class Note(NamedTuple):
    short: str
    why: str


def rater_notes(rater: RaterProgress, now: datetime) -> list[Note]:
    """Those who have left get none."""
    if rater.gone:
        return []
    return [*notes_on_presence(rater, now), *notes_on_answers(rater)]


def notes_on_presence(rater: RaterProgress, now: datetime) -> list[Note]:
    notes = []
    if rater.waiting and rater.seen and now - rater.seen > AWAY:
        days = (now - rater.seen).days
        notes.append(Note("away", f"Not seen for {days} days, with {rater.waiting} items to do."))
    if rater.waiting and rater.seen is None:
        notes.append(Note("not begun", "Has not opened any item yet."))
    if not rater.total:
        notes.append(Note("no items", "Has no items to rate."))
    if rater.flags:
        ending = "" if rater.flags == 1 else "s"
        notes.append(Note("flagged", f"Sent {rater.flags} concern{ending}: read them."))
    return notes


def notes_on_answers(rater: RaterProgress) -> list[Note]:
    found, notes = rater.patterns, []
    if found.items >= ENOUGH and found.too_fast > FAST_SHARE * found.items:
        notes.append(Note("fast", f"{found.too_fast} of {found.items} items were very quick."))
    if found.scored >= ENOUGH and found.all_same > SAME_SHARE * found.scored:
        notes.append(
            Note("same scores", f"{found.all_same} of {found.scored} items have one score for all.")
        )
    if found.longest_run >= LONG_RUN:
        notes.append(
            Note("long run", f"{found.longest_run} items in a row have exactly the same answers.")
        )
    if found.decided >= ENOUGH and not 1 - FIRST_SHARE <= (rater.first_share or 0) <= FIRST_SHARE:
        notes.append(
            Note(
                "one side",
                f"{found.shown_first} of {found.decided} choices were of the response shown first.",
            )
        )
    if found.answers >= ENOUGH and found.cannot_rate > CANNOT_SHARE * found.answers:
        notes.append(
            Note("can't rate", f"{found.cannot_rate} of {found.answers} answers are “Can't rate”.")
        )
    if found.repeated >= ENOUGH and found.repeated_equal < UNSTEADY_SHARE * found.repeated:
        notes.append(
            Note(
                "unsteady",
                f"{found.repeated_equal} of {found.repeated} answers were the same a second time.",
            )
        )
    return notes
