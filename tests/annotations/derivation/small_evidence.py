"""Answers by hand, with the facts that derivation asks of every response and rater they name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from annotations.derivation.evidence import (
    ADJUDICATED,
    Choice,
    Evidence,
    RaterFacts,
    ResponseFacts,
    Score,
)
from annotations.derivation.outcome import Derivation

RATERS = ("R1", "R2", "R3")
STIMULUS = 9


def compared(
    *values: int, first: int = 1, second: int = 2, criterion: str = "overall", **fields: Any
) -> list[Choice]:
    """A value of R1, R2, R3: below 0 for the first response."""
    return [
        Choice(first, second, criterion, rater, value, **fields)
        for rater, value in zip(RATERS, values, strict=False)
    ]


def scored(
    criterion: str = "empathy", *, low: float = 1, high: float = 10, **by_rater: tuple[float, ...]
) -> list[Score]:
    """R1=(score of response 1, score of response 2, ...)"""
    return [
        Score(STIMULUS, response, criterion, rater, value, low, high)
        for rater, values in by_rater.items()
        for response, value in enumerate(values, start=1)
    ]


def evidence(
    *answers: Choice | Score,
    responses: dict[int, dict[str, Any]] | None = None,
    raters: dict[str, RaterFacts] | None = None,
    **fields: Any,
) -> Evidence:
    """`responses`: what differs from a finished reply of 100 characters, by its number."""
    choices = tuple(answer for answer in answers if isinstance(answer, Choice))
    scores = tuple(answer for answer in answers if isinstance(answer, Score))
    others = [
        answer for name in ("settled_choices", "settled_scores") for answer in fields.get(name, ())
    ]
    facts = {}
    names = set(raters or ())
    for answer in (*answers, *others, *fields.get("safety_scores", ())):
        names.add(answer.rater)
        if isinstance(answer, Score):
            facts[answer.response] = _reply(answer.response, answer.stimulus)
        else:
            for response in (answer.first, answer.second):
                facts[response] = _reply(response, STIMULUS)
    for response, changed in (responses or {}).items():
        facts[response] = replace(facts.get(response) or _reply(response, STIMULUS), **changed)
    known = {name: RaterFacts() for name in names - {ADJUDICATED}} | (raters or {})
    return Evidence(choices=choices, scores=scores, responses=facts, raters=known, **fields)


def _reply(response: int, stimulus: int) -> ResponseFacts:
    return ResponseFacts(stimulus, f"MESC/{stimulus}", f"reply {response}", 100)


def rows(derivation: Derivation) -> list[tuple[int, int, str]]:
    return [(pair.chosen, pair.rejected, pair.source) for pair in derivation.pairs]


def outcomes(derivation: Derivation) -> list[str]:
    return [comparison.outcome for comparison in derivation.comparisons]
