"""How far a mean may be off when answers share stimuli and raters.

Two-way cluster-robust variance: Cameron, Gelbach & Miller (2011), Robust inference with multiway
clustering, JBES 29, 238-249. It is chosen over a bootstrap of both (Owen, 2007, The pigeonhole
bootstrap) because it is the closed form of the same three terms: the same digits every time, and
fast enough for every cell of a matrix of models. The result is floored by the one-way variances and
by that of independent answers, so that a lucky negative term never makes an interval narrower, and
t has the degrees of freedom of the smaller side (Cameron & Miller, 2015, A practitioner's guide to
cluster-robust inference).

Shares: Wilson's interval on the effective number of answers, share (1 - share) / variance (Franco,
Little, Louis & Slud, 2019, Comparative study of confidence intervals for proportions in complex
sample surveys). It stays inside 0 to 1 and says something at 0 and at 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from annotations.statistics.proportions import score_interval

Groups = Sequence[NDArray[np.int64]]


@dataclass(frozen=True)
class Variance:
    value: float
    df: float
    """Infinite where every answer is independent."""
    clusters: int
    """Of the smaller side."""

    def critical(self, confidence: float) -> float:
        level = (1 + confidence) / 2
        return float(ndtri(level) if math.isinf(self.df) else stdtrit(self.df, level))

    def two_sided(self, statistic: float) -> float:
        return float(2 * stdtr(min(self.df, 1e9), -abs(statistic)))


def clustered_variance(influence: NDArray[np.float64], groups: Groups) -> Variance | None:
    """Of an estimate whose error is the sum of `influence`, one entry an answer.

    groups: none, one or two rows of cluster numbers from 0. None where a side has one cluster only.
    """
    n = len(influence)
    if n < 2:
        return None
    independent = float((influence**2).sum())
    if not groups:
        return Variance(independent, math.inf, n)
    sizes = [_clusters(group) for group in groups]
    if min(sizes) < 2:
        return None
    parts = [_one_way(influence, group) for group in groups]
    candidates = [independent * n / (n - 1), *parts]
    if len(groups) == 2:
        both = groups[0] * (int(groups[1].max()) + 1) + groups[1]
        candidates.append(sum(parts) - _one_way(influence, encoded(both)[1]))
    return Variance(max(candidates), min(sizes) - 1, min(sizes))


def share_interval(
    share: float, variance: Variance, confidence: float
) -> tuple[float, float] | None:
    """None where the answers do not vary at all between 0 and 1 (all of them ties)."""
    n = _effective(share, variance)
    return None if n is None else score_interval(share, n, variance.critical(confidence))


def share_p(share: float, variance: Variance) -> float | None:
    """Two-sided p against 50 %: the score test that the interval inverts."""
    n = _effective(share, variance)
    return None if n is None else variance.two_sided((share - 0.5) * 2 * math.sqrt(n))


def _effective(share: float, variance: Variance) -> float | None:
    if share in (0, 1):
        return float(variance.clusters)
    return share * (1 - share) / variance.value if variance.value > 0 else None


def deviation_of_group(
    score: NDArray[np.float64], inside: NDArray[np.bool_], groups: Groups
) -> tuple[float | None, float | None]:
    """Mean inside less mean outside, and its two-sided p; None where there is no outside, and
    where nothing says how far the difference may be off."""
    if inside.all():
        return None, None
    own, others = score[inside], score[~inside]
    influence = np.empty(len(score))
    influence[inside] = (own - own.mean()) / len(own)
    influence[~inside] = (others.mean() - others) / len(others)
    deviation = float(own.mean() - others.mean())
    variance = clustered_variance(influence, groups)
    if variance is None or variance.value == 0:
        return deviation, None
    return deviation, variance.two_sided(deviation / np.sqrt(variance.value))


def encoded(names: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different names in order, and for each entry which it is."""
    low, high = (names.min(), names.max()) if names.size and names.dtype.kind in "iu" else (-1, -1)
    if low < 0 or high > 4 * names.size + 1000:
        found, codes = np.unique(names, return_inverse=True)
        return found, codes.astype(np.int64)
    # Whole numbers close together: a look-up instead of sorting.
    there = np.zeros(int(high) + 1, dtype=np.bool_)
    there[names] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[names]


def _clusters(group: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(np.bincount(group)))


def _one_way(influence: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    sums = np.bincount(group, weights=influence)
    clusters = _clusters(group)
    return float((sums**2).sum()) * clusters / max(1, clusters - 1)
