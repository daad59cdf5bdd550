"""The raters one by one: how high they score, whether that moves, how well they fit, and halo.

All but halo come from one model: a rating is the mean, plus what its item adds, plus what its rater
adds, plus what is left (crossed random effects by REML, reml.py). A rater of few ratings is drawn
towards the mean of the raters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import ndtri, stdtr, stdtrit

from annotations.statistics.chance_corrected import MOST_CATEGORIES
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.icc_incomplete import fit_table
from annotations.statistics.multiplicity import holm
from annotations.statistics.ratings import Ratings, RatingsError
from annotations.statistics.reml import (
    RATER,
    CrossedFit,
    NotEstimableError,
    crossed_reml,
    residual_variances,
)
from annotations.statistics.resampling import SEED
from annotations.statistics.variance_draws import DRAWS, interval_words, variance_draws

Array = NDArray[np.float64]
FEWEST_FOR_A_SLOPE = 3
NO_SLOPE = f"no rater has {FEWEST_FOR_A_SLOPE} ratings in a known order"
PER = 100
"""Slopes are in points of the scale per so many ratings."""
MODEL = "crossed random effects of items and raters by REML"


def severity(table: Ratings, *, confidence: float = CONFIDENCE, seed: int = SEED) -> Estimate:
    """Standard deviation between raters; rows: one per rater with ratings.

    No end of its interval is above the range of a declared scale.

    A row has rater, effect (points of the scale above the mean of the raters, shrunken: positive
    means higher scores, that is a lenient rater), low, high, n_ratings, mean (as given, of whatever
    items the rater saw).
    """
    try:
        fit = fit_table(table)
    except NotEstimableError as error:
        return undefined("severity", str(error), **table.counts())
    errors = np.sqrt(fit.rater_effect_variances)
    half = float(ndtri((1 + confidence) / 2)) * errors
    known = RATER not in fit.at_bound
    rows = tuple(
        {
            "rater": table.raters[place],
            "effect": float(fit.rater_effects[place]),
            "low": float(fit.rater_effects[place] - half[place]) if known else None,
            "high": float(fit.rater_effects[place] + half[place]) if known else None,
            "n_ratings": count,
            "mean": float(np.nanmean(table.values[place])),
        }
        for place, count in _raters_with_ratings(table)
    )
    return _deviation("severity", "between raters", 1, table, fit, rows, confidence, seed)


def fit(table: Ratings, *, confidence: float = CONFIDENCE, seed: int = SEED) -> Estimate:
    """Standard deviation of what items and raters leave; rows: one per rater with ratings.

    A row has rater, infit and outfit (mean squares of the standardised residuals, 1 as expected;
    infit weighs each rating by its information, so that single surprises count less), n_ratings,
    use (how often each category was given; empty on a continuous scale). The residuals are those
    of the linear model and not of a Rasch model. After Wright & Masters (1982), Rating Scale
    Analysis, chapter 5.
    """
    try:
        model = fit_table(table)
    except NotEstimableError as error:
        return undefined("fit", str(error), **table.counts())
    expected = residual_variances(model)
    squares = model.residuals**2
    told = expected > 1e-9 * model.variances.residual
    raters = np.nonzero(table.given)[0]
    rows = []
    for place, count in _raters_with_ratings(table):
        own = (raters == place) & told
        rows.append(
            {
                "rater": table.raters[place],
                "infit": float(squares[own].sum() / expected[own].sum()) if own.any() else None,
                "outfit": float((squares[own] / expected[own]).mean()) if own.any() else None,
                "n_ratings": count,
                "use": _use(table, place),
            }
        )
    return _deviation("fit", "of the residuals", 2, table, model, tuple(rows), confidence, seed)


def drift(table: Ratings, order: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Mean over raters of their slopes, in points of the scale per 100 ratings; rows: one a rater.

    order: raters x items, when each rating was given (a time, a position, a session), NaN where
    unknown. Within a rater only the ranks of it count, ties sharing theirs, so that a slope is over
    the rater's own course of work, pauses left out. The slopes are fixed effects in the same model
    as the items and raters, because slopes of ready residuals would be too flat: each rating has
    already drawn its item's prediction towards itself.

    A row has rater, slope (positive: scores rise), standard_error, low, high, p (t test with
    n_ratings - 2 degrees of freedom), p_holm (adjusted over the raters), n_ratings,
    undefined_because.
    """
    when = np.asarray(order, dtype=np.float64)
    if when.shape != table.values.shape:
        raise RatingsError(
            "The order of the ratings is an array of raters x items, as the ratings."
        )
    used = table.given & ~np.isnan(when)
    unknown = int(table.given.sum() - used.sum())
    positions = [_positions(when[place][used[place]]) for place in range(len(used))]
    moving = [
        place
        for place, own in enumerate(positions)
        if own.size >= FEWEST_FOR_A_SLOPE and np.ptp(own) > 0
    ]
    if not moving:
        return undefined("drift", NO_SLOPE, **table.counts())
    raters, items = np.nonzero(used)
    spread = np.array([positions[place].std() for place in moving])
    try:
        model = crossed_reml(
            table.values[raters, items], items, raters, _slope_columns(positions, moving)
        )
    except NotEstimableError as reason:
        return undefined("drift", str(reason), **table.counts())
    unit = PER / spread
    slopes = model.fixed[1:] * unit
    covariance = model.fixed_covariance[1:, 1:] * np.outer(unit, unit)
    error = float(np.sqrt(covariance.sum())) / len(moving)
    half = float(ndtri((1 + confidence) / 2)) * error
    notes = (f"{unknown} ratings without a known order are left out",) if unknown else ()
    return Estimate(
        name="drift",
        value=float(slopes.mean()),
        low=float(slopes.mean()) - half,
        high=float(slopes.mean()) + half,
        confidence=confidence,
        standard_error=error,
        method=f"mean slope per {PER} ratings over {len(moving)} raters, each with a slope over "
        f"the rank of their ratings in time; {MODEL}, normal interval; p values of the raters by "
        "t tests, Holm-adjusted",
        rows=_drift_rows(table, used, moving, slopes, covariance, confidence),
        notes=model.notes + notes,
        **table.counts(),
    )


