"""Whether raters tell the criteria apart: how the criteria correlate within each rater.

Thorndike (1920), A constant error in psychological ratings, Journal of Applied Psychology 4, 25-29.
A high correlation is a halo, or criteria that truly go together: the figure cannot tell which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.pairwise_agreement import SMALLEST_OVERLAP
from annotations.statistics.ratings import Ratings, RatingsError

Array = NDArray[np.float64]
TOO_FEW = f"fewer than {SMALLEST_OVERLAP} items scored on both"
CONSTANT = "the same score throughout"


def halo(tables: Sequence[Ratings], names: Sequence[str]) -> Estimate:
    """Mean over raters of their mean correlation between two criteria, -1 to 1.

    tables: one per criterion, of the same raters and items; names: of the criteria. First come the
    rows of raters (rater, mean_correlation, n_pairs, undefined_because), then those of pairs of
    criteria (one, two, correlation pooled within raters, n, undefined_because). A rater or pair
    without variation, or with fewer than 10 items, has None.
    Raises RatingsError where the tables differ in raters or items.
    """
    _check_alike(tables, names)
    if len(tables) < 2:
        return undefined("halo", "there is only one criterion", **_counts(tables))
    if not tables[0].raters:
        return undefined("halo", "there is no rater", **_counts(tables))
    values = np.stack([table.values for table in tables], axis=1)
    products = [_products(own) for own in values]
    upper = np.triu_indices(len(tables), 1)
    rater_rows = [
        _rater_row(rater, sums, upper)
        for rater, sums in zip(tables[0].raters, products, strict=True)
    ]
    rows = (*rater_rows, *_pair_rows(names, np.sum(products, axis=0), upper))
    means = [row["mean_correlation"] for row in rater_rows if row["mean_correlation"] is not None]
    if not means:
        reason = "no rater's scores vary on two criteria of the same items"
        return undefined("halo", reason, rows=rows, **_counts(tables))
    return Estimate(
        name="halo",
        value=float(np.mean(means)),
        no_interval_because="it describes these raters and criteria",
        method=f"mean over {len(means)} raters of the mean Pearson correlation between "
        f"{len(tables)} criteria within a rater; pairs of criteria pooled within raters",
        rows=rows,
        **_counts(tables),
    )


def _products(values: Array) -> Array:
    """Of one rater, 3 x criteria x criteria: n of items with both, sum of squares of the criterion
    down, sum of products, both around the mean of the items with both."""
    given = ~np.isnan(values)
    count = np.maximum(given.sum(axis=1, keepdims=True), 1)
    filled = np.where(given, values, 0)
    centred = np.where(given, filled - filled.sum(axis=1, keepdims=True) / count, 0)
    mask = given.astype(np.float64)
    both = mask @ mask.T
    sums = centred @ mask.T
    raw = centred**2 @ mask.T
    divisor = np.maximum(both, 1)
    squares = raw - sums**2 / divisor
    # A constant rater leaves rounding: of the centring, or of the subtraction just made.
    squares[squares <= 1e-10 * raw + 1e-20 * (filled**2 @ mask.T)] = 0
    return np.stack([both, squares, centred @ centred.T - sums * sums.T / divisor])


def _correlations(products: Array) -> tuple[Array, NDArray[np.bool_]]:
    """And which of them are defined."""
    both, squares, crossed = products
    scale = np.sqrt(squares * squares.T)
    defined = (both >= SMALLEST_OVERLAP) & (scale > 0)
    values = np.divide(crossed, scale, out=np.zeros_like(crossed), where=defined)
    return np.clip(values, -1, 1), defined


def _rater_row(rater: str, products: Array, upper: Any) -> dict[str, Any]:
    correlations, defined = _correlations(products)
    kept = defined[upper]
    return {
        "rater": rater,
        "mean_correlation": float(correlations[upper][kept].mean()) if kept.any() else None,
        "n_pairs": int(kept.sum()),
        "undefined_because": "" if kept.any() else _reason(products[0][upper].max()),
    }


def _pair_rows(names: Sequence[str], products: Array, upper: Any) -> list[dict[str, Any]]:
    correlations, defined = _correlations(products)
    return [
        {
            "one": names[one],
            "two": names[two],
            "correlation": float(correlations[one, two]) if defined[one, two] else None,
            "n": int(products[0, one, two]),
            "undefined_because": "" if defined[one, two] else _reason(products[0, one, two]),
        }
        for one, two in zip(*upper, strict=True)
    ]


def _reason(items: float) -> str:
    return TOO_FEW if items < SMALLEST_OVERLAP else CONSTANT


def _counts(tables: Sequence[Ratings]) -> dict[str, Any]:
    given = np.stack([table.given for table in tables]) if tables else np.zeros((1, 0, 0), bool)
    return {
        "n_items": int(given.any(axis=(0, 1)).sum()),
        "n_pairable": int((given.sum(axis=0) > 1).any(axis=0).sum()),
        "n_raters": int(given.any(axis=(0, 2)).sum()),
        "n_ratings": int(given.sum()),
    }


def _check_alike(tables: Sequence[Ratings], names: Sequence[str]) -> None:
    if len(tables) != len(names):
        raise RatingsError(f"{len(tables)} tables and {len(names)} names of criteria.")
    if len({(table.raters, table.items) for table in tables}) > 1:
        raise RatingsError(
            "Halo needs the same raters and items, in one order, for each criterion."
        )
