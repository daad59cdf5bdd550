"""When raters' answers to one question are a dispute, and when further raters have settled it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from statistics import median_low
from typing import TypeVar

H = TypeVar("H", bound=Hashable)
FEWEST = 2
"""Votes that settle something: one rater alone is no majority."""


def lies_apart(scores: Sequence[int], dispute_range: int) -> bool:
    return len(scores) > 1 and max(scores) - min(scores) >= dispute_range


def has_majority(answers: Sequence[Hashable]) -> bool:
    """More than half say the same."""
    return bool(answers) and 2 * max(Counter(answers).values()) > len(answers)


def settled_choice(answers: Sequence[H]) -> H | None:
    """What at least two say and no other answer has as many votes as: a third rater resolves where
    he agrees with one of two, a fourth where he agrees with one of three."""
    counts = Counter(answers).most_common(2)
    if not counts or counts[0][1] < FEWEST:
        return None
    tied = len(counts) > 1 and counts[1][1] == counts[0][1]
    return None if tied else counts[0][0]


def settled_score(scores: Sequence[int], dispute_range: int) -> int | None:
    """The lower median, once most of the scores lie within less than the range of it."""
    if len(scores) <= FEWEST:
        return None
    middle = median_low(scores)
    near = sum(abs(score - middle) < dispute_range for score in scores)
    return middle if 2 * near > len(scores) else None
