"""Krippendorff's alpha on four levels, with BCa intervals.

Krippendorff (2011), Computing Krippendorff's Alpha-Reliability. Efron (1987), Better bootstrap
confidence intervals, JASA 82, 171-185.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from annotations.statistics.alpha_intervals import (
    Bootstrapped,
    Drawing,
    Measured,
    bootstrap,
    check_same_items,
    measure,
    with_interval,
)
from annotations.statistics.alpha_levels import Level
from annotations.statistics.alpha_weighted import weighted
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.counts import Numbers
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import Ratings
from annotations.statistics.resampling import RESAMPLES, SEED

NOT_ASKED_FOR = "no resamples were asked for"
INFLUENCE_NOTE = (
    "The acceleration of BCa comes from the infinitesimal jackknife: there are many different "
    "scores."
)


def alpha(
    table: Ratings,
    level: Level,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """alpha_ordinal, alpha_interval, alpha_nominal or alpha_ratio.

    Items with two ratings or more are resampled, or their clusters where the table has them;
    resamples=0 gives the value alone. Raises PackageDisagreementError where the krippendorff
    package can run and gives another value.
    """
    (estimate,) = alphas(
        [table], level, confidence=confidence, resamples=resamples, seed=seed, threads=threads
    )
    return estimate


@one_blas_thread()
def alphas(
    tables: Sequence[Ratings],
    level: Level,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> tuple[Estimate, ...]:
    """As `alpha`, per table (a criterion each, say), all from the same resamples of the items.

    An item is resampled where it has two ratings in any of the tables. Raises RatingsError for
    tables of different items.
    """
    return tuple(estimated(tables, level, Drawing(confidence, resamples, seed, threads)).alphas)


@dataclass(frozen=True, eq=False)
class Estimated:
    """Alphas of several tables, with the resamples that their intervals come from."""

    alphas: list[Estimate]
    measured: list[Measured]
    place: dict[int, int]
    """Table -> row of `drawn`, of the tables whose alpha is defined."""
    drawn: Bootstrapped | None
    """None where no alpha is defined, or no resamples were asked for."""


def estimated(tables: Sequence[Ratings], level: Level, drawing: Drawing) -> Estimated:
    """Raises RatingsError for tables of different items."""
    check_same_items(tables)
    measured = [measure(table, level) for table in tables]
    estimates = [point_estimate(one) for one in measured]
    defined = [number for number, one in enumerate(measured) if not one.undefined_because]
    place = {number: row for row, number in enumerate(defined)}
    if not defined or drawing.resamples == 0:
        return Estimated(estimates, measured, place, None)
    drawn = bootstrap([measured[number] for number in defined], drawing)
    for number, row in place.items():
        estimates[number] = with_interval(
            replace(estimates[number], no_interval_because=""),
            measured[number].value,
            drawn.replicates[row],
            drawn.left_out[row],
            drawing,
            clusters=drawn.clusters,
        )
    return Estimated(estimates, measured, place, drawn)


def point_estimate(measured: Measured) -> Estimate:
    """The value without an interval, compared with the krippendorff package."""
    name = f"alpha_{measured.level}"
    counted: dict[str, Any] = measured.table.counts()
    if measured.undefined_because:
        return undefined(name, measured.undefined_because, **counted)
    many = measured.counts.sparse and measured.level != "interval"
    return Estimate(
        name=name,
        value=measured.value,
        no_interval_because=NOT_ASKED_FOR,
        method=f"Krippendorff's alpha, {measured.level} level",
        computed_by=measured.computed_by,
        notes=(INFLUENCE_NOTE,) if many else (),
        **counted,
    )


@one_blas_thread()
def alpha_value(table: Ratings, level: Level) -> float | None:
    """None where alpha is undefined."""
    measured = measure(table, level)
    return None if measured.undefined_because else measured.value


@one_blas_thread()
def alpha_of_weights(table: Ratings, level: Level, weights: Numbers) -> Numbers:
    """weights: resamples x items, how often each item counts -> alpha per resample, NaN where it
    is undefined. Items with one rating or none count nothing.

    Raises ValueError for weights that are not whole numbers.
    """
    if not ((weights >= 0) & (weights == np.round(weights))).all():
        raise ValueError("Weights say how often each item came in a resample of the items.")
    measured = measure(table, level)
    if measured.undefined_because:
        return np.full(len(weights), np.nan)
    part = weighted(measured.counts, level, measured.coded.columns, len(table.items))
    return part.alphas(part.sums(weights))
