"""What alpha owes to the people who rated: without each of them, and for people to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from annotations.statistics.alpha import point_estimate
from annotations.statistics.alpha_intervals import (
    Drawing,
    Measured,
    bootstrap,
    jackknife_variance,
    measure,
    why_no_spread,
)
from annotations.statistics.alpha_levels import Level, point_alpha, why_undefined
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.estimate import CONFIDENCE, Estimate
from annotations.statistics.ratings import Ratings
from annotations.statistics.resampling import RESAMPLES, SEED

FEWEST_RATERS = 5
NOT_THE_QUESTION = "a list of single raters has no interval"


@one_blas_thread()
def alpha_leave_one_rater_out(table: Ratings, level: Level) -> Estimate:
    """The value is the alpha of all. Rows: rater, alpha without this rater, change (that alpha less
    the alpha of all), n_ratings of this rater, undefined_because; raters with ratings only.
    """
    measured = measure(table, level)
    return replace(
        point_estimate(measured),
        name="alpha_leave_one_rater_out",
        no_interval_because="" if measured.undefined_because else NOT_THE_QUESTION,
        method=f"Krippendorff's alpha, {level} level, of all raters and without each in turn",
        rows=_rows(measured),
    )


def _rows(measured: Measured) -> tuple[Mapping[str, Any], ...]:
    given = measured.table.given.sum(axis=1)
    without = _without_each(measured)
    # Who rated only what nobody else did changes nothing by leaving.
    unchanged = measured.value, measured.undefined_because
    return tuple(
        _row(measured, row, int(given[row]), *without.get(row, unchanged))
        for row in map(int, np.flatnonzero(given))
    )


def _row(
    measured: Measured, row: int, ratings: int, value: float, because: str
) -> Mapping[str, Any]:
    compared = not because and not measured.undefined_because
    return {
        "rater": measured.table.raters[row],
        "alpha": None if because else value,
        "change": value - measured.value if compared else None,
        "n_ratings": ratings,
        "undefined_because": because,
    }


def _without_each(measured: Measured) -> dict[int, tuple[float, str]]:
    """Per row of the table with pairable ratings: the alpha of the others, or why it has none."""
    found = {}
    for row, counts in measured.coded.without_each():
        because = why_undefined(counts, measured.level)
        found[row] = (np.nan if because else point_alpha(counts, measured.level), because)
    return found


@one_blas_thread()
def alpha_ci_new_raters(
    table: Ratings,
    level: Level,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """Alpha with an interval that holds for other raters of the same kind on other such items.

    The bootstrap variance over items (or clusters) plus the jackknife variance over raters, with
    t on M - 1 degrees of freedom for M raters; intervals from items alone are too short for raters
    to come. Not estimable from fewer than five raters.
    """
    measured = measure(table, level)
    estimate = replace(point_estimate(measured), name="alpha_ci_new_raters", no_interval_because="")
    if measured.undefined_because:
        return estimate
    without = _without_each(measured)
    because = _why_not_estimable(measured, without)
    if because:
        return replace(estimate, no_interval_because=because)
    drawing = Drawing(confidence, resamples, seed, threads)
    return _with_t_interval(estimate, measured, [value for value, _ in without.values()], drawing)


def _why_not_estimable(measured: Measured, without: Mapping[int, tuple[float, str]]) -> str:
    if len(without) < FEWEST_RATERS:
        return (
            f"what other raters would give is not estimable from {len(without)} raters who share "
            f"items with others; it takes {FEWEST_RATERS}"
        )
    for row, (_, because) in without.items():
        if because:
            rater = measured.table.raters[row]
            return f"what other raters would give is not estimable: without {rater}, {because}"
    return ""


def _with_t_interval(
    estimate: Estimate, measured: Measured, without: Sequence[float], drawing: Drawing
) -> Estimate:
    drawn = bootstrap([measured], drawing)
    replicates = drawn.replicates[0]
    defined = replicates[np.isfinite(replicates)]
    estimate = replace(
        estimate,
        confidence=drawing.confidence,
        n_clusters=drawn.clusters,
        seed=drawing.seed,
        resamples=drawing.resamples,
        undefined_resamples=1 - defined.size / replicates.size,
    )
    because = why_no_spread(replicates, drawn.clusters)
    if because:
        return replace(estimate, no_interval_because=because)
    variance = defined.var(ddof=1) + jackknife_variance(np.array(without))
    error = float(np.sqrt(variance))
    reach = float(stdtrit(len(without) - 1, (1 + drawing.confidence) / 2)) * error
    what = "items" if drawn.clusters is None else "clusters of items"
    return replace(
        estimate,
        low=measured.value - reach,
        high=min(1.0, measured.value + reach),
        standard_error=error,
        method=(
            f"{estimate.method}; {100 * drawing.confidence:g} % interval for new raters and new "
            f"items: bootstrap variance over {what} ({drawing.resamples:,} resamples) plus "
            f"jackknife variance over {len(without)} raters, t with {len(without) - 1} degrees of "
            f"freedom, cut at 1"
        ),
    )
