"""Bootstrap and jackknife of alpha, of one table or of several on the same items.

Items with two ratings or more are resampled, or the clusters they belong to; never single ratings,
because a rater drawn twice would agree with itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from annotations.statistics import resampling
from annotations.statistics.alpha_levels import ROUNDING, Level, point_alpha, why_undefined
from annotations.statistics.alpha_weighted import Weighted, weighted
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.counts import Coded, Counts, Numbers, code_ratings
from annotations.statistics.estimate import Estimate
from annotations.statistics.multinomial import draw_counts
from annotations.statistics.package_check import computed_by
from annotations.statistics.ratings import Ratings, RatingsError

ONE_CLUSTER = "all items belong to one cluster"
NO_SPREAD = "every resample gives the same value"
OFTEN_UNDEFINED = "the statistic is undefined in more than half of the resamples"
MOST_UNDEFINED = 0.5


@dataclass(frozen=True)
class Drawing:
    """How an interval is drawn; the same digits whatever the number of threads."""

    confidence: float
    resamples: int
    seed: int
    threads: int


@dataclass(frozen=True, eq=False)
class Measured:
    """A table, and its alpha or why there is none."""

    table: Ratings
    level: Level
    coded: Coded
    counts: Counts
    undefined_because: str
    value: float
    """NaN where it is undefined."""

    @cached_property
    def computed_by(self) -> str:
        """The krippendorff package is asked once a table."""
        return computed_by(self.counts, self.level, self.value)


@dataclass(frozen=True, eq=False)
class Bootstrapped:
    replicates: Numbers
    """tables x resamples, NaN where undefined."""
    left_out: Numbers
    """tables x units: alpha without each of what is resampled."""
    clusters: int | None
    """How many, where clusters were resampled."""


def measure(table: Ratings, level: Level) -> Measured:
    coded = code_ratings(table)
    counts = coded.counts()
    because = why_undefined(counts, level)
    value = float("nan") if because else point_alpha(counts, level)
    return Measured(table, level, coded, counts, because, value)


def check_same_items(tables: Sequence[Ratings]) -> None:
    """Raises RatingsError unless the tables have the same items, in order and in clusters."""
    one = tables[0]
    for two in tables[1:]:
        if len(one.items) != len(two.items):
            raise RatingsError(
                f"The tables have {len(one.items)} and {len(two.items)} items; to be resampled "
                "together they need the same items in the same order."
            )
        if one.items != two.items:
            raise RatingsError("The tables name different items, or the same in another order.")
        if not _same_clusters(one, two):
            raise RatingsError("The tables put the items into different clusters.")


def _same_clusters(one: Ratings, two: Ratings) -> bool:
    if one.clusters is None or two.clusters is None:
        return one.clusters is two.clusters
    return np.array_equal(one.clusters, two.clusters)


def bootstrap(measured: Sequence[Measured], drawing: Drawing) -> Bootstrapped:
    """Of tables with the same items and a defined alpha each.

    All get the same weights, so that differences between them are paired. What is resampled has
    an item with two ratings or more in at least one of the tables.
    """
    parts, units = _weighted(measured)

    def block(generator: np.random.Generator, size: int) -> list[Numbers]:
        weights = draw_counts(generator, units, size)
        return [part.sums(weights) for part in parts]

    with one_blas_thread():
        blocks = resampling.resample_blocks(
            block, resamples=drawing.resamples, seed=drawing.seed, threads=drawing.threads
        )
        sums = [np.concatenate(of_part) for of_part in zip(*blocks, strict=True)]
        replicates = [part.alphas(of_part) for part, of_part in zip(parts, sums, strict=True)]
        left_out = [part.left_out() for part in parts]
    clusters = None if measured[0].table.clusters is None else units
    return Bootstrapped(np.stack(replicates), np.stack(left_out), clusters)


@one_blas_thread()
def alpha_jackknife(table: Ratings, level: Level) -> Numbers:
    """Alpha without each item that has two ratings or more (or each cluster of them) in turn."""
    (part,), _ = _weighted([measure(table, level)])
    return part.left_out()


def jackknife_variance(values: Numbers) -> float:
    """(n - 1) / n sum_i (a_(-i) - mean)^2; Efron & Stein (1981), The jackknife estimate of
    variance, The Annals of Statistics 9, 586-596."""
    return float((len(values) - 1) * values.var())


def _weighted(measured: Sequence[Measured]) -> tuple[list[Weighted], int]:
    columns = np.unique(np.concatenate([one.coded.columns for one in measured]))
    clusters = measured[0].table.clusters
    unit_of = np.zeros(len(measured[0].table.items), dtype=np.intp)
    present, places = np.unique(
        columns if clusters is None else clusters[columns], return_inverse=True
    )
    unit_of[columns] = places
    parts = [
        weighted(one.counts, one.level, unit_of[one.coded.columns], len(present))
        for one in measured
    ]
    return parts, len(present)


def with_interval(
    estimate: Estimate,
    value: float,
    replicates: Numbers,
    left_out: Numbers,
    drawing: Drawing,
    *,
    clusters: int | None,
) -> Estimate:
    """The estimate of this value with its BCa interval, or with the reason why it has none.

    replicates: one per resample; left_out: the statistic without each unit in turn; clusters: how
    many were resampled, None where items were.
    """
    defined = replicates[np.isfinite(replicates)]
    estimate = replace(
        estimate,
        confidence=drawing.confidence,
        n_clusters=clusters,
        seed=drawing.seed,
        resamples=drawing.resamples,
        undefined_resamples=1 - defined.size / replicates.size,
    )
    because = why_no_spread(replicates, clusters)
    interval = resampling.bca_interval(value, replicates, left_out, drawing.confidence)
    if because or interval is None:
        return replace(estimate, no_interval_because=because or NO_SPREAD)
    return replace(
        estimate,
        low=interval.low,
        high=interval.high,
        standard_error=float(defined.std(ddof=1)),
        method=f"{estimate.method}; {_interval_method(interval.method, drawing, clusters)}",
    )


def why_no_spread(replicates: Numbers, clusters: int | None) -> str:
    """Why the resamples say nothing of how sure the value is; empty where they do."""
    defined = replicates[np.isfinite(replicates)]
    if clusters == 1:
        return ONE_CLUSTER
    if defined.size < MOST_UNDEFINED * replicates.size:
        return OFTEN_UNDEFINED
    # What rounding leaves of one value is not a spread.
    return NO_SPREAD if np.ptp(defined) < ROUNDING else ""


def _interval_method(kind: str, drawing: Drawing, clusters: int | None) -> str:
    what = "items" if clusters is None else "clusters of items"
    fallback = "" if kind == "BCa" else ", because BCa's corrections are undefined here"
    return (
        f"{100 * drawing.confidence:g} % {kind} bootstrap interval{fallback} "
        f"({drawing.resamples:,} resamples of {what} with two ratings or more)"
    )
