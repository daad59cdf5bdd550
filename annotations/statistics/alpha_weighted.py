"""Alpha of a table whose units (items, or clusters of them) count 0, 1, 2, ... times.

Each class keeps what a unit adds to the sums in alpha, so that many sets of weights are one matrix
product and the alpha without one unit is a subtraction.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from annotations.statistics import alpha_levels
from annotations.statistics.alpha_levels import Level
from annotations.statistics.counts import Counts, Numbers, Places

Weights = NDArray[np.uint8] | NDArray[np.float64]
CHUNK = 256
"""Rows at a time: what they need stays in the processor's cache."""
EXACT_IN_FLOAT32 = 2**24
MOST_NUMBERS = 4_000_000
"""Held at a time per step where there are very many categories: 32 MB."""


class Weighted(Protocol):
    def sums(self, weights: Weights) -> Numbers:
        """weights: resamples x units, whole numbers -> resamples x sums."""

    def alphas(self, sums: Numbers) -> Numbers:
        """Alpha per resample, NaN where it is undefined."""

    def left_out(self) -> Numbers:
        """Alpha without each unit in turn, as for weights of 1 - I."""


def weighted(counts: Counts, level: Level, units: Places, n_units: int) -> Weighted:
    """units: per item of `counts`, the unit it belongs to, 0 to n_units - 1."""
    if level == "interval":
        return Moments(counts, units, n_units)
    if counts.sparse:
        return ManyCategories(counts, level, units, n_units)
    if level == "ordinal":
        return MidRanks(counts, units, n_units)
    return FixedMetric(counts, level, units, n_units)


class _Summed:
    """Where a resample's sums are sums over its units."""

    def __init__(self, features: Numbers, *, whole: bool = False) -> None:
        """features: units x sums; whole: they are whole numbers, 0 or more."""
        # Whole numbers below 2^24 add up exactly in single precision, in half the time. So many
        # units at a time that four times their sum stays below.
        self._rows = int(EXACT_IN_FLOAT32 * len(features) / (4 * features.sum(axis=0).max()))
        single = whole and self._rows >= CHUNK and features.max() < EXACT_IN_FLOAT32
        self._features: Any = features.astype(np.float32) if single else features

    def sums(self, weights: Weights) -> Numbers:
        exact = self._exact_sums(weights) if self._features.dtype == np.float32 else None
        if exact is None:
            return np.asarray(
                weights.astype(np.float64) @ self._features.astype(np.float64, copy=False)
            )
        return exact

    def _exact_sums(self, weights: Weights) -> Numbers | None:
        """None where a sum came too near 2^24 to have been exact at every step."""
        summed = np.zeros((len(weights), self._features.shape[1]))
        for start in range(0, len(self._features), self._rows):
            some = slice(start, start + self._rows)
            part = weights[:, some].astype(np.float32) @ self._features[some]
            if part.max() >= EXACT_IN_FLOAT32:
                return None
            summed += part
        return summed

    def alphas(self, sums: Numbers) -> Numbers:
        starts = range(0, len(sums), CHUNK)
        return np.concatenate([self._alphas(sums[s : s + CHUNK]) for s in starts])

    def left_out(self) -> Numbers:
        total = self._features.sum(axis=0, dtype=np.float64)
        starts = range(0, len(self._features), CHUNK)
        return np.concatenate([self._alphas(total - self._features[s : s + CHUNK]) for s in starts])

    def _alphas(self, sums: Numbers) -> Numbers:
        raise NotImplementedError


class Moments(_Summed):
    """Interval: four numbers a unit, however many different scores there are."""

    def __init__(self, counts: Counts, units: Places, n_units: int) -> None:
        m = counts.per_item
        x = alpha_levels.centred(counts.categories, counts.per_category)
        d = alpha_levels.squared_differences(counts.table, m, x)
        rows = np.column_stack([d, m, counts.table @ x, counts.table @ x**2])
        super().__init__(_by_unit(rows, units, n_units))

    def _alphas(self, sums: Numbers) -> Numbers:
        observed, n, s1, s2 = sums.T
        return _alpha(n, observed, alpha_levels.expected_squares(n, s1, s2))


class FixedMetric(_Summed):
    """Nominal and ratio: d_u and the counts."""

    def __init__(self, counts: Counts, level: Level, units: Places, n_units: int) -> None:
        self._categories, self._level = counts.categories, level
        d = alpha_levels.disagreements(counts, level)
        super().__init__(_by_unit(np.column_stack([d, counts.table]), units, n_units))

    def _alphas(self, sums: Numbers) -> Numbers:
        observed, n_c = sums[:, 0], sums[:, 1:]
        expected = alpha_levels.expected_sum(n_c, self._categories, self._level)
        return _alpha(n_c.sum(axis=1), observed, expected)


