"""What correlations of two rows of scores are made of, for many weights at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Levels = NDArray[np.int64]
LARGEST_TABLE = 2**23
"""Cells of the table of different scores in which tau is counted; 64 MB."""


def powers(x: Array, y: Array) -> Array:
    """n x 6: 1, x, y, x^2, y^2, xy, around a point near which no digits are lost."""
    middle = (x.mean() + y.mean()) / 2
    x, y = x - middle, y - middle
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def concordance(sums: Array) -> Array:
    """sums: B x 6, of `powers`."""
    mean_x, mean_y, var_x, var_y, cov = _moments(sums)
    return _divided(2 * cov, var_x + var_y + (mean_x - mean_y) ** 2)


def pearson(sums: Array) -> Array:
    """sums: B x 6, of `powers`."""
    _, _, var_x, var_y, cov = _moments(sums)
    return _divided(cov, np.sqrt(np.maximum(var_x * var_y, 0)))


def rank_correlation(x: Array, y: Array) -> Callable[[Array], Array]:
    """weights (B x n) -> Spearman's correlation, the ranks being those of the weighted items."""
    levels_x, levels_y = (np.unique(part, return_inverse=True)[1] for part in (x, y))

    def correlation(weights: Array) -> Array:
        rank_x, rank_y = (_mid_ranks(weights, levels) for levels in (levels_x, levels_y))
        total = weights.sum(axis=1)
        middle = (total / 2)[:, None]
        off_x, off_y = rank_x - middle, rank_y - middle
        cov = (weights * off_x * off_y).sum(axis=1)
        spread = (weights * off_x**2).sum(axis=1) * (weights * off_y**2).sum(axis=1)
        return _divided(cov, np.sqrt(spread))

    return correlation


def tau_influence(x: Array, y: Array) -> tuple[float, Array]:
    """Kendall's tau-b, and what each item adds to its error (these sum to 0).

    Neither x nor y is constant.
    """
    levels_x, levels_y = (np.unique(part, return_inverse=True)[1] for part in (x, y))
    order = _same_order(levels_x, levels_y)
    untied_x = len(x) - np.bincount(levels_x)[levels_x].astype(np.float64)
    untied_y = len(y) - np.bincount(levels_y)[levels_y].astype(np.float64)
    pairs = float(np.sqrt(untied_x.sum() * untied_y.sum()))
    tau = float(order.sum()) / pairs
    ties = untied_x / untied_x.sum() + untied_y / untied_y.sum()
    return tau, 2 * order / pairs - tau * ties


def _same_order(x: Levels, y: Levels) -> Array:
    """Per item, how many others are in the same order with it in x and y, less how many are not."""
    rows, columns = int(x.max()) + 1, int(y.max()) + 1
    if rows * columns > LARGEST_TABLE:
        signs = (np.sign(x - a) @ np.sign(y - b) for a, b in zip(x, y, strict=True))
        return np.fromiter(signs, dtype=np.float64, count=len(x))
    # below[i, j]: items with x under level i and y under level j.
    below = np.zeros((rows + 1, columns + 1))
    below[1:, 1:] = np.bincount(x * columns + y, minlength=rows * columns).reshape(rows, columns)
    below = below.cumsum(axis=0).cumsum(axis=1)
    both_lower = below[x, y]
    both_higher = len(x) - below[x + 1, -1] - below[-1, y + 1] + below[x + 1, y + 1]
    x_lower = below[x, -1] - below[x, y + 1]
    y_lower = below[-1, y] - below[x + 1, y]
    balance: Array = both_lower + both_higher - x_lower - y_lower
    return balance


def _mid_ranks(weights: Array, levels: NDArray[np.int64]) -> Array:
    """B x n: weight below the item's level, and half of that on it."""
    count = int(levels.max()) + 1
    rows = len(weights)
    bins = levels + count * np.arange(rows)[:, None]
    on = np.bincount(bins.ravel(), weights=weights.ravel(), minlength=rows * count)
    on = on.reshape(rows, count)
    ranks: Array = (np.cumsum(on, axis=1) - on / 2)[:, levels]
    return ranks


def _moments(sums: Array) -> tuple[Array, Array, Array, Array, Array]:
    n = np.maximum(sums[:, 0], 1)
    mean_x, mean_y = sums[:, 1] / n, sums[:, 2] / n
    var_x, var_y = sums[:, 3] / n - mean_x**2, sums[:, 4] / n - mean_y**2
    return mean_x, mean_y, var_x, var_y, sums[:, 5] / n - mean_x * mean_y


def _divided(above: Array, below: Array) -> Array:
    """NaN where the scores of a resample do not vary."""
    quotient = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=below > 1e-12)
    return quotient
