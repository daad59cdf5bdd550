"""From answers to preference pairs: at most one row for any two responses, and why others fell out.

1. Where people compared two responses directly, the majority of their answers decides, ties
   counting as answers; scores given to the same two responses are then not asked.
2. Otherwise each rater who scored both votes for the higher score, if it is higher by the margin,
   criterion by criterion, and again the majority decides.
3. Criteria that point in opposite directions cancel the pair; those that agree make one row.
4. A response that somebody flagged as harmful, or that says the same to the same client turn as
   one that was, that stands in a pair somebody called "neither acceptable", or that is empty, is
   never chosen. Two equal replies make no pair.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import fmean

RULES = (__doc__ or "").strip()
STEPS = {
    "compared_directly": "Pairs of responses compared directly",
    "scored_by_one_rater": "Pairs of responses scored by one and the same rater",
    "scored_but_compared_directly": "Scores set aside because the pair was compared directly",
    "preference_tied": "Choices: most raters saw no difference",
    "preference_without_majority": "Choices: no majority",
    "preference_decided": "Choices: decided",
    "rating_tied": "Scores: difference below the margin for most raters",
    "rating_without_majority": "Scores: no majority",
    "rating_decided": "Scores: decided",
    "contradicted_between_criteria": "Dropped: criteria point in opposite directions",
    "merged_over_criteria": "Merged: several criteria agree on the pair",
    "chosen_harmful": "Dropped: the preferred response was flagged as harmful",
    "chosen_neither_acceptable": "Dropped: the preferred response was called not acceptable",
    "chosen_empty": "Dropped: the preferred response is empty",
    "equal_replies": "Dropped: both responses say the same",
    "released": "Released",
}
"""Every count of a derivation in order: pairs, or from "Choices" to "Merged" pairs by criterion."""


@dataclass(frozen=True, order=True)
class Choice:
    """A rater's answer on two responses: below 0 for the first, above for the second, 0 a tie."""

    first: int
    second: int
    criterion: str
    rater: str
    value: int
    neither_acceptable: bool = False


@dataclass(frozen=True, order=True)
class Score:
    stimulus: int
    response: int
    criterion: str
    rater: str
    value: int
    """Higher is better: reverse-scored criteria come turned round."""


@dataclass(frozen=True)
class DerivedPair:
    chosen: int
    rejected: int
    source: str
    strength: float
    votes_for: int
    votes_against: int
    votes_tied: int
    agreeing: tuple[str, ...] = ()
    """Other sources that decided the same way."""


@dataclass(frozen=True)
class Derivation:
    pairs: tuple[DerivedPair, ...]
    counts: Mapping[str, int]
    """Pairs left at each step and fallen out at each filter, in order."""


@dataclass(frozen=True)
class Exclusions:
    harmful: Set[int] = frozenset()
    empty: Set[int] = frozenset()
    replies: Mapping[int, Hashable] = field(default_factory=dict)
    """Response -> what it says; two that say the same make no pair."""


Pair = tuple[int, int]


def derive_pairs(
    choices: Iterable[Choice], scores: Iterable[Score], margin: int, exclusions: Exclusions
) -> Derivation:
    if margin < 1:
        raise ValueError(f"The margin must be at least 1, not {margin}.")
    choices = list(choices)
    counts: Counter[str] = Counter()
    direct = _votes_of_choices(choices)
    counts["compared_directly"] = len({pair for pair, _ in direct})
    indirect = _votes_of_scores(scores, margin)
    counts["scored_by_one_rater"] = len({pair for pair, _ in indirect})
    compared = {pair for pair, _ in direct}
    asked = {key: votes for key, votes in indirect.items() if key[0] not in compared}
    counts["scored_but_compared_directly"] = len(compared & {pair for pair, _ in indirect})
    decided = _decided("preference", direct, counts) + _decided("rating", asked, counts)
    pairs = _one_row_each(decided, counts)
    pairs = _allowed(pairs, choices, exclusions, counts)
    counts["released"] = len(pairs)
    return Derivation(tuple(pairs), {name: counts[name] for name in STEPS})


Votes = dict[tuple[Pair, str], list[int]]
"""(two responses in ascending order, criterion) -> one signed vote for each rater."""


