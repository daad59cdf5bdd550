"""From answers to preference pairs, and why others fell out: every rule in its order.

Answers that count -> votes on two responses -> what they decide -> what is contested -> what is
never preferred -> one row a pair -> lengths balanced -> splits. The output depends on the set of
answers alone, not on their order or on which response came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from annotations.derivation.balance import rows_to_drop
from annotations.derivation.contested import leave_out_contested
from annotations.derivation.decide import FIRST, SECOND, TIE, Tally, candidates, decide
from annotations.derivation.evidence import Evidence
from annotations.derivation.filters import answers_by_stimulus
from annotations.derivation.merge import rows_of
from annotations.derivation.outcome import Comparison, Derivation, DerivedPair
from annotations.derivation.rules import DerivationRules
from annotations.derivation.safety import barred_responses, leave_out_barred
from annotations.derivation.splits import split_of, splits_of_groups
from annotations.derivation.steps import STEPS
from annotations.derivation.votes import ballots_of

_ROW_ORDER = attrgetter("chosen", "rejected", "rater_kind", "rater", "source")
_COMPARISON_ORDER = attrgetter("first", "second", "criterion", "evidence", "rater_kind", "rater")


def derive(evidence: Evidence, rules: DerivationRules) -> Derivation:
    """Raises KeyError where evidence lacks the facts on a response or rater that it names."""
    counts: Counter[str] = Counter()
    answers = answers_by_stimulus(evidence, rules, counts)
    barred = barred_responses(evidence, rules)
    widest = _widest_scale(evidence, rules)
    rows: list[DerivedPair] = []
    comparisons: list[Comparison] = []
    for stimulus in sorted(answers):
        ballots = ballots_of(answers.pop(stimulus), evidence.raters, rules, widest, counts)
        tallies = [tally for ballot in ballots for tally in decide(ballot, rules, counts)]
        if not tallies:
            continue
        staying = candidates(tallies, rules, counts)
        staying = leave_out_contested(staying, evidence.responses, rules, counts)
        staying = leave_out_barred(staying, barred, counts)
        facts = evidence.responses[tallies[0].ballot.first]
        rows += rows_of(staying, counts, split=split_of(facts, rules), group=facts.group)
        comparisons += _in_the_table(tallies, rules)
    if rules.balance_length:
        dropped = rows_to_drop(rows, evidence.responses, rules)
        counts["length_balanced"] = len(dropped)
        rows = [row for row in rows if row not in dropped]
        comparisons = _without(comparisons, dropped, rules)
    counts["released"] = len(rows)
    return Derivation(
        pairs=tuple(sorted(rows, key=_ROW_ORDER)),
        comparisons=tuple(sorted(comparisons, key=_COMPARISON_ORDER)),
        counts={name: counts[name] for name in STEPS},
        barred=barred,
        splits=splits_of_groups(evidence.responses.values(), rules),
    )


def _widest_scale(evidence: Evidence, rules: DerivationRules) -> float:
    weighted = {slug for slug, _ in rules.weights}
    scores = (*evidence.scores, *evidence.settled_scores) if weighted else ()
    return max((s.high - s.low for s in scores if s.criterion in weighted), default=1)


def _in_the_table(tallies: Iterable[Tally], rules: DerivationRules) -> list[Comparison]:
    return [
        tally.comparison() for tally in tallies if tally.outcome != TIE or rules.ties != "dropped"
    ]


def _without(
    comparisons: Iterable[Comparison], dropped: Iterable[DerivedPair], rules: DerivationRules
) -> list[Comparison]:
    """Names the step for every comparison that made one of the dropped rows."""
    keys = {
        (row.chosen, row.rejected, row.rater_kind, row.rater, _criterion(row.source, rules))
        for row in dropped
    }
    return [
        replace(found, outcome="length_balanced") if _made(found, rules) in keys else found
        for found in comparisons
    ]


def _criterion(source: str, rules: DerivationRules) -> str:
    return source.partition(":")[2] if rules.per_criterion else ""


def _made(found: Comparison, rules: DerivationRules) -> tuple[int, int, str, str, str] | None:
    criterion = found.criterion if rules.per_criterion else ""
    pair = {FIRST: (found.first, found.second), SECOND: (found.second, found.first)}
    if found.outcome not in pair:
        return None
    return *pair[found.outcome], found.rater_kind, found.rater, criterion
