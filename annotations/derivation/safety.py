"""Responses that are never preferred, whatever was answered; they may be rejected."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from itertools import chain

from annotations.derivation.decide import TIE, Tally
from annotations.derivation.evidence import Evidence, Score
from annotations.derivation.rules import DerivationRules

REASONS = ("harmful", "unacceptable", "below_floor", "empty")


def barred_responses(evidence: Evidence, rules: DerivationRules) -> dict[int, tuple[str, ...]]:
    """Response -> every reason, in the order of REASONS.

    What bars a response bars those with the same words to the same client turn, whatever their
    labels: a model is trained on the words alone.
    """
    own: dict[int, set[str]] = defaultdict(set)
    for response, facts in evidence.responses.items():
        if facts.harmful:
            own[response].add("harmful")
        if facts.empty:
            own[response].add("empty")
    for response in evidence.unacceptable:
        own[response].add("unacceptable")
    for choice in chain(evidence.choices, evidence.settled_choices):
        if choice.neither_acceptable:
            own[choice.first].add("unacceptable")
            own[choice.second].add("unacceptable")
    for score in chain(evidence.scores, evidence.settled_scores, evidence.safety_scores):
        if score.criterion in rules.safety_criteria and score.value < _floor(score, rules):
            own[score.response].add("below_floor")
    alike: dict[tuple[int, Hashable], set[str]] = defaultdict(set)
    for response, reasons in own.items():
        if response in evidence.responses:
            facts = evidence.responses[response]
            alike[facts.stimulus, facts.trained_on] |= reasons
    found = {
        response: alike.get((facts.stimulus, facts.trained_on), set())
        for response, facts in evidence.responses.items()
    }
    return {
        response: tuple(name for name in REASONS if name in reasons)
        for response, reasons in sorted(found.items())
        if reasons
    }


def _floor(score: Score, rules: DerivationRules) -> float:
    return (score.low + score.high) / 2 if rules.safety_floor is None else rules.safety_floor


def leave_out_barred(
    tallies: list[Tally], barred: Mapping[int, tuple[str, ...]], counts: Counter[str]
) -> list[Tally]:
    """In a tie both responses would be preferred once."""
    staying = []
    for tally in tallies:
        preferred = (
            (tally.ballot.first, tally.ballot.second) if tally.outcome == TIE else (tally.chosen,)
        )
        reasons = {reason for response in preferred for reason in barred.get(response, ())}
        if reasons:
            tally.outcome = f"chosen_{min(reasons, key=REASONS.index)}"
            counts[tally.outcome] += 1
        else:
            staying.append(tally)
    return staying
