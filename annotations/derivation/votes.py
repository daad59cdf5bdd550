"""From the answers on one stimulus to ballots: a signed vote of every rater on two responses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from annotations.derivation.evidence import ADJUDICATED, Choice, RaterFacts, Score
from annotations.derivation.filters import StimulusAnswers
from annotations.derivation.rules import DerivationRules, RaterKind

WEIGHTED = "weighted"
PREFERENCE, RATING = "preference", "rating"

Question = tuple[int, int, str, RaterKind]
"""Two responses in ascending order, criterion, kind of raters."""
Votes = dict[Question, dict[str, float]]
"""Question -> rater -> vote: below 0 for the first response, above for the second, 0 a tie."""
Ends = tuple[float, float]
"""Of a scale: a criterion can have another one in another part of a study."""
Points = dict[tuple[str, str], dict[Ends, dict[int, float]]]
"""(criterion, rater) -> ends of the scale -> response -> points."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """Every vote on one question, from one source."""

    first: int
    second: int
    criterion: str
    kind: RaterKind
    evidence: str
    votes: Mapping[str, float]
    adjudicated: bool
    superseded: bool
    """Scores on responses that the same kind of raters compared directly."""


def ballots_of(
    answers: StimulusAnswers,
    raters: Mapping[str, RaterFacts],
    rules: DerivationRules,
    widest: float,
    counts: Counter[str],
) -> list[Ballot]:
    """`widest` is the span of the widest scale among weighted criteria, in points.

    What was settled stands in for all votes on the same question. Settled scores decide where
    both responses have one: a settled score and a rater's are not subtracted. Scores are no way
    round what was settled as a pair on which nobody can tell.
    """
    direct = _votes_of_choices(answers.choices, raters)
    settled = _votes_of_choices(answers.settled_choices, raters)
    found = _ballots(PREFERENCE, direct, settled, set(), rules)
    cannot_tell: set[Question] = {(*pair, "person") for pair in answers.open_pairs}
    compared = {_superseding(question, rules) for question in {*direct, *settled, *cannot_tell}}
    safety = _points(answers.safety_scores)
    indirect, settled = (
        _votes_of_scores(scores, raters, rules, widest, safety, counts)
        for scores in (answers.scores, answers.settled_scores)
    )
    return found + _ballots(RATING, indirect, settled, compared, rules)


def _ballots(
    evidence: str, votes: Votes, settled: Votes, compared: set[Question], rules: DerivationRules
) -> list[Ballot]:
    return [
        Ballot(
            *question,
            evidence=evidence,
            votes=by_rater,
            adjudicated=question in settled,
            superseded=bool(compared) and _superseding(question, rules) in compared,
        )
        for question, by_rater in sorted({**votes, **settled}.items(), key=lambda item: item[0])
    ]


def _superseding(question: Question, rules: DerivationRules) -> Question:
    """What a direct comparison speaks for: the pair, or the pair on its criterion alone."""
    first, second, criterion, kind = question
    return first, second, criterion if rules.per_criterion else "", kind


def _kind(rater: str, raters: Mapping[str, RaterFacts]) -> RaterKind:
    return "person" if rater == ADJUDICATED else raters[rater].kind


def _votes_of_choices(choices: Iterable[Choice], raters: Mapping[str, RaterFacts]) -> Votes:
    """A rater who answered the same question twice has one vote, the mean."""
    values: dict[Question, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for choice in choices:
        turned = choice.first > choice.second
        pair = (choice.second, choice.first) if turned else (choice.first, choice.second)
        question = (*pair, choice.criterion, _kind(choice.rater, raters))
        values[question][choice.rater].append(-choice.value if turned else choice.value)
    return {
        question: {rater: fmean(given) for rater, given in sorted(by_rater.items())}
        for question, by_rater in values.items()
    }


def _votes_of_scores(
    scores: Iterable[Score],
    raters: Mapping[str, RaterFacts],
    rules: DerivationRules,
    widest: float,
    safety: Points,
    counts: Counter[str],
) -> Votes:
    """Only scores of one and the same rater on one and the same scale are subtracted; of a pair
    scored on several, those on the widest."""
    points = _weighted_points(scores, rules, widest) if rules.weights else _points(scores)
    votes: Votes = defaultdict(dict)
    for (criterion, rater), by_scale in sorted(points.items()):
        kind = _kind(rater, raters)
        for (first, second), difference in _differences(by_scale).items():
            vote = round(difference, 9)
            if abs(vote) < rules.margin:
                vote = 0.0
            elif rules.weights and _buys_harm(vote, first, second, rater, rules, safety):
                counts["warmth_for_harm"] += 1
                vote = 0.0
            votes[first, second, criterion, kind][rater] = vote
    return votes


def _differences(by_scale: Mapping[Ends, Mapping[int, float]]) -> dict[tuple[int, int], float]:
    """Of each pair in ascending order: the second response's points less the first's."""
    found = {}
    for ends in sorted(by_scale, key=lambda ends: (ends[1] - ends[0], ends)):
        values = by_scale[ends]
        for first, second in combinations(sorted(values), 2):
            found[first, second] = values[second] - values[first]
    return found


def _points(scores: Iterable[Score]) -> Points:
    """The mean where a rater scored the same response twice."""
    given: dict[tuple[str, str, Ends], dict[int, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for score in scores:
        ends = (score.low, score.high)
        given[score.criterion, score.rater, ends][score.response].append(score.value)
    points: Points = defaultdict(dict)
    for (criterion, rater, ends), by_response in given.items():
        means = {response: fmean(values) for response, values in by_response.items()}
        points[criterion, rater][ends] = means
    return points


def _weighted_points(scores: Iterable[Score], rules: DerivationRules, widest: float) -> Points:
    """Of the responses that a rater scored on every weighted criterion: sum(w * s) / sum(w).

    s are points above the lower end, stretched to the widest scale where scales differ.
    """
    given: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        share = (score.value - score.low) / ((score.high - score.low) or 1)
        given[score.rater, score.response][score.criterion].append(share * widest)
    total = sum(weight for _, weight in rules.weights)
    points: Points = defaultdict(lambda: defaultdict(dict))
    for (rater, response), by_criterion in given.items():
        if len(by_criterion) == len(rules.weights):
            weighted = (weight * fmean(by_criterion[slug]) for slug, weight in rules.weights)
            points[WEIGHTED, rater][0, widest][response] = sum(weighted) / total
    return points


def _buys_harm(
    vote: float, first: int, second: int, rater: str, rules: DerivationRules, safety: Points
) -> bool:
    """The rater found the response that the weighted mean prefers the less safe one."""
    preferred, other = (second, first) if vote > 0 else (first, second)
    for criterion in rules.safety_criteria:
        for values in safety.get((criterion, rater), {}).values():
            if preferred in values and other in values and values[preferred] < values[other]:
                return True
    return False
