"""Who agrees with whom: every pair of raters on the items they have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.chance_corrected import EVERY_RATING_THE_SAME, why_no_agreement
from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.kappa import kappa_of_counts, pair_counts
from annotations.statistics.ratings import Ratings
from annotations.statistics.weights import quadratic

SMALLEST_OVERLAP = 10
"""Items in common below which a pair's figures say more about chance than about the pair."""


def pairwise_agreement(table: Ratings) -> Estimate:
    """Mean quadratic kappa over the pairs; rows: one per pair of raters, in their order.

    A row has rater_one, rater_two, n_items (in common), kappa_quadratic, alpha_ordinal,
    percent_exact (0 to 1), undefined_because. The figures are None where the overlap is below 10.
    """
    reason = why_no_agreement(table)
    if reason:
        return undefined("pairwise_agreement", reason, **table.counts())
    weights = quadratic(table.categories)
    met = {(one, two): counts for one, two, counts in pair_counts(table)}
    nothing = np.zeros_like(weights)
    rows = tuple(
        {
            "rater_one": table.raters[one],
            "rater_two": table.raters[two],
            **_figures(met.get((one, two), nothing), weights),
        }
        for one in range(len(table.raters))
        for two in range(one + 1, len(table.raters))
    )
    kappas = [row["kappa_quadratic"] for row in rows if row["kappa_quadratic"] is not None]
    if not kappas:
        reasons = {row["undefined_because"] for row in rows}
        because = reasons.pop() if len(reasons) == 1 else "no pair of raters has a defined kappa"
        return undefined("pairwise_agreement", because, rows=rows, **table.counts())
    return Estimate(
        name="pairwise_agreement",
        value=float(np.mean(kappas)),
        no_interval_because="the pairs share raters and items; alpha has an interval",
        method=f"mean of Cohen's kappas with quadratic weights over the {len(kappas)} of "
        f"{len(rows)} pairs of raters with at least {SMALLEST_OVERLAP} items in common",
        rows=rows,
        **table.counts(),
    )


def _figures(counts: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, Any]:
    items = int(counts.sum())
    if items < SMALLEST_OVERLAP:
        return _row(items, because=f"fewer than {SMALLEST_OVERLAP} items in common")
    exact = float(np.trace(counts)) / items
    kappa = kappa_of_counts(counts, weights)
    if kappa is None:
        return _row(items, exact=exact, because=EVERY_RATING_THE_SAME)
    return _row(items, kappa, _ordinal_alpha(counts), exact)


def _row(
    items: int,
    kappa: float | None = None,
    alpha: float | None = None,
    exact: float | None = None,
    because: str = "",
) -> dict[str, Any]:
    return {
        "n_items": items,
        "kappa_quadratic": kappa,
        "alpha_ordinal": alpha,
        "percent_exact": exact,
        "undefined_because": because,
    }


def _ordinal_alpha(counts: NDArray[np.float64]) -> float:
    """Krippendorff's for two raters without gaps: interval alpha of the pooled mid-ranks."""
    used = counts.sum(axis=0) + counts.sum(axis=1)
    ranks = np.cumsum(used) - used / 2
    values = used.sum()
    centred = ranks - (used @ ranks) / values
    observed = (counts * (ranks[:, None] - ranks[None, :]) ** 2).sum()
    expected = values * (used @ centred**2)
    return float(1 - (values - 1) * observed / expected)
