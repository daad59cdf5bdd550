"""Studies that have not been held yet: their ratings by simulation, alpha and its standard error.

A rating is the category in which a latent score falls. The latent score is the sum of an item, a
rater and a residual effect, normal and crossed. Every rater judges every item. The raters of a
study stand at the normal scores of their number, as far apart as their variance says: intervals
that resample items hold the raters fixed, and drawing raters anew would mix their luck into it.

Jaeckel (1972), The infinitesimal jackknife, Bell Laboratories memorandum MM 72-1215-11: a standard
error from the derivatives of a statistic by the weights of its items.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from annotations.statistics.alpha_levels import mid_ranks
from annotations.statistics.ratings import RatingsError

Array = NDArray[np.float64]
ITEMS_OF_THE_POPULATION = 2000
"""Points at equal steps of probability that stand for a normal population of items."""
MOST_CATEGORIES = 25
"""A finer scale is simulated with so many: ordinal alpha hardly sees the difference."""
ENDS_OF_THE_SCALE = 2.0
"""Standard deviations from the middle of a scale to its lowest and highest category."""
CELLS_AT_A_TIME = 2_000_000
CLOSEST = 1e-9


@dataclass(frozen=True, eq=False)
class LatentModel:
    """Variances of the latent score, which add to 1, and where its categories begin."""

    item: float
    rater: float
    residual: float
    cuts: Array
    """Ascending, one fewer than there are categories."""


def cuts_of_scale(categories: int) -> Array:
    """Of categories at equal steps around the mean of the latent score."""
    count = min(categories, MOST_CATEGORIES)
    middles = np.linspace(-ENDS_OF_THE_SCALE, ENDS_OF_THE_SCALE, count)
    return np.asarray((middles[1:] + middles[:-1]) / 2)


def cuts_of_scores(scores: Array) -> Array:
    """So that categories come as often as in these scores, of which there are two or more."""
    low, high = float(scores.min()), float(scores.max())
    if len(np.unique(scores)) <= MOST_CATEGORIES:
        counts = np.unique(scores, return_counts=True)[1]
    else:
        counts = np.histogram(scores, bins=MOST_CATEGORIES, range=(low, high))[0]
    used = counts[counts > 0]
    return np.asarray(ndtri(np.cumsum(used)[:-1] / used.sum()))


def calibrated(alpha: float, *, raters: int, rater_share: float, cuts: Array) -> LatentModel:
    """The model under which so many raters have this ordinal alpha over endlessly many items.

    rater_share: the rater variance over rater and residual variance together.
    Raises RatingsError for an alpha that no such model has.
    """

    def model(item: float) -> LatentModel:
        return LatentModel(item, rater_share * (1 - item), (1 - rater_share) * (1 - item), cuts)

    def too_much(item: float) -> float:
        return population_alpha(model(item), raters) - alpha

    if not too_much(CLOSEST) < 0 < too_much(1 - CLOSEST):
        raise RatingsError(
            f"An alpha of {alpha:.6g} is too close to 0 or 1 to be simulated: assume one between "
            "0.01 and 0.99."
        )
    return model(float(brentq(too_much, CLOSEST, 1 - CLOSEST, xtol=1e-12)))


def population_alpha(model: LatentModel, raters: int) -> float:
    """Ordinal alpha over endlessly many items.

    With p_ck the share of the pairs within items that are the categories c and k:
    alpha = 1 - sum_ck p_ck (R_c - R_k)^2 / sum_ck p_c p_k (R_c - R_k)^2.
    """
    items = ndtri((np.arange(ITEMS_OF_THE_POPULATION) + 0.5) / ITEMS_OF_THE_POPULATION)
    edges = np.concatenate([[-np.inf], model.cuts, [np.inf]])
    levels = math.sqrt(model.rater) * rater_levels(raters)
    away = edges - math.sqrt(model.item) * items[:, None, None] - levels[:, None]
    chosen = np.diff(ndtr(away / math.sqrt(model.residual)), axis=-1)  # items x raters x categories
    summed, each = chosen.sum(axis=1), chosen.reshape(-1, chosen.shape[-1])
    pairs = (summed.T @ summed - each.T @ each) / (len(items) * raters * (raters - 1))
    share = pairs.sum(axis=0)
    ranks = mid_ranks(share)
    distance = (ranks[:, None] - ranks) ** 2
    return float(1 - (pairs * distance).sum() / (np.outer(share, share) * distance).sum())


def rater_levels(raters: int) -> Array:
    """Blom's normal scores, with a variance of 1 (over raters - 1)."""
    scores = ndtri((np.arange(1, raters + 1) - 0.375) / (raters + 0.25))
    return np.asarray(scores / scores.std(ddof=1))


