"""Linear mixed model with crossed random items and raters, by restricted maximum likelihood.

A solver of our own, because the kept library has none that fits: statsmodels' MixedLM takes crossed
effects as one group with dense matrices, 14 s for 600 items x 10 raters. Here the larger factor is
absorbed (see absorbed.py) and the two variance ratios are found with exact gradients, so that
10,000 items x 20 raters take a fraction of a second, with ratings missing or not.

Patterson & Thompson (1971), Recovery of inter-block information when block sizes are unequal,
Biometrika 58, 545-554; Henderson (1975), Best linear unbiased estimation and prediction under a
selection model, Biometrics 31, 423-447.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from annotations.statistics.absorbed import Absorbed, Solved, absorb, ratio_gradient, solve
from annotations.statistics.blas import one_blas_thread

Array = NDArray[np.float64]
ITEM, RATER = "item", "rater"
LARGEST_LOG_RATIO = 20.0
LEAST_RESIDUAL = 1e-5
"""Share of the total variance; below it the search only follows rounding towards 0."""
COARSE = (0.01, 0.3, 1.0, 2.5, 4.0, 6.0, 8.0)
OTHER_STARTS = 8
SETTLED = 1e-6
ROWS_AT_A_TIME = 2**15


class NotEstimableError(ValueError):
    """The ratings do not determine the model; the message completes "undefined because"."""


@dataclass(frozen=True)
class Variances:
    item: float
    rater: float
    residual: float

    def as_array(self) -> Array:
        return np.array([self.item, self.rater, self.residual])


@dataclass(frozen=True, eq=False, kw_only=True)
class CrossedFit:
    fixed: Array
    """p."""
    fixed_covariance: Array
    """p x p, given the variances."""
    variances: Variances
    """0 where the best value lies at the bound, which `at_bound` says."""
    criterion: float
    """-2 log restricted likelihood, with the constants of lme4's REML criterion."""
    item_effects: Array
    """Best linear unbiased predictions, one per item code; 0 for a code without ratings."""
    item_effect_variances: Array
    """Of the prediction errors, given the variances; with what the fixed effects add."""
    rater_effects: Array
    rater_effect_variances: Array
    residuals: Array
    """Per rating: less fixed effects, item and rater."""
    at_bound: tuple[str, ...]
    """Of "item", "rater": those whose variance is estimated as 0."""
    converged: bool
    notes: tuple[str, ...]
    working: Working = field(repr=False)


@dataclass(frozen=True, eq=False)
class Working:
    """What the questions asked of a fit need beyond its figures."""

    system: Absorbed
    solved: Solved
    absorbed: NDArray[np.int64]
    """Per rating, the code of the absorbed factor."""
    absorbs_items: bool


def crossed_reml(y: ArrayLike, item: ArrayLike, rater: ArrayLike, X: Any = None) -> CrossedFit:  # noqa: N803
    """One rating a row. item, rater: integer codes from 0; an item may meet a rater repeatedly.

    X: ratings x p, an array or scipy.sparse, at most a few dozen columns; an intercept if None.
    Raises NotEstimableError where the ratings cannot tell the variances apart, and ValueError where
    the columns of X are linearly dependent or the shapes do not fit.
    """
    values = np.asarray(y, dtype=np.float64)
    items, raters = np.asarray(item, dtype=np.int64), np.asarray(rater, dtype=np.int64)
    fixed = csr_array(np.ones((values.size, 1)) if X is None else X, dtype=np.float64)
    if not items.shape == raters.shape == values.shape == (fixed.shape[0],):
        raise ValueError("y, item, rater and the rows of X are one a rating.")
    _check_estimable(values, items, raters, fixed.shape[1])
    start = _least_squares(values, fixed)
    around = values - fixed @ start  # digits are lost where the fixed effects are large
    absorbs_items = int(items.max()) >= int(raters.max())
    absorbed, kept = (items, raters) if absorbs_items else (raters, items)
    with one_blas_thread():  # small matrices: more threads than one wait for each other
        system = absorb(around, absorbed, kept, fixed)
        ratios, converged = _best_ratios(system)
        solved = solve(system, *ratios)
        residual = solved.squares / system.freedom
        if residual < LEAST_RESIDUAL * float(around @ around) / system.freedom:
            raise NotEstimableError(NO_RESIDUAL)
        working = Working(system, solved, absorbed, absorbs_items)
        return _fitted(working, ratios, residual, start, converged)


