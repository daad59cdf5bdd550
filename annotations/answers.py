"""What a rater can answer to one question, as the page writes it and as it is understood.

Written answers know letters, never candidates: "7", "a2" (A clearly), "b1" (B slightly), "tie",
"tie:both_acceptable", "cannot:cannot_tell", and "" for an answer taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OVERALL = "overall"
OVERALL_QUESTION = "Taken together, which response would you rather see in this conversation?"
COMMENT = "comment"
LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Written:
    """An answer as it came in; a higher sequence was given later."""

    question: str
    value: str
    sequence: int


@dataclass(frozen=True)
class Score:
    value: int


@dataclass(frozen=True)
class Choice:
    """`letter` is empty for a tie; strength 0 tie, 1 slightly, 2 clearly."""

    letter: str
    strength: int
    tie_kind: str = ""


@dataclass(frozen=True)
class NoAnswer:
    reason: str


class UnreadableAnswerError(ValueError):
    pass


def read_score(value: str, low: int, high: int, reasons: Sequence[str]) -> Score | NoAnswer:
    if value.startswith("cannot:"):
        return read_reason(value, reasons)
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise UnreadableAnswerError(f"{value!r} is not a score from {low} to {high}")
    return Score(int(value))


def read_choice(
    value: str,
    *,
    ties: bool,
    with_strength: bool,
    tie_kinds: Sequence[str],
    reasons: Sequence[str],
) -> Choice | NoAnswer:
    if value.startswith("cannot:"):
        return read_reason(value, reasons)
    head, _, kind = value.partition(":")
    if head == "tie" and ties and (not kind or kind in tie_kinds):
        return Choice("", 0, kind)
    options = ("a2", "a1", "b1", "b2") if with_strength else ("a", "b")
    if value not in options:
        raise UnreadableAnswerError(f"{value!r} is not a choice of this question")
    return Choice(value[0].upper(), int(value[1:] or 1))


def read_reason(value: str, reasons: Sequence[str]) -> NoAnswer:
    reason = value.removeprefix("cannot:")
    if reason not in reasons:
        raise UnreadableAnswerError(f"{reason!r} is not a reason")
    return NoAnswer(reason)


def write_choice(letter: str, strength: int, tie_kind: str, *, with_strength: bool) -> str:
    if not letter:
        return f"tie:{tie_kind}" if tie_kind else "tie"
    return f"{letter.lower()}{strength}" if with_strength else letter.lower()
