"""Two runs over the same cases, figure by figure.

Test: under the hypothesis that it does not matter which run gave which answer, the two answers of
a session can change places. p is the share of such exchanges whose difference is at least as far
from 0 (all of them where there are few sessions, else random ones, counting the observed one;
Phipson & Smyth 2010, doi 10.2202/1544-6115.1585). Interval: percentile bootstrap of the difference
over sessions, both runs with the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.benchmarks.contract import (
    BenchmarkError,
    Case,
    Difference,
    Options,
    PairedReport,
    Suite,
)
from inference.benchmarks.embedding import encoder_of
from inference.benchmarks.measures import Floats, Measure
from inference.benchmarks.resampling import Groups, percentile_interval, resampled, swaps
from inference.benchmarks.scoring import check, suite_scores
from inference.recognition.estimates import Interval

TOLERANCE = 1e-12
"""Differences that are equal but for rounding count as equal."""
ONE_GROUP = "all cases belong to one of the {unit}"
FEW = 6


def paired(
    suite: Suite,
    cases: Sequence[Case],
    against: Sequence[Case],
    options: Options | None = None,
) -> PairedReport:
    """`cases` minus `against`, over the keys that both have. Raises BenchmarkError where there are
    none, or where the two say different things about the corpus."""
    options = options or Options()
    check(cases)
    check(against)
    mine, theirs = {case.key: case for case in cases}, {case.key: case for case in against}
    common = sorted(mine.keys() & theirs.keys())
    if not common:
        raise BenchmarkError(
            "The two runs have no case in common. Give runs over the same corpus and splits."
        )
    for key in common:
        _check_same(mine[key], theirs[key])
    encoder = encoder_of(options)
    first = suite_scores(suite, [mine[key] for key in common], options, encoder)
    second = suite_scores(suite, [theirs[key] for key in common], options, encoder)
    compared = list(zip(first.measures, second.measures, strict=True))
    both = [pair for pair in compared if all(one.point is not None for one in pair)]
    undefined = [one.title for one, other in compared if (one, other) not in both]
    return PairedReport(
        suite=suite,
        n=len(common),
        groups=first.groups.count,
        only_run=len(mine) - len(common),
        only_against=len(theirs) - len(common),
        differences=tuple(_differences(both, first.groups, options)),
        notes=tuple(_notes(first.groups, undefined, options)),
        options=options,
    )


def _check_same(one: Case, other: Case) -> None:
    pairs = (
        ("session", one.group, other.group),
        ("human reply", one.reference, other.reference),
        ("client's emotion", one.client_emotion.truth, other.client_emotion.truth),
        ("therapist's emotion", one.therapist_emotion.truth, other.therapist_emotion.truth),
        ("strategy", one.strategy.truth, other.strategy.truth),
    )
    for what, mine, theirs in pairs:
        if mine != theirs:
            raise BenchmarkError(
                f"Case {one.key}: the {what} is {mine[:60]!r} for one run and {theirs[:60]!r} for "
                "the other. Give runs over the same corpus."
            )


def _differences(
    both: Sequence[tuple[Measure, Measure]], groups: Groups, options: Options
) -> list[Difference]:
    ones, others = [one for one, _ in both], [other for _, other in both]
    observed = np.array([_point(one) - _point(other) for one, other in both])
    p, test = _p_values(both, groups, options)
    adjusted = holm(p)
    intervals = _intervals(ones, others, groups, options)
    return [
        Difference(
            name=one.name,
            title=one.title,
            run=_point(one),
            against=_point(other),
            difference=float(observed[place]),
            interval=intervals[place][0],
            no_interval_because=intervals[place][1],
            p=float(p[place]),
            p_holm=float(adjusted[place]),
            test=test,
            n=min(one.n, other.n),
            groups=groups.count,
        )
        for place, (one, other) in enumerate(both)
    ]


def _point(measure: Measure) -> float:
    assert measure.point is not None  # noqa: S101 - only defined ones are paired
    return measure.point


def _intervals(
    ones: Sequence[Measure], others: Sequence[Measure], groups: Groups, options: Options
) -> list[tuple[Interval | None, str]]:
    if groups.count < 2:
        return [(None, ONE_GROUP.format(unit=groups.unit))] * len(ones)
    drawn = zip(resampled(ones, groups, options), resampled(others, groups, options), strict=True)
    return [percentile_interval(mine - theirs, groups, options) for mine, theirs in drawn]


def _p_values(
    both: Sequence[tuple[Measure, Measure]], groups: Groups, options: Options
) -> tuple[NDArray[np.float64], str]:
    chosen, complete = swaps(groups.count, options)
    sums = {id(one.cells): groups.sums(one.cells) for one, _ in both}
    apart = {id(one.cells): groups.sums(other.cells) - sums[id(one.cells)] for one, other in both}
    wholes = {key: found.sum(axis=0) for key, found in sums.items()}
    observed = [abs(_value(one, one.cells) - _value(other, other.cells)) for one, other in both]
    extreme, total = np.zeros(len(both)), 0
    for exchanged in chosen:
        total += len(exchanged)
        moved = {key: exchanged @ found for key, found in apart.items()}
        for place, (one, _) in enumerate(both):
            key = id(one.cells)
            mine = one.value(wholes[key] + moved[key])
            theirs = one.value(wholes[key] + apart[key].sum(axis=0) - moved[key])
            # An undefined difference counts as far: p is never too small for it.
            extreme[place] += (~(np.abs(mine - theirs) < observed[place] - TOLERANCE)).sum()
    how = f"exchange of the runs' answers within {groups.unit}"
    if complete:
        return extreme / total, f"{how}, all {total:,} ways"
    return (extreme + 1) / (total + 1), f"{how}, {total:,} random ways, seed {options.seed}"


def _value(measure: Measure, cells: Floats) -> float:
    return float(measure.value(cells.sum(axis=0)))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm (1979), A simple sequentially rejective multiple test procedure."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    ordered = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted[order] = np.minimum(1, ordered)
    return adjusted


def _notes(groups: Groups, undefined: Sequence[str], options: Options) -> list[str]:
    notes = []
    if groups.count < FEW:
        notes.append(
            f"With {groups.count} {groups.unit} the smallest possible p is "
            f"{2 / 2**groups.count:g}: the test cannot be convincing."
        )
    if undefined:
        notes.append(f"Undefined for one of the runs, so not compared: {', '.join(undefined)}.")
    if options.as_published:
        notes.append(
            "As published: each run leaves out its own unreadable answers, so the two figures are "
            "not over the same cases."
        )
    return notes