def _fitted(
    working: Working, ratios: Array, residual: float, start: Array, converged: bool
) -> CrossedFit:
    system, solved = working.system, working.solved
    kept, last = system.kept, system.columns
    shrinkage = ratios[0] / (1 + ratios[0] * system.ratings_of_level)
    sums = system.per_level
    left = np.append(-solved.effects, 1.0)
    absorbed_effects = shrinkage * (sums @ left)
    spread = sums[:, :last] @ solved.covariance
    added = np.asarray(sums[:, :last].multiply(spread).sum(axis=1))
    absorbed_errors = residual * (shrinkage + shrinkage**2 * added)
    residuals = system.design @ left - absorbed_effects[working.absorbed]
    kept_errors = residual * np.diagonal(solved.covariance)[:kept]
    order = slice(None) if working.absorbs_items else slice(None, None, -1)
    item_variance, rater_variance = (float(residual * ratio) for ratio in ratios[order])
    (item_effects, item_errors), (rater_effects, rater_errors) = [
        (absorbed_effects, absorbed_errors),
        (solved.effects[:kept], kept_errors),
    ][order]
    variances = Variances(item_variance, rater_variance, residual)
    at_bound = tuple(name for name in (ITEM, RATER) if getattr(variances, name) == 0)
    freedom = system.freedom
    return CrossedFit(
        fixed=start + solved.effects[kept:],
        fixed_covariance=residual * solved.covariance[kept:, kept:],
        variances=variances,
        criterion=freedom * (1 + np.log(2 * np.pi * residual)) + solved.log_determinants,
        item_effects=item_effects,
        item_effect_variances=item_errors,
        rater_effects=rater_effects,
        rater_effect_variances=rater_errors,
        residuals=residuals,
        at_bound=at_bound,
        converged=converged,
        notes=_notes(at_bound, converged),
        working=working,
    )


def residual_variances(fit: CrossedFit) -> Array:
    """Per rating, the sampling variance of its residual, given the variances of the model.

    Below the residual variance by what the rating itself gave to the prediction of its item and
    rater.
    """
    system, solved = fit.working.system, fit.working.solved
    last, absorbed = system.columns, fit.working.absorbed
    ratio = (fit.variances.item, fit.variances.rater)[0 if fit.working.absorbs_items else 1]
    ratio /= fit.variances.residual
    shrinkage = ratio / (1 + ratio * system.ratings_of_level)
    sums, rows = system.per_level[:, :last], system.design[:, :last]
    spread = sums @ solved.covariance
    of_sums = np.asarray(sums.multiply(spread).sum(axis=1))
    leverage = np.empty(absorbed.size)
    for begin in range(0, absorbed.size, ROWS_AT_A_TIME):
        part = slice(begin, begin + ROWS_AT_A_TIME)
        row, level = rows[part], absorbed[part]
        weight = shrinkage[level]
        crossed = row @ solved.covariance - 2 * weight[:, None] * spread[level]
        leverage[part] = np.asarray(row.multiply(crossed).sum(axis=1))
        leverage[part] += weight**2 * of_sums[level] + weight
    return fit.variances.residual * np.maximum(1 - leverage, 0)


