"""Intraclass correlations of complete tables, by the mean squares of the analysis of variance.

Shrout & Fleiss (1979), Intraclass correlations: uses in assessing rater reliability, Psychological
Bulletin 86, 420-428. The names in McGraw & Wong (1996), Forming inferences about some intraclass
correlation coefficients, Psychological Methods 1, 30-46, are given in each method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import fdtri

from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import Ratings

ROUNDING = 1e-12
NOTHING_IN_COMMON = (
    "the raters contradict each other on every item, so there is no variance that they share"
)
Bounds = tuple[float | None, float | None]
INCOMPLETE = "it needs every rater on every item; use icc_a1, which does not"
ITEMS_ALIKE = "the items do not differ, so there is nothing that the raters could tell apart"
NO_BOUND = "with so little between the items the interval has no lower end"
CLUSTERS_IGNORED = (
    "the interval takes the items as independent, although some belong together: it is too narrow"
)
MEANS_TOO_ALIKE = "the items' means differ less than the error alone would make them differ"
NO_ERROR = "the raters leave no error to measure, so nothing says how far the next ones would"


@dataclass(frozen=True)
class MeanSquares:
    items: int
    raters: int
    between: float
    """Of items (BMS)."""
    within: float
    """Within items (WMS)."""
    judges: float
    """Of raters (JMS)."""
    error: float
    """What items and raters leave (EMS)."""


def icc_1_1(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Absolute agreement of one rating; each item may have had other raters."""
    return _icc("icc_1_1", "ICC(1,1), one-way random effects, single rating", table, confidence)


