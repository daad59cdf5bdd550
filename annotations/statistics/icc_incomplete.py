"""Intraclass correlations where not every rater rates every item.

Crossed random effects of items and raters by restricted maximum likelihood; nothing is left out
for one missing rating. Of complete tables icc_a1 is ICC(2,1) and icc_c1 is ICC(3,1), as long as no
variance is estimated as 0.

ten Hove, Jorgensen & van der Ark (2022), Updated guidelines on selecting an intraclass correlation
coefficient for interrater reliability, with applications to incomplete observational designs,
Psychological Methods 29, 967-979.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.icc import CLUSTERS_IGNORED, NO_ERROR
from annotations.statistics.ratings import Ratings
from annotations.statistics.reml import (
    CrossedFit,
    NotEstimableError,
    crossed_reml,
)
from annotations.statistics.resampling import SEED
from annotations.statistics.variance_draws import DRAWS, interval_words, variance_draws

Array = NDArray[np.float64]
Formula = Callable[[Array], Array]
"""Variances of item, rater and residual in the last axis -> the coefficient."""


@dataclass(frozen=True)
class Form:
    name: str
    words: str
    formula: Formula


def icc_a1(
    table: Ratings, *, confidence: float = CONFIDENCE, seed: int = SEED, draws: int = DRAWS
) -> Estimate:
    """Absolute agreement of one rating by a rater like these."""
    return _icc(_a1(), table, fitted(table), confidence, seed, draws)


def icc_ak(
    table: Ratings, *, confidence: float = CONFIDENCE, seed: int = SEED, draws: int = DRAWS
) -> Estimate:
    """Absolute agreement of an item's mean; k is the harmonic mean of the ratings an item has."""
    return _icc(_ak(table), table, fitted(table), confidence, seed, draws)


def icc_c1(
    table: Ratings, *, confidence: float = CONFIDENCE, seed: int = SEED, draws: int = DRAWS
) -> Estimate:
    """Consistency of one rating, the raters' own levels set aside."""
    return _icc(_c1(), table, fitted(table), confidence, seed, draws)


def crossed_iccs(
    table: Ratings, *, confidence: float = CONFIDENCE, seed: int = SEED, draws: int = DRAWS
) -> tuple[Estimate, Estimate, Estimate]:
    """icc_a1, icc_ak and icc_c1, from a single fit."""
    fit = fitted(table)
    a1, ak, c1 = (
        _icc(form, table, fit, confidence, seed, draws) for form in (_a1(), _ak(table), _c1())
    )
    return a1, ak, c1


def _a1() -> Form:
    return Form("icc_a1", "ICC(A,1), single rating", lambda v: v[..., 0] / v.sum(-1))


def _ak(table: Ratings) -> Form:
    k = harmonic_ratings(table)

    def formula(v: Array) -> Array:
        mean: Array = v[..., 0] / (v[..., 0] + (v[..., 1] + v[..., 2]) / k)
        return mean

    return Form("icc_ak", f"ICC(A,k), mean of k = {k:.2f} ratings (harmonic mean)", formula)


def _c1() -> Form:
    def formula(v: Array) -> Array:
        consistency: Array = v[..., 0] / (v[..., 0] + v[..., 2])
        return consistency

    return Form("icc_c1", "ICC(C,1), single rating", formula)


def harmonic_ratings(table: Ratings) -> float:
    """Harmonic mean of how many ratings the rated items have; 0 without any."""
    ratings = table.given.sum(axis=0)
    rated = ratings[ratings > 0]
    return float(rated.size / (1 / rated).sum()) if rated.size else 0.0


def fit_table(table: Ratings) -> CrossedFit:
    """Raters and items crossed; ratings in the order of table.values[table.given].

    Raises NotEstimableError.
    """
    raters, items = np.nonzero(table.given)
    # Codes of all, so that an effect stands at the place of its rater or item.
    return crossed_reml(table.values[raters, items], items, raters)


def fitted(table: Ratings) -> CrossedFit | NotEstimableError | None:
    """The model, or why there is none; None where raters agree perfectly and no error is left."""
    if _agree_perfectly(table):
        return None
    try:
        return fit_table(table)
    except NotEstimableError as error:
        return error


def _icc(
    form: Form,
    table: Ratings,
    fit: CrossedFit | NotEstimableError | None,
    confidence: float,
    seed: int,
    draws: int,
) -> Estimate:
    name, formula = form.name, form.formula
    known: dict[str, Any] = {
        "name": name,
        "confidence": confidence,
        "method": f"{form.words}, from crossed random effects of items and raters by REML",
        **table.counts(),
    }
    if fit is None:
        return Estimate(**known, value=1.0, no_interval_because=NO_ERROR)
    if isinstance(fit, NotEstimableError):
        return undefined(name, str(fit), **table.counts())
    known["value"] = float(formula(fit.variances.as_array()))
    known["notes"] = fit.notes + (() if table.clusters is None else (CLUSTERS_IGNORED,))
    try:
        drawn = formula(variance_draws(fit, table, seed=seed, draws=draws))
    except NotEstimableError as error:
        return Estimate(**known, no_interval_because=str(error))
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    known["method"] += f"; {interval_words(fit, table, seed=seed, draws=draws)}"
    return Estimate(
        **known,
        low=float(low),
        high=float(high),
        standard_error=float(np.std(drawn)),
        seed=seed,
        resamples=draws,
    )


def _agree_perfectly(table: Ratings) -> bool:
    """Every item's ratings are one value, some item has two, and items differ."""
    paired = table.values[:, table.given.sum(axis=0) > 1]
    if paired.size == 0:
        return False
    return bool(
        (np.nanmax(paired, axis=0) == np.nanmin(paired, axis=0)).all()
        and np.nanmax(paired) > np.nanmin(paired)
    )
