"""Agreement of a judge with people, beside that of the people among themselves, on the same items.

Krippendorff's alpha of the judge with people is over pairs: an item that m people scored gives m
pairs of the judge and one of them, as it gives m ratings to the alpha of the people. A judge who is
like one more person has the same alpha in both. Items, or clusters of them, are resampled for both
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotations.statistics.alpha_intervals import Measured, measure
from annotations.statistics.alpha_levels import Level
from annotations.statistics.alpha_weighted import Weighted, weighted
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.clustered import encoded
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.judges import judge_scores
from annotations.statistics.ratings import Ratings, ratings
from annotations.statistics.resampling import (
    RESAMPLES,
    SEED,
    bca_interval,
    draw_weights,
    resample_blocks,
)

Array = NDArray[np.float64]
NAME = "judge_alpha"
SMALLEST_OVERLAP = 10
"""Items; below this the alpha of the judge with one person is left empty."""
JUDGE, PEOPLE, DIFFERENCE = "judge and people", "people", "difference"


@one_blas_thread()
def judge_alpha(
    people: Ratings,
    judge: ArrayLike,
    level: Level = "ordinal",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """value: alpha of the judge with people. judge: one score an item, NaN where there is none.

    rows: "judge and people", "people" and their "difference", each with who, alpha, low, high,
    n_items; then one per person, the judge's alpha with that person alone (None below 10 items).
    Items count that the judge and at least two people scored. Raises RatingsError.
    """
    scores = judge_scores(people, judge)
    table, scores = _same_items(people, scores)
    counts: dict[str, Any] = dict(table.counts())
    among = measure(table, level)
    pairs, of_item = _pairs(table, scores)
    because = "no item was scored by the judge and two people"
    beside = measure(pairs, level) if len(of_item) else None
    if beside is None or beside.undefined_because:
        because = beside.undefined_because if beside else because
        return undefined(NAME, because, **counts)
    known = [beside.value, among.value, beside.value - among.value]
    units = np.arange(len(scores)) if table.clusters is None else encoded(table.clusters)[1]
    estimate = Estimate(
        name=NAME,
        value=beside.value,
        no_interval_because="no resamples were asked for",
        confidence=confidence,
        n_clusters=int(units.max()) + 1,
        method=(
            f"Krippendorff's alpha, {level} level, over pairs of the judge and a person, beside "
            "that of the people on the same items; to new items and these people"
        ),
        rows=(*_rows(known, [None] * 3, len(scores)), *_persons(table, scores, level)),
        notes=(f"People among themselves: {among.undefined_because}.",)
        if among.undefined_because
        else (),
        **counts,
    )
    if not resamples:
        return estimate
    if estimate.n_clusters == 1:
        return replace(estimate, no_interval_because="there is only one item, or cluster of items")
    parts = [_part(beside, units[of_item], level), _part(among, units, level)]
    drawn, left_out = _drawn(parts, int(units.max()) + 1, resamples, seed, threads)
    intervals = [
        bca_interval(value, column, without, confidence) if np.isfinite(value) else None
        for value, column, without in zip(known, drawn, left_out, strict=True)
    ]
    ends = [None if part is None else (part.low, part.high) for part in intervals]
    first = intervals[0]
    kind = f"; {first.method} interval from a bootstrap of {_units(table)}" if first else ""
    return replace(
        estimate,
        low=first.low if first else None,
        high=first.high if first else None,
        no_interval_because="" if first else "alpha is the same in every resample",
        method=estimate.method + kind,
        seed=seed,
        resamples=resamples,
        undefined_resamples=float(np.isnan(drawn[0]).mean()),
        rows=(*_rows(known, ends, len(scores)), *estimate.rows[3:]),
    )


def _units(table: Ratings) -> str:
    return "items" if table.clusters is None else "clusters of items"


def _same_items(people: Ratings, judge: Array) -> tuple[Ratings, Array]:
    kept = (people.given.sum(axis=0) >= 2) & ~np.isnan(judge)
    table = replace(
        people,
        values=people.values[:, kept],
        items=tuple(item for item, stays in zip(people.items, kept, strict=True) if stays),
        clusters=None if people.clusters is None else people.clusters[kept],
    )
    return table, judge[kept]


def _pairs(table: Ratings, judge: Array) -> tuple[Ratings, NDArray[np.int64]]:
    """Judge and person x every rating of a person; and the item of each."""
    raters, items = np.nonzero(table.given)
    both = np.stack([judge[items], table.values[raters, items]])
    names = ("judge", "person")
    return ratings(both, raters=names), items.astype(np.int64)


def _part(measured: Measured, units: NDArray[np.int64], level: Level) -> Weighted | None:
    """units: of the table's columns."""
    if measured.undefined_because:
        return None
    columns = units[measured.coded.columns]
    return weighted(measured.counts, level, columns, int(units.max()) + 1)


def _drawn(
    parts: Sequence[Weighted | None], units: int, resamples: int, seed: int, threads: int
) -> tuple[list[Array], list[Array]]:
    """Judge, people, difference: of each resample, and without each unit. NaN where undefined."""

    def block(generator: np.random.Generator, size: int) -> list[Array]:
        weights = draw_weights(generator, units, size)
        return [
            np.full(size, np.nan) if part is None else part.alphas(part.sums(weights))
            for part in parts
        ]

    blocks = resample_blocks(block, resamples=resamples, seed=seed, threads=threads)
    beside, among = (np.concatenate(column) for column in zip(*blocks, strict=True))
    left_out = [np.full(units, np.nan) if part is None else part.left_out() for part in parts]
    return [beside, among, beside - among], [*left_out, left_out[0] - left_out[1]]


def _rows(
    values: Sequence[float], ends: Sequence[tuple[float, float] | None], items: int
) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "who": who,
            "alpha": float(value) if np.isfinite(value) else None,
            "low": None if found is None else found[0],
            "high": None if found is None else found[1],
            "n_items": items,
        }
        for who, value, found in zip((JUDGE, PEOPLE, DIFFERENCE), values, ends, strict=True)
    )


def _persons(table: Ratings, judge: Array, level: Level) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, scores in zip(table.raters, table.values, strict=True):
        given = ~np.isnan(scores)
        alpha = None
        if given.sum() >= SMALLEST_OVERLAP:
            both = np.stack([judge[given], scores[given]])
            found = measure(ratings(both, raters=("judge", name)), level)
            alpha = None if found.undefined_because else found.value
        rows.append(
            {"who": name, "alpha": alpha, "low": None, "high": None, "n_items": int(given.sum())}
        )
    return rows