def icc_1_k(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Absolute agreement of the mean of the k ratings; each item may have had other raters."""
    return _icc("icc_1_k", "ICC(1,k), one-way random effects, mean of k", table, confidence)


def icc_2_1(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Absolute agreement of one rating; the claim is for raters like these."""
    words = "ICC(2,1) = ICC(A,1), two-way random effects, absolute agreement, single rating"
    return _icc("icc_2_1", words, table, confidence)


def icc_2_k(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Absolute agreement of the mean of the k ratings; the claim is for raters like these."""
    words = "ICC(2,k) = ICC(A,k), two-way random effects, absolute agreement, mean of k"
    return _icc("icc_2_k", words, table, confidence)


def icc_3_1(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Consistency of one rating, the raters' levels set aside; the claim is for these raters."""
    words = "ICC(3,1) = ICC(C,1), two-way mixed effects, consistency, single rating"
    return _icc("icc_3_1", words, table, confidence)


def icc_3_k(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Consistency of the mean of the k ratings, raters' levels set aside; for these raters."""
    words = "ICC(3,k) = ICC(C,k), two-way mixed effects, consistency, mean of k"
    return _icc("icc_3_k", words, table, confidence)


def mean_squares(table: Ratings) -> MeanSquares:
    """Of a table without gaps, two raters and two items at least."""
    values = table.values - table.values.mean()  # the grand mean would cost digits
    raters, items = values.shape
    item_means, rater_means = values.mean(axis=0), values.mean(axis=1)
    between = raters * float((item_means**2).sum())
    judges = items * float((rater_means**2).sum())
    within = float(((values - item_means) ** 2).sum())
    error = float(((values - item_means - rater_means[:, None]) ** 2).sum())
    # Sums of squares that are rounding and no spread count as none.
    noise = 1e-12 * max(float((table.values**2).sum()), 1e-300)
    between, judges, within, error = (
        0.0 if part <= noise else part for part in (between, judges, within, error)
    )
    return MeanSquares(
        items=items,
        raters=raters,
        between=between / (items - 1),
        within=within / (items * (raters - 1)),
        judges=judges / (raters - 1),
        error=error / ((items - 1) * (raters - 1)),
    )


def _icc(name: str, words: str, table: Ratings, confidence: float) -> Estimate:
    reason = _why_no_mean_squares(table)
    if reason:
        return undefined(name, reason, **table.counts())
    squares = mean_squares(table)
    if squares.between == 0 and squares.error == 0:
        return undefined(name, ITEMS_ALIKE, **table.counts())
    single, error, bounds = _FORMS[name[4]](squares)
    if single is None:
        return undefined(name, NOTHING_IN_COMMON, **table.counts())
    of_the_mean = name.endswith("k")
    value = spearman_brown(single, squares.raters) if of_the_mean else single
    if value is None:
        return undefined(name, MEANS_TOO_ALIKE, **table.counts())
    known: dict[str, Any] = {
        "name": name,
        "value": value,
        "confidence": confidence,
        "method": f"{words}, k = {squares.raters}; interval by the F distribution",
        "notes": () if table.clusters is None else (CLUSTERS_IGNORED,),
        **table.counts(),
    }
    if error == 0:
        return Estimate(**known, no_interval_because=NO_ERROR)
    low, high = (
        spearman_brown(end, squares.raters) if of_the_mean and end is not None else end
        for end in bounds((1 + confidence) / 2)
    )
    if low is None or high is None or not np.isfinite([low, high]).all():
        return Estimate(**known, no_interval_because=NO_BOUND)
    return Estimate(**known, low=low, high=high)


def spearman_brown(single: float, ratings_of_item: float) -> float | None:
    """Reliability of the mean of so many ratings; None at or below what that many can have."""
    spread = 1 + (ratings_of_item - 1) * single
    return ratings_of_item * single / spread if spread > 1e-12 else None


def _why_no_mean_squares(table: Ratings) -> str:
    raters, items = table.values.shape
    if raters < 2:
        return "there is only one rater"
    if items < 2:
        return "there are fewer than two items"
    return "" if table.given.all() else INCOMPLETE


_Form = tuple[float | None, float, Callable[[float], Bounds]]
"""Value (None where its denominator is 0), the mean square that its interval needs above 0, and
the interval for an upper level."""


def _one_way(squares: MeanSquares) -> _Form:
    freedom = squares.items * (squares.raters - 1)
    return _ratio_form(squares, squares.within, freedom)


def _two_way_mixed(squares: MeanSquares) -> _Form:
    freedom = (squares.items - 1) * (squares.raters - 1)
    return _ratio_form(squares, squares.error, freedom)


def _ratio_form(squares: MeanSquares, error: float, freedom: int) -> _Form:
    k, items = squares.raters, squares.items

    def bounds(level: float) -> Bounds:
        ratio = squares.between / error
        low = ratio / float(fdtri(items - 1, freedom, level))
        high = ratio * float(fdtri(freedom, items - 1, level))
        return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)

    return (squares.between - error) / (squares.between + (k - 1) * error), error, bounds


def _two_way_random(squares: MeanSquares) -> _Form:
    k, n = squares.raters, squares.items
    between, judges, error = squares.between, squares.judges, squares.error
    spread = between + (k - 1) * error + k * (judges - error) / n
    if spread <= ROUNDING * error:
        return None, error, lambda level: (None, None)
    value = (between - error) / spread

    def bounds(level: float) -> Bounds:
        freedom = _satterthwaite(squares, value)
        if freedom is None:
            return None, None
        other = k * judges + (k * n - k - n) * error
        f_low = float(fdtri(n - 1, freedom, level))
        f_high = float(fdtri(freedom, n - 1, level))
        low = n * (between - f_low * error) / (f_low * other + n * between)
        high = n * (f_high * between - error) / (other + n * f_high * between)
        return low, high

    return value, error, bounds


def _satterthwaite(squares: MeanSquares, value: float) -> float | None:
    """Degrees of freedom of what is not between items, where raters are random too. None where
    nothing is left but a disagreement that is the same for every item."""
    k, n = squares.raters, squares.items
    judges = k * value * squares.judges / squares.error
    rest = n * (1 + (k - 1) * value) - k * value
    spread = (n - 1) * judges**2 + rest**2
    if spread <= ROUNDING * n**2:
        return None
    return (k - 1) * (n - 1) * (judges + rest) ** 2 / spread


_FORMS: dict[str, Callable[[MeanSquares], _Form]] = {
    "1": _one_way,
    "2": _two_way_random,
    "3": _two_way_mixed,
}