def _drift_rows(
    table: Ratings,
    used: NDArray[np.bool_],
    moving: list[int],
    slopes: Array,
    covariance: Array,
    confidence: float,
) -> tuple[dict[str, Any], ...]:
    counts = used.sum(axis=1)
    freedom = counts[moving] - 2
    errors = np.sqrt(np.diagonal(covariance))
    p = 2 * stdtr(freedom, -np.abs(slopes) / errors)
    half = stdtrit(freedom, (1 + confidence) / 2) * errors
    figures = np.column_stack([slopes, errors, slopes - half, slopes + half, p, holm(p)])
    names = ("slope", "standard_error", "low", "high", "p", "p_holm")
    by_rater = dict(zip(moving, figures.tolist(), strict=True))
    return tuple(
        {
            "rater": table.raters[place],
            **dict(zip(names, by_rater.get(place, [None] * len(names)), strict=True)),
            "n_ratings": int(counts[place]),
            "undefined_because": ""
            if place in by_rater
            else f"fewer than {FEWEST_FOR_A_SLOPE} ratings, or none after another",
        }
        for place, _ in _raters_with_ratings(table)
    )


def _positions(when: Array) -> Array:
    """Ranks from 1, ties sharing the mean of theirs."""
    _, place, count = np.unique(when, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _slope_columns(positions: list[Array], moving: list[int]) -> csr_array:
    """An intercept, and for each moving rater their standardised positions; a row a rating."""
    starts = np.cumsum([0, *(own.size for own in positions)])
    rows, columns, values = (
        [np.arange(starts[-1])],
        [np.zeros(starts[-1], int)],
        [np.ones(starts[-1])],
    )
    for column, place in enumerate(moving, start=1):
        own = positions[place]
        rows.append(np.arange(starts[place], starts[place + 1]))
        columns.append(np.full(own.size, column))
        values.append((own - own.mean()) / own.std())
    cells = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), cells), shape=(starts[-1], len(moving) + 1))


def _raters_with_ratings(table: Ratings) -> list[tuple[int, int]]:
    """Place and number of ratings."""
    return [(place, int(n)) for place, n in enumerate(table.given.sum(axis=1)) if n]


def _use(table: Ratings, place: int) -> dict[float, int]:
    scale = table.scale
    if (scale is not None and scale.step == 0) or table.categories.size > MOST_CATEGORIES:
        return {}
    values, counts = np.unique(table.values[place][table.given[place]], return_counts=True)
    return {
        int(value) if value.is_integer() else value: count
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
    }


def _deviation(
    name: str,
    words: str,
    place: int,
    table: Ratings,
    model: CrossedFit,
    rows: tuple[dict[str, Any], ...],
    confidence: float,
    seed: int,
) -> Estimate:
    """The square root of the item, rater or residual variance (place 0, 1 or 2).

    Without a standard error: that of few raters' standard deviation has no bound.
    """
    known: dict[str, Any] = {
        "name": name,
        "value": float(np.sqrt(model.variances.as_array()[place])),
        "confidence": confidence,
        "method": f"standard deviation {words}, {MODEL}",
        "rows": rows,
        "notes": model.notes,
        **table.counts(),
    }
    try:
        drawn = np.sqrt(variance_draws(model, table, seed=seed)[:, place])
    except NotEstimableError as reason:
        return Estimate(**known, no_interval_because=str(reason))
    if table.scale is not None:
        drawn = np.minimum(drawn, table.scale.high - table.scale.low)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    known["method"] += f"; {interval_words(model, table, seed=seed)}"
    if name == "severity":
        known["method"] += "; single raters with normal intervals given the variances"
    return Estimate(**known, low=float(low), high=float(high), seed=seed, resamples=DRAWS)
