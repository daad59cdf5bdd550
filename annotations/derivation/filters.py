"""Which answers vote: of the kind of raters, criteria and quality that the rules ask for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from annotations.derivation.evidence import (
    Choice,
    Evidence,
    OpenQuestion,
    RaterFacts,
    Score,
)
from annotations.derivation.rules import DerivationRules

A = TypeVar("A", Choice, Score)


@dataclass(slots=True)
class StimulusAnswers:
    """The answers on the responses to one stimulus; no rule looks further than that."""

    choices: list[Choice] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    settled_choices: list[Choice] = field(default_factory=list)
    settled_scores: list[Score] = field(default_factory=list)
    open_pairs: set[tuple[int, int, str]] = field(default_factory=set)
    """Two responses in ascending order and a criterion: settled as what nobody can tell."""
    safety_scores: list[Score] = field(default_factory=list)
    """On safety criteria, asked only where a weighted mean could hide them."""


def answers_by_stimulus(
    evidence: Evidence, rules: DerivationRules, counts: Counter[str]
) -> dict[int, StimulusAnswers]:
    found: dict[int, StimulusAnswers] = defaultdict(StimulusAnswers)
    responses = evidence.responses
    settled_as_open = _settled_as_open(evidence, rules)
    for judged, criterion in settled_as_open:
        if len(judged) == 2:
            found[responses[judged[0]].stimulus].open_pairs.add((*judged, criterion))
    for choice in _counted(evidence.choices, evidence.raters, settled_as_open, rules, counts):
        found[responses[choice.first].stimulus].choices.append(choice)
    for score in _counted(evidence.scores, evidence.raters, settled_as_open, rules, counts):
        found[score.stimulus].scores.append(score)
    for choice in _settled(evidence.settled_choices, rules, counts):
        found[responses[choice.first].stimulus].settled_choices.append(choice)
    for score in _settled(evidence.settled_scores, rules, counts):
        found[score.stimulus].settled_scores.append(score)
    if rules.weights:
        for score in chain(evidence.scores, evidence.settled_scores, evidence.safety_scores):
            if score.criterion in rules.safety_criteria and score.stimulus in found:
                found[score.stimulus].safety_scores.append(score)
    return found


def _settled_as_open(evidence: Evidence, rules: DerivationRules) -> frozenset[OpenQuestion]:
    if not _settles(rules):
        return frozenset()
    return frozenset(
        (judged, criterion)
        for judged, criterion in evidence.settled_as_open
        if evidence.responses.keys() >= {*judged}
        and not _question_reason(len(judged) == 2, criterion, rules)
    )


def _counted(
    answers: Iterable[A],
    raters: Mapping[str, RaterFacts],
    settled_as_open: Collection[OpenQuestion],
    rules: DerivationRules,
    counts: Counter[str],
) -> Iterator[A]:
    reasons = {rater: _rater_reason(facts, rules) for rater, facts in raters.items()}
    for answer in answers:
        is_choice = isinstance(answer, Choice)
        name = "choices" if is_choice else "scores"
        counts[name] += 1
        reason = _question_reason(is_choice, answer.criterion, rules) or reasons[answer.rater]
        if settled_as_open and not reason and raters[answer.rater].kind == "person":
            reason = "settled_as_open" if _question(answer) in settled_as_open else ""
        if not reason and (answer.seconds or 0) < rules.min_active_seconds:
            reason = "" if answer.seconds is None else "too_fast"
        if reason:
            counts[reason] += 1
        else:
            counts[f"{name}_counted"] += 1
            yield answer


def _question(answer: Choice | Score) -> OpenQuestion:
    if isinstance(answer, Score):
        return (answer.response,), answer.criterion
    return tuple(sorted((answer.first, answer.second))), answer.criterion


def _settles(rules: DerivationRules) -> bool:
    """Adjudication settles answers of people."""
    return rules.adjudicated_first and "person" in rules.rater_kinds


def _settled(answers: Iterable[A], rules: DerivationRules, counts: Counter[str]) -> Iterator[A]:
    if not _settles(rules):
        return
    for answer in answers:
        if not _question_reason(isinstance(answer, Choice), answer.criterion, rules):
            counts["settled_answers"] += 1
            yield answer


def _question_reason(is_choice: bool, criterion: str, rules: DerivationRules) -> str:
    if rules.evidence != "both" and is_choice != (rules.evidence == "choices"):
        return "other_evidence"
    if rules.weights and not is_choice:
        asked = any(slug == criterion for slug, _ in rules.weights)
    else:
        asked = rules.criteria is None or criterion in rules.criteria
    return "" if asked else "other_criterion"


def _rater_reason(facts: RaterFacts, rules: DerivationRules) -> str:
    if facts.kind not in rules.rater_kinds:
        return "other_kind"
    if rules.qualified_only and not facts.qualified:
        return "not_qualified"
    least, agreement = rules.min_panel_agreement, facts.panel_agreement
    if least is not None and agreement is not None and agreement < least:
        return "below_panel_agreement"
    return ""