class MidRanks(_Summed):
    """Ordinal: the metric is made of the counts of each resample, so all coincidences are kept.

    o_ck = sum_u n_uc n_uk / (m_u - 1) for c < k, times the least number that makes them whole,
    unless that is very large.
    """

    def __init__(self, counts: Counts, units: Places, n_units: int) -> None:
        self._low, self._high = np.triu_indices(len(counts.categories), 1)
        others = counts.per_item - 1
        whole = math.lcm(*np.unique(others).astype(int).tolist())
        self._times = whole if whole < EXACT_IN_FLOAT32 else 1
        n_u = counts.table
        pairs = n_u[:, self._low] * n_u[:, self._high]
        pairs *= (self._times / others)[:, None]
        features = _by_unit(np.hstack([n_u, pairs]), units, n_units)
        super().__init__(features, whole=whole < EXACT_IN_FLOAT32)

    def _alphas(self, sums: Numbers) -> Numbers:
        categories = sums.shape[1] - len(self._low)
        n_c, coincidences = sums[:, :categories], sums[:, categories:]
        ranks = alpha_levels.mid_ranks(n_c)
        apart = ranks[:, self._high] - ranks[:, self._low]
        observed = 2 * np.einsum("bp,bp,bp->b", coincidences, apart, apart) / self._times
        expected = alpha_levels.expected_rank_sum(n_c, ranks)
        return _alpha(n_c.sum(axis=1), observed, expected)


class ManyCategories:
    """Nominal, ratio and ordinal on sparse counts: every resample costs a pass over the ratings.

    Leaving out each unit would cost such a pass a unit. Its first-order term does not: the
    derivative of alpha in the unit's weight (Efron, 1982, The Jackknife, the Bootstrap and Other
    Resampling Plans, chapter 6, the infinitesimal jackknife).
    """

    def __init__(self, counts: Counts, level: Level, units: Places, n_units: int) -> None:
        self._counts, self._level = counts, level
        self._units, self._n_units = units, n_units
        self._m = counts.per_item
        self._by_category = counts.table.T.tocsr()
        self._d = None if level == "ordinal" else alpha_levels.disagreements(counts, level)
        self._metric = alpha_levels.ratio_metric(counts.categories) if level == "ratio" else None

    def sums(self, weights: Weights) -> Numbers:
        """n, the observed and the expected sum."""
        at_a_time = max(1, MOST_NUMBERS // max(self._by_category.shape))
        starts = range(0, len(weights), at_a_time)
        return np.concatenate([self._sums(weights[s : s + at_a_time]) for s in starts])

    def _sums(self, weights: Weights) -> Numbers:
        by_item = weights[:, self._units].T.astype(np.float64, order="C")  # items x resamples
        n_c = np.ascontiguousarray((self._by_category @ by_item).T)
        n = n_c.sum(axis=1)
        expected = self._expected(n_c)
        if self._d is not None:
            return np.column_stack([n, self._d @ by_item, expected])
        ranks = np.ascontiguousarray((alpha_levels.mid_ranks(n_c) - n[:, None] / 2).T)
        d = alpha_levels.squared_differences(self._counts.table, self._m, ranks)
        return np.column_stack([n, np.einsum("ub,ub->b", d, by_item), expected])

    def alphas(self, sums: Numbers) -> Numbers:
        return _alpha(*sums.T)

    def left_out(self) -> Numbers:
        n_c = self._counts.per_category
        n = n_c.sum()
        d = alpha_levels.disagreements(self._counts, self._level)
        observed = d.sum()
        expected = self._expected(n_c[None])[0]
        d_observed = d + (self._shift_of_ranks(n_c) if self._level == "ordinal" else 0)
        d_expected = self._counts.table @ self._expected_slope(n_c)
        slope = self._m * observed + (n - 1) * (d_observed - observed * d_expected / expected)
        by_unit = np.bincount(self._units, -slope / expected, minlength=self._n_units)
        return np.asarray(1 - (n - 1) * observed / expected - by_unit)

    def _expected(self, n_c: Numbers) -> Numbers:
        if self._metric is not None:
            return alpha_levels.expected_metric_sum(n_c, self._metric)
        return alpha_levels.expected_sum(n_c, self._counts.categories, self._level)

    def _expected_slope(self, n_c: Numbers) -> Numbers:
        """The derivative of the expected sum in each n_c."""
        n = n_c.sum()
        if self._level == "nominal":
            return np.asarray(2 * (n - n_c))
        if self._metric is not None:
            return np.asarray(2 * (self._metric @ n_c))
        # The expected sum is n (n^3 - sum n_c^3) / 6 as well.
        return np.asarray((n**3 - (n_c**3).sum()) / 6 + n * (n**2 - n_c**2) / 2)

    def _shift_of_ranks(self, n_c: Numbers) -> Numbers:
        """What the observed sum gains per item because its ratings move the ranks of the others.

        A rating at x widens each pair that x lies between, and half of that at either end.
        """
        ranks = alpha_levels.centred(alpha_levels.mid_ranks(n_c), n_c)
        table, others = self._counts.table, self._m - 1
        # Per category, how the summed width of the pairs around a place changes on passing it.
        change = self._by_category @ (table @ ranks / others)
        change -= ranks * (self._by_category @ (self._m / others))
        return np.asarray(4 * (table @ (np.cumsum(change) - change / 2)))


def _alpha(n: Numbers, observed: Numbers, expected: Numbers) -> Numbers:
    nothing = np.full(len(n), np.nan)
    shares = np.divide((n - 1) * observed, expected, out=nothing, where=expected > 0)
    return np.asarray(1 - shares)


def _by_unit(rows: Numbers, units: Places, n_units: int) -> Numbers:
    """items x sums -> units x sums."""
    if np.array_equal(units, np.arange(n_units)):
        return rows
    order = np.argsort(units, kind="stable")
    present, starts = np.unique(units[order], return_index=True)
    summed = np.zeros((n_units, rows.shape[1]))
    summed[present] = np.add.reduceat(rows[order], starts, axis=0)
    return summed
