"""One row for two responses: criteria that agree make it together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from annotations.derivation.decide import SECOND, TIE, RowKey, Tally
from annotations.derivation.outcome import DerivedPair


def rows_of(
    tallies: Iterable[Tally],
    counts: Counter[str],
    *,
    split: str,
    group: str,
) -> list[DerivedPair]:
    """Of one stimulus. A contradicted pair that was kept makes a row each way."""
    alike: dict[tuple[RowKey, str], list[Tally]] = defaultdict(list)
    for tally in tallies:
        alike[tally.row_key, tally.outcome].append(tally)
    rows: list[DerivedPair] = []
    for (_, outcome), merged in sorted(alike.items(), key=lambda item: item[0]):
        counts["merged_over_criteria"] += len(merged) - 1
        best = min(merged, key=_rank)
        agreeing = tuple(sorted(tally.source for tally in merged if tally is not best))
        if outcome == TIE:
            counts["tied_pairs"] += 1
            for second in (False, True):
                rows.append(_row(best, agreeing, split, group, second=second, weight=0.5))
        else:
            rows.append(_row(best, agreeing, split, group, second=outcome == SECOND, weight=1.0))
    return rows


def _rank(tally: Tally) -> tuple[bool, int, float, str]:
    """What was settled first, then most votes, then the strongest."""
    votes = {TIE: tally.votes_tied, SECOND: tally.votes_second}
    votes_for = votes.get(tally.outcome, tally.votes_first)
    return not tally.ballot.adjudicated, -votes_for, -tally.strength_for, tally.source


def _row(
    tally: Tally,
    agreeing: tuple[str, ...],
    split: str,
    group: str,
    *,
    second: bool,
    weight: float,
) -> DerivedPair:
    ballot = tally.ballot
    votes = (tally.votes_first, tally.votes_second)
    return DerivedPair(
        chosen=ballot.second if second else ballot.first,
        rejected=ballot.first if second else ballot.second,
        source=tally.source,
        strength=tally.strength_for,
        votes_for=votes[second],
        votes_against=votes[not second],
        votes_tied=tally.votes_tied,
        rater_kind=ballot.kind,
        split=split,
        group=group,
        weight=weight,
        rater=tally.rater,
        agreeing=agreeing,
        contested=tally.contested,
    )
