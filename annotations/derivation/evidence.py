"""What derivation works on: answers of raters who allow training, and facts about responses.

Plain values; where they come from (a study, or another tool's export) is not known here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from annotations.derivation.rules import RaterKind

OVERALL = "overall"
ADJUDICATED = "adjudicated"
"""Stands where a rater's pseudonym stands: what adjudication settled."""
OpenQuestion = tuple[tuple[int, ...], str]
"""The response scored, or two compared in ascending order, and the criterion."""
ASKED_AGAIN = "asked again"
"""Stands where a rater's pseudonym stands: a score that may bar and has no part in any vote."""


@dataclass(frozen=True, order=True, slots=True)
class Choice:
    """A rater's answer on two responses to one stimulus: below 0 for the first, above for the
    second, 0 a tie.

    -2 and 2 say clearly, -1 and 1 slightly, or without strength.
    """

    first: int
    second: int
    criterion: str
    """A slug; OVERALL for the overall question."""
    rater: str
    value: int
    neither_acceptable: bool = False
    seconds: float | None = None
    """Active time on the item; None where it is not known."""


@dataclass(frozen=True, order=True, slots=True)
class Score:
    stimulus: int
    response: int
    criterion: str
    rater: str
    value: float
    """Higher is better: reverse-scored criteria come turned round, within the same scale."""
    low: float = 1
    high: float = 10
    """Ends of the criterion's scale."""
    seconds: float | None = None


@dataclass(frozen=True)
class RaterFacts:
    kind: RaterKind = "person"
    qualified: bool = True
    """Passed the study's gate, or there is none."""
    panel_agreement: float | None = None
    """Share of the reference panel's answers given as well; None without such items."""


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    stimulus: int
    group: str
    """Session, or client where known: never divided between splits."""
    said: Hashable
    """What raters saw of the response: its text, and labels where they were shown."""
    length: int
    """Characters."""
    corpus_split: str = ""
    empty: bool = False
    truncated: bool = False
    """Ended because no more was allowed, not because it was finished."""
    harmful: bool = False
    """Flagged by anybody, or says the same to the same client turn as one that was."""
    words: Hashable = None
    """The text alone, as models are trained on it; None: nothing else was shown."""

    @property
    def trained_on(self) -> Hashable:
        """Two that are equal make no pair, and what bars one bars the other."""
        return self.said if self.words is None else self.words


@dataclass(frozen=True)
class Evidence:
    choices: tuple[Choice, ...] = ()
    scores: tuple[Score, ...] = ()
    settled_choices: tuple[Choice, ...] = ()
    """By adjudication, with ADJUDICATED as rater."""
    settled_scores: tuple[Score, ...] = ()
    settled_as_open: frozenset[OpenQuestion] = frozenset()
    """Questions on which adjudication settled that nobody can tell: people have no votes there."""
    safety_scores: tuple[Score, ...] = ()
    """Scores on any criterion by anybody, whatever they consented to: only to bar responses."""
    unacceptable: frozenset[int] = frozenset()
    """Responses in a pair that anybody answered "neither acceptable"."""
    responses: Mapping[int, ResponseFacts] = field(default_factory=dict)
    """Every response that an answer above names."""
    raters: Mapping[str, RaterFacts] = field(default_factory=dict)
    """Everybody who gave one of the choices and scores above."""