def simulated_alphas(
    model: LatentModel, *, raters: int, items: int, studies: int, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Ordinal alpha of each study and its standard error; NaN where every rating is the same."""
    at_a_time = max(1, CELLS_AT_A_TIME // (items * max(raters, len(model.cuts) + 1)))
    blocks = [
        alphas_with_errors(simulated_counts(model, raters, items, size, generator), raters)
        for size in _sizes(studies, at_a_time)
    ]
    return np.concatenate([one for one, _ in blocks]), np.concatenate([two for _, two in blocks])


def simulated_counts(
    model: LatentModel, raters: int, items: int, studies: int, generator: np.random.Generator
) -> Array:
    """studies x items x categories: how many raters chose the category."""
    latent = math.sqrt(model.item) * generator.standard_normal((studies, items, 1))
    latent = latent + math.sqrt(model.rater) * rater_levels(raters)
    latent += math.sqrt(model.residual) * generator.standard_normal((studies, items, raters))
    categories = len(model.cuts) + 1
    cells = np.searchsorted(model.cuts, latent)
    cells += categories * np.arange(studies * items).reshape(studies, items, 1)
    counts = np.bincount(cells.ravel(), minlength=studies * items * categories)
    return counts.reshape(studies, items, categories).astype(np.float64)


def alphas_with_errors(counts: Array, raters: int) -> tuple[Array, Array]:
    """counts: studies x items x categories, every item with all raters.

    alpha = 1 - (n - 1) A / B with A = sum_u d_u on mid-ranks R and
    B = 2 n sum_c n_c (R_c - n/2)^2 = n (n^3 - sum_c n_c^3) / 6.
    The derivatives by the weight of an item count that it moves the ranks, too; the standard error
    is the root of the sum of their squares.
    """
    m = raters
    n_c = counts.sum(axis=1)
    n = n_c.sum(axis=1, keepdims=True)
    ranks = mid_ranks(n_c)
    sums = _by_item(counts, ranks)
    d = 2 * (m * _by_item(counts, ranks**2) - sums**2) / (m - 1)
    observed = d.sum(axis=1, keepdims=True)
    untied = n**3 - (n_c**3).sum(axis=1, keepdims=True)
    # One category alone leaves nothing expected; its 0 / 0 is said as NaN.
    expected = np.where(untied > 0, n * untied / 6, np.nan)
    by_rank = 4 / (m - 1) * (m * n_c * ranks - np.matmul(sums[:, None], counts)[:, 0])
    above = by_rank[:, ::-1].cumsum(axis=1)[:, ::-1] - by_rank / 2
    observed_by_item = d + _by_item(counts, above)
    expected_by_item = m * untied / 6 + n * (m * n**2 - _by_item(counts, n_c**2)) / 2
    alpha = 1 - (n - 1) * observed / expected
    by_item = (m * observed + (n - 1) * observed_by_item) / expected
    by_item -= (n - 1) * observed * expected_by_item / expected**2
    return alpha[:, 0], np.sqrt((by_item**2).sum(axis=1))


def _by_item(counts: Array, per_category: Array) -> Array:
    """Per study and item, the sum over its ratings of a number that the category has."""
    return np.asarray(np.matmul(counts, per_category[..., None])[..., 0])


def _sizes(total: int, at_a_time: int) -> list[int]:
    return [min(at_a_time, total - start) for start in range(0, total, at_a_time)]