def _best_ratios(system: Absorbed) -> tuple[Array, bool]:
    """Variances of the absorbed and the kept factor over the residual variance, each 0 or more.

    Searched as log(1 + ratio x mean ratings per level): straight near 0, where a bound may be
    best, and even where a factor is large.
    """
    ratings = system.design.shape[0]
    per_level = np.array([ratings / system.ratings_of_level.size, ratings / system.kept])
    freedom = system.freedom
    least = 1e-13 * float(system.whole[-1])

    def deviance(logs: Array) -> tuple[float, Array]:
        solved = solve(system, *(np.expm1(logs) / per_level))
        if solved.squares <= least:
            raise NotEstimableError(NO_RESIDUAL)
        value = solved.log_determinants / freedom + np.log(solved.squares)
        return value, ratio_gradient(system, solved) * np.exp(logs) / per_level / freedom

    # With few raters in common the restricted likelihood can have a second, lower peak.
    starts = sorted(product(COARSE, repeat=2), key=lambda at: deviance(np.array(at))[0])
    logs = _descended(deviance, starts[0])
    if _slope_left(deviance, logs) >= SETTLED:
        # It was stuck, on a flat stretch between two peaks say: the others may do better.
        tries = [logs, *(_descended(deviance, start) for start in starts[1:OTHER_STARTS])]
        logs = min(tries, key=lambda at: deviance(at)[0])
    if (logs >= LARGEST_LOG_RATIO - 1e-6).any():
        raise NotEstimableError(NO_RESIDUAL)
    return np.expm1(logs) / per_level, _slope_left(deviance, logs) < SETTLED


def _descended(deviance: Any, start: Any) -> Array:
    from scipy.optimize import minimize  # costs more to import than to run

    found = minimize(
        deviance,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, LARGEST_LOG_RATIO)] * 2,
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 500},
    )
    return _polished(deviance, np.asarray(found.x, dtype=np.float64))


def _slope_left(deviance: Any, logs: Array) -> float:
    """What is left to descend; at the bound only inwards."""
    slope = deviance(logs)[1]
    return float(np.where(logs > 0, np.abs(slope), np.maximum(-slope, 0)).max())


def _polished(deviance: Any, logs: Array) -> Array:
    """A few Newton steps, because the deviance runs out of digits before its slope does."""
    step = 1e-5
    for _ in range(3):
        free = np.flatnonzero(logs > 0)
        if not free.size or (logs[free] <= step).any():
            break
        slope = deviance(logs)[1][free]
        curvature = np.empty((free.size, free.size))
        for column, place in enumerate(free):
            moved = np.zeros(2)
            moved[place] = step
            ahead, behind = deviance(logs + moved)[1], deviance(logs - moved)[1]
            curvature[:, column] = (ahead - behind)[free] / (2 * step)
        if np.linalg.det(curvature) <= 0 or curvature[0, 0] <= 0:
            break
        moved = np.zeros(2)
        moved[free] = np.linalg.solve(curvature, slope)
        if np.abs(moved).max() > 0.01 or (logs - moved <= 0)[free].any():
            break
        logs = logs - moved
    return logs


NO_RESIDUAL = (
    "nothing is left over once items and raters are known, so there is no error to measure"
)


def _check_estimable(values: Array, items: Any, raters: Any, columns: int) -> None:
    if values.size == 0:
        raise NotEstimableError("there are no ratings")
    if not np.isfinite(values).all():
        raise ValueError("A rating is missing or infinite: leave its row out.")
    counts = {ITEM: np.bincount(items), RATER: np.bincount(raters)}
    for name, count in counts.items():
        if (count > 0).sum() < 2:
            raise NotEstimableError(f"there are fewer than two {name}s")
    for name, count in counts.items():
        if count.max() < 2:
            raise NotEstimableError(f"no {name} has two ratings")
    if values.size <= columns + 2:
        raise NotEstimableError("there are too few ratings for three variances")
    if np.ptp(values) == 0:
        raise NotEstimableError("every rating is the same")


def _least_squares(values: Array, fixed: Any) -> Array:
    squares = (fixed.T @ fixed).toarray()
    length = np.sqrt(np.diagonal(squares))
    if (length == 0).any() or (
        np.linalg.matrix_rank(squares / np.outer(length, length), hermitian=True) < length.size
    ):
        raise ValueError("The fixed effects are linearly dependent.")
    return np.asarray(np.linalg.solve(squares, fixed.T @ values))


def _notes(at_bound: tuple[str, ...], converged: bool) -> tuple[str, ...]:
    notes = [f"the {name} variance is estimated as 0" for name in at_bound]
    if not converged:
        notes.append("the search for the variances did not settle")
    return tuple(notes)
