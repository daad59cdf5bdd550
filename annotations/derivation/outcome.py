"""What derivation leaves: pairs to train on, every comparison with its votes, and the counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotations.derivation.rules import RaterKind


@dataclass(frozen=True, order=True, slots=True)
class Comparison:
    """One pair of responses on one criterion, by one kind of raters: the votes and what became
    of them."""

    first: int
    """The response with the lower number."""
    second: int
    criterion: str
    """A slug, "overall", or "weighted" for a weighted mean."""
    evidence: str
    """`preference` (choices) or `rating` (scores)."""
    rater_kind: RaterKind
    votes_first: int
    votes_second: int
    votes_tied: int
    strength: float
    """Mean over the votes, signed: below 0 for the first response, above for the second."""
    adjudicated: bool
    outcome: str
    """`first`, `second`, `tie`, `no_majority`, or a step at which it fell out (see steps.py)."""
    rater: str = ""
    """Where every rater makes a row: whose answer this is."""


@dataclass(frozen=True, slots=True)
class DerivedPair:
    chosen: int
    rejected: int
    source: str
    """`preference:CRITERION` or `rating:CRITERION`; `adjudicated:CRITERION` where settled."""
    strength: float
    """Mean over the votes for the chosen response: 1 slightly, 2 clearly, or points; 0 in a tie."""
    votes_for: int
    votes_against: int
    votes_tied: int
    rater_kind: RaterKind = "person"
    split: str = ""
    group: str = ""
    weight: float = 1.0
    """0.5 for each of the two rows of a tie."""
    rater: str = ""
    agreeing: tuple[str, ...] = ()
    """Other sources that decided the same way."""
    contested: tuple[str, ...] = ()
    """Why it would have been left out, had the rules not kept it."""


@dataclass(frozen=True)
class Derivation:
    pairs: tuple[DerivedPair, ...]
    comparisons: tuple[Comparison, ...]
    counts: Mapping[str, int]
    """By name of the step, in the order of steps.STEPS."""
    barred: Mapping[int, tuple[str, ...]]
    """Response -> why it is never preferred: harmful, unacceptable, below_floor, empty."""
    splits: Mapping[str, str]
    """Session or client -> split; every group that a response belongs to. With the corpus's own
    splits a divided group has all their names, comma separated: a row names the one it is in."""
