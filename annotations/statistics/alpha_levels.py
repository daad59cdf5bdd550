"""Krippendorff's alpha of one table on four levels: how far apart ratings are, and by chance.

Krippendorff (2011), Computing Krippendorff's Alpha-Reliability. With n_uc raters who gave item u
the category c, m_u = sum_c n_uc >= 2, n_c = sum_u n_uc, n = sum_c n_c and the metric delta2:

    d_u   = sum_ck n_uc n_uk delta2_ck / (m_u - 1)
    alpha = 1 - (n - 1) sum_u d_u / sum_ck n_c n_k delta2_ck
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from annotations.statistics.counts import Counts, Numbers

Level = Literal["ordinal", "interval", "nominal", "ratio"]
LEVELS: tuple[Level, ...] = get_args(Level)
MOST_RATIO_CATEGORIES = 5_000
ROUNDING = 1e-12
"""A sum of squares below this share of its terms is what rounding leaves of 0."""
NO_PAIRS = "no item has ratings from two raters"
ALL_THE_SAME = "every rating is the same, so chance alone would agree as well"
ONE_ITEM = "only one item has ratings from two raters"


def point_alpha(counts: Counts, level: Level) -> float:
    """For counts that `why_undefined` finds nothing against."""
    n_c = counts.per_category
    observed = disagreements(counts, level).sum()
    expected = float(expected_sum(n_c[None], counts.categories, level)[0])
    return float(1 - (n_c.sum() - 1) * observed / expected)


def why_undefined(counts: Counts, level: Level) -> str:
    """Empty where alpha is defined."""
    used = int((counts.per_category > 0).sum())
    if counts.table.shape[0] == 0:
        return NO_PAIRS
    if used == 1:
        return ALL_THE_SAME
    if counts.table.shape[0] == 1:
        return ONE_ITEM
    return _why_not_ratio(counts.categories) if level == "ratio" else ""


def _why_not_ratio(categories: Numbers) -> str:
    if categories[0] < 0:
        return "a ratio scale has a true zero and nothing below it, and there are scores below 0"
    if len(categories) > MOST_RATIO_CATEGORIES:
        return (
            f"the ratio level compares each different score with each other one, and there are "
            f"{len(categories):,}; round the scores to {MOST_RATIO_CATEGORIES:,} different ones or "
            f"fewer, or use the interval level"
        )
    return ""


def disagreements(counts: Counts, level: Level) -> Numbers:
    """d_u per item: the sum of the metric over the pairs of its ratings, over m_u - 1."""
    if level == "nominal":
        return _nominal_disagreements(counts)
    if level == "ratio":
        return _ratio_disagreements(counts)
    n_c = counts.per_category
    scores = counts.categories if level == "interval" else mid_ranks(n_c)
    return squared_differences(counts.table, counts.per_item, centred(scores, n_c))


def squared_differences(table: Numbers, per_item: Numbers, scores: Numbers) -> Numbers:
    """d_u for the metric (x - y)^2; scores: categories, or categories x resamples."""
    m = per_item if scores.ndim == 1 else per_item[:, None]
    sums = table @ scores
    return np.asarray(np.maximum(2 * (m * (table @ scores**2) - sums**2) / (m - 1), 0))


def _nominal_disagreements(counts: Counts) -> Numbers:
    m = counts.per_item
    squares = np.asarray((counts.table * counts.table).sum(axis=1))
    return np.asarray((m**2 - squares) / (m - 1))


def _ratio_disagreements(counts: Counts) -> Numbers:
    # Cells that stand `apart` places from each other and belong to one item are a pair.
    items, codes, times = counts.cells()
    m = counts.per_item
    sums = np.zeros(len(m))
    for apart in range(1, int(np.bincount(items).max())):
        here = np.flatnonzero(items[apart:] == items[:-apart])
        there = here + apart
        low, high = counts.categories[codes[here]], counts.categories[codes[there]]
        pairs = 2 * times[here] * times[there] * ((high - low) / (high + low)) ** 2
        sums += np.bincount(items[here], pairs, minlength=len(m))
    return sums / (m - 1)


def expected_sum(n_c: Numbers, categories: Numbers, level: Level) -> Numbers:
    """resamples x categories -> per resample sum_ck n_c n_k delta2_ck; 0 for one category alone."""
    n = n_c.sum(axis=1, keepdims=True)
    if level == "nominal":
        return np.asarray((n_c * (n - n_c)).sum(axis=1))
    if level == "ratio":
        return expected_metric_sum(n_c, ratio_metric(categories))
    if level == "ordinal":
        return expected_rank_sum(n_c, mid_ranks(n_c))
    x = centred(categories, n_c.sum(axis=0))
    return expected_squares(n[:, 0], n_c @ x, n_c @ x**2)


def expected_metric_sum(n_c: Numbers, metric: Numbers) -> Numbers:
    return np.asarray(((n_c @ metric) * n_c).sum(axis=1))


def expected_rank_sum(n_c: Numbers, ranks: Numbers) -> Numbers:
    n = n_c.sum(axis=1, keepdims=True)
    return np.asarray(2 * n[:, 0] * (n_c * (ranks - n / 2) ** 2).sum(axis=1))


def expected_squares(n: Numbers, sums: Numbers, squares: Numbers) -> Numbers:
    """sum_ij (x_i - x_j)^2 over n scores of these sums of x and x^2."""
    total = n * squares
    between = total - sums**2
    return 2 * np.where(between > ROUNDING * total, between, 0)


def mid_ranks(n_c: Numbers) -> Numbers:
    """sum_{g<c} n_g + n_c / 2 along the last axis; their mean over the ratings is n / 2."""
    return np.cumsum(n_c, axis=-1) - n_c / 2


def ratio_metric(categories: Numbers) -> Numbers:
    sums = categories[:, None] + categories
    differences = categories[:, None] - categories
    return np.divide(differences, sums, out=np.zeros_like(sums), where=sums != 0) ** 2


def centred(scores: Numbers, n_c: Numbers) -> Numbers:
    """Less their mean over the ratings, so that squares do not swamp the differences."""
    return np.asarray(scores - (n_c @ scores) / n_c.sum())