def _votes_of_choices(choices: Iterable[Choice]) -> Votes:
    votes: Votes = defaultdict(list)
    for choice in sorted(choices):
        turned = choice.first > choice.second
        pair = (choice.second, choice.first) if turned else (choice.first, choice.second)
        votes[pair, choice.criterion].append(-choice.value if turned else choice.value)
    return votes


def _votes_of_scores(scores: Iterable[Score], margin: int) -> Votes:
    by_rater: dict[tuple[int, str, str], dict[int, int]] = defaultdict(dict)
    for score in scores:
        by_rater[score.stimulus, score.criterion, score.rater][score.response] = score.value
    votes: Votes = defaultdict(list)
    for (_, criterion, _), values in sorted(by_rater.items()):
        for first, second in combinations(sorted(values), 2):
            difference = values[second] - values[first]
            votes[(first, second), criterion].append(difference if abs(difference) >= margin else 0)
    return votes


def _decided(kind: str, votes: Votes, counts: Counter[str]) -> list[DerivedPair]:
    """Counts, per pair and criterion, what most raters decided."""
    found = []
    for name in ("tied", "without_majority", "decided"):
        counts[f"{kind}_{name}"] = 0
    for (pair, criterion), values in sorted(votes.items()):
        against, tied, for_second = (
            sum(value < 0 for value in values),
            sum(value == 0 for value in values),
            sum(value > 0 for value in values),
        )
        if 2 * max(against, for_second) > len(values):
            counts[f"{kind}_decided"] += 1
            found.append(_winner(pair, f"{kind}:{criterion}", values))
        elif 2 * tied > len(values):
            counts[f"{kind}_tied"] += 1
        else:
            counts[f"{kind}_without_majority"] += 1
    return found


def _winner(pair: Pair, source: str, values: list[int]) -> DerivedPair:
    sign = 1 if sum(value > 0 for value in values) > sum(value < 0 for value in values) else -1
    votes_for = [abs(value) for value in values if value * sign > 0]
    return DerivedPair(
        chosen=pair[1] if sign > 0 else pair[0],
        rejected=pair[0] if sign > 0 else pair[1],
        source=source,
        strength=round(fmean(votes_for), 6),
        votes_for=len(votes_for),
        votes_against=sum(value * sign < 0 for value in values),
        votes_tied=sum(value == 0 for value in values),
    )


def _one_row_each(decided: list[DerivedPair], counts: Counter[str]) -> list[DerivedPair]:
    groups: dict[frozenset[int], list[DerivedPair]] = defaultdict(list)
    for pair in decided:
        groups[frozenset((pair.chosen, pair.rejected))].append(pair)
    counts["contradicted_between_criteria"] = counts["merged_over_criteria"] = 0
    rows = []
    for group in groups.values():
        if len({pair.chosen for pair in group}) > 1:
            counts["contradicted_between_criteria"] += 1
            continue
        counts["merged_over_criteria"] += len(group) - 1
        best = min(group, key=lambda pair: (-pair.votes_for, -pair.strength, pair.source))
        others = sorted(pair.source for pair in group if pair is not best)
        rows.append(replace(best, agreeing=tuple(others)))
    return rows


def _allowed(
    pairs: list[DerivedPair],
    choices: list[Choice],
    exclusions: Exclusions,
    counts: Counter[str],
) -> list[DerivedPair]:
    unacceptable = {
        response
        for choice in choices
        if choice.neither_acceptable
        for response in (choice.first, choice.second)
    }
    replies = exclusions.replies
    filters: dict[str, Callable[[DerivedPair], bool]] = {
        "chosen_harmful": lambda pair: pair.chosen in exclusions.harmful,
        "chosen_neither_acceptable": lambda pair: pair.chosen in unacceptable,
        "chosen_empty": lambda pair: pair.chosen in exclusions.empty,
        "equal_replies": lambda pair: (
            pair.chosen in replies and replies[pair.chosen] == replies.get(pair.rejected)
        ),
    }
    for name, falls_out in filters.items():
        kept = [pair for pair in pairs if not falls_out(pair)]
        counts[name] = len(pairs) - len(kept)
        pairs = kept
    return pairs
