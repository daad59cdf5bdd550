"""Before the data: how wide an interval to expect, and how many comparisons a win rate needs.

The width is the mean, over simulated studies, of the normal interval with the infinitesimal
jackknife standard error over items. It was chosen over the 2.5 to 97.5 percentile of the simulated
alphas because it is as wide (alpha .48, 3 raters: .42, .33, .24, .14 at 30, 50, 100, 300 items both
ways) and settles with far fewer simulations; the deleted-item jackknife with t is wider at 30
items (.46) than the BCa interval that the study will report (.41). It says how sure alpha will be
for new items judged by these raters; for new raters intervals are wider.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import ndtri

from annotations.statistics.alpha import alpha_value
from annotations.statistics.alpha_levels import why_undefined
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.counts import code_ratings
from annotations.statistics.estimate import CONFIDENCE
from annotations.statistics.icc_incomplete import fit_table
from annotations.statistics.planned_studies import (
    Array,
    calibrated,
    cuts_of_scale,
    cuts_of_scores,
    simulated_alphas,
)
from annotations.statistics.ratings import Ratings, RatingsError
from annotations.statistics.reml import NotEstimableError
from annotations.statistics.resampling import SEED

RATERS = (2, 3, 5)
ITEMS = (30, 50, 100, 200, 300, 500)
SIMULATIONS = 400
FEWEST_ITEMS = 10
"""With fewer, no interval over items keeps what it promises."""
RATER_SHARE = 0.2
"""Of what is not item variance; from 0 to 0.4 the expected width moves by less than 0.02."""
MOST_UNDEFINED = 0.5
CLUSTERS_NOTE = (
    "items are simulated as independent; where several belong to one session or client turn, "
    "multiply the width by the root of the design effect"
)
SHARE_NOTE = (
    "the pilot does not tell raters and error apart; a fifth of what is not between items was "
    "taken as differences between raters"
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    alpha: float | None
    """Assumed, or the pilot's; None where that is undefined."""
    confidence: float
    simulations: int
    """Per row."""
    seed: int
    rows: tuple[Mapping[str, Any], ...] = ()
    """raters, items, width, low, high (the expected width and ends; None where the interval would
    mostly be undefined) and undefined_studies, the share without an interval."""
    undefined_because: str = ""
    method: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return named | {"rows": [dict(row) for row in self.rows], "notes": list(self.notes)}


def planner(
    *,
    alpha: float,
    scale: tuple[float, float],
    raters: Sequence[int] = RATERS,
    items: Sequence[int] = ITEMS,
    confidence: float = CONFIDENCE,
    simulations: int = SIMULATIONS,
    seed: int = SEED,
) -> Plan:
    """What interval of ordinal alpha to expect from so many raters per item and so many items.

    scale: its lowest and highest score, in steps of 1. Raises RatingsError for what cannot be
    planned with.
    """
    _check(alpha, raters, items, confidence, simulations)
    cuts = cuts_of_scale(_categories(scale))
    rows = _rows(alpha, RATER_SHARE, cuts, raters, items, confidence, simulations, seed)
    where = f"onto equal steps of the scale from {scale[0]:g} to {scale[1]:g}"
    return Plan(
        alpha=alpha,
        confidence=confidence,
        simulations=simulations,
        seed=seed,
        rows=rows,
        method=_method(confidence, simulations, RATER_SHARE, where),
    )


def planner_from_pilot(
    table: Ratings,
    *,
    raters: Sequence[int] = RATERS,
    items: Sequence[int] = ITEMS,
    confidence: float = CONFIDENCE,
    simulations: int = SIMULATIONS,
    seed: int = SEED,
) -> Plan:
    """As `planner`, with the pilot's ordinal alpha, its use of the scale, and the share of its
    raters in what is not between items, from crossed random effects by REML."""
    alpha = alpha_value(table, "ordinal")
    settings: dict[str, Any] = {"confidence": confidence, "simulations": simulations, "seed": seed}
    # What is asked for is checked even where the pilot has no answer.
    _check(0.5, raters, items, confidence, simulations)
    because = _why_no_pilot(table, alpha)
    if because or alpha is None:
        return Plan(alpha=alpha, undefined_because=because, **settings)
    share, notes = _rater_share(table)
    coded = code_ratings(table)
    cuts = cuts_of_scores(coded.categories[coded.codes])
    try:
        rows = _rows(alpha, share, cuts, raters, items, confidence, simulations, seed)
    except RatingsError as error:
        because = str(error).rstrip(".")
        return Plan(alpha=alpha, undefined_because=because, **settings)
    counted = table.counts()["n_pairable"]
    where = f"into the shares of the scores of a pilot of {counted:,} items with two ratings"
    return Plan(
        alpha=alpha,
        rows=rows,
        method=_method(confidence, simulations, share, where),
        notes=notes + ((CLUSTERS_NOTE,) if table.clusters is not None else ()),
        **settings,
    )


@one_blas_thread()
def _rows(
    alpha: float,
    rater_share: float,
    cuts: Array,
    raters: Sequence[int],
    items: Sequence[int],
    confidence: float,
    simulations: int,
    seed: int,
) -> tuple[Mapping[str, Any], ...]:
    rows = []
    for some in sorted(set(raters)):
        model = calibrated(alpha, raters=some, rater_share=rater_share, cuts=cuts)
        for many in sorted(set(items)):
            # A seed of its own: a row is the same whatever other rows are asked for.
            generator = np.random.default_rng([seed, some, many])
            alphas, errors = simulated_alphas(
                model, raters=some, items=many, studies=simulations, generator=generator
            )
            interval = _expected_interval(alphas, errors, confidence)
            rows.append({"raters": some, "items": many, **interval})
    return tuple(rows)


def _expected_interval(alphas: Array, errors: Array, confidence: float) -> dict[str, float | None]:
    # Studies in which all agree have no spread, and so no interval either.
    defined = np.isfinite(alphas) & (errors > 0)
    undefined = float(1 - defined.mean())
    if undefined > MOST_UNDEFINED:
        return {"width": None, "low": None, "high": None, "undefined_studies": undefined}
    half = float(ndtri((1 + confidence) / 2)) * errors[defined]
    low = float((alphas[defined] - half).mean())
    high = float(np.minimum(alphas[defined] + half, 1).mean())
    return {"width": high - low, "low": low, "high": high, "undefined_studies": undefined}


def _rater_share(table: Ratings) -> tuple[float, tuple[str, ...]]:
    try:
        variances = fit_table(table).variances
    except NotEstimableError:
        return RATER_SHARE, (SHARE_NOTE,)
    return variances.rater / (variances.rater + variances.residual), ()


def _why_no_pilot(table: Ratings, alpha: float | None) -> str:
    if alpha is None:
        return why_undefined(code_ratings(table).counts(), "ordinal")
    if alpha <= 0:
        return (
            f"the pilot's alpha is {alpha:.2f}, no better than chance: talk through the items "
            "raters disagreed on, or plan with an assumed alpha above 0"
        )
    if alpha >= 1:
        return (
            "the raters of the pilot agree perfectly, which leaves no error to simulate: plan with "
            "an assumed alpha below 1"
        )
    return ""


def _categories(scale: tuple[float, float]) -> int:
    low, high = scale
    if not (math.isfinite(low) and math.isfinite(high)) or round(high - low) < 1:
        raise RatingsError(
            f"A scale from {low:g} to {high:g} has no two scores: give its lowest and its highest "
            "score, such as 1 and 10."
        )
    return round(high - low) + 1


def _check(
    alpha: float,
    raters: Sequence[int],
    items: Sequence[int],
    confidence: float,
    simulations: int,
) -> None:
    if not 0 < alpha < 1:
        raise RatingsError(
            f"An assumed alpha lies between 0 and 1, not at {alpha:g}: take one from a similar "
            "study, such as 0.5."
        )
    if not raters or min(raters) < 2:
        raise RatingsError("Agreement needs two raters per item at least: plan with 2 or more.")
    if not items or min(items) < FEWEST_ITEMS:
        raise RatingsError(
            f"An interval needs items to rest on: plan with {FEWEST_ITEMS} items or more."
        )
    if not 0 < confidence < 1:
        raise RatingsError(
            f"A confidence lies between 0 and 1, not at {confidence:g}: give 0.95 for 95 %."
        )
    if simulations < 2:
        raise RatingsError("A mean over simulated studies needs some: simulate 2 or more.")


def _method(confidence: float, simulations: int, rater_share: float, where: str) -> str:
    return (
        f"expected {100 * confidence:g} % interval of ordinal alpha over items (normal, "
        f"infinitesimal jackknife), the mean of {simulations:,} simulated studies; latent normal "
        f"scores of crossed items and raters, {100 * rater_share:.0f} % of what is not between "
        f"items being differences between raters, cut {where}"
    )


@dataclass(frozen=True, kw_only=True)
class WinRatePower:
    """How many decided comparisons (ties do not count) tell a win rate from 50 %."""

    non_ties: int
    independent: int
    """As many if every answer stood alone: a design effect of 1."""
    win_rate: float
    power: float
    significance: float
    design_effect: float
    method: str = "two-sided sign test of 50 %, by its normal approximation"

    def __int__(self) -> int:
        return self.non_ties


def win_rate_power(
    p: float, *, power: float = 0.8, significance: float = 0.05, design_effect: float = 1.0
) -> WinRatePower:
    """n = ((z_{1 - significance/2} / 2 + z_power sqrt(p (1 - p))) / (p - 1/2))^2, rounded up, times
    the design effect. Fleiss, Levin & Paik (2003), Statistical methods for rates and proportions.

    Raises RatingsError.
    """
    if not 0 < p < 1 or p == 0.5:
        raise RatingsError(
            f"A win rate of {p:g} cannot be told from 50 % by any number of answers: give one "
            "between 0 and 1 that differs from 0.5, such as 0.6."
            if p == 0.5
            else f"A win rate lies between 0 and 1, not at {p:g}: give 0.6 for 60 %."
        )
    if not 0.5 <= power < 1:
        raise RatingsError(f"A power lies from 0.5 to below 1, not at {power:g}: 0.8 is usual.")
    if not 0 < significance < 0.5:
        raise RatingsError(
            f"A significance level lies between 0 and 0.5, not at {significance:g}: 0.05 is usual."
        )
    if not design_effect >= 1:
        raise RatingsError(
            f"A design effect is 1 or more, not {design_effect:g}: 1 where every answer stands "
            "alone."
        )
    null, alternative = ndtri(1 - significance / 2) / 2, ndtri(power) * math.sqrt(p * (1 - p))
    independent = math.ceil(((null + alternative) / (p - 0.5)) ** 2)
    return WinRatePower(
        # Rounded first, so that 100 x 1.1 does not become 111.
        non_ties=math.ceil(round(independent * design_effect, 6)),
        independent=independent,
        win_rate=p,
        power=power,
        significance=significance,
        design_effect=design_effect,
    )


def design_effect(cluster_size: float, icc: float) -> float:
    """How many times the answers are needed when `cluster_size` of them belong together.

    Kish (1965), Survey sampling. Raises RatingsError.
    """
    if not cluster_size >= 1:
        raise RatingsError(
            f"A cluster has one answer or more, not {cluster_size:g}: give how many answers "
            "belong to one session, client turn or rater."
        )
    if not 0 <= icc <= 1:
        raise RatingsError(
            f"The correlation within clusters lies from 0 to 1, not at {icc:g}: 0.05 to 0.2 is "
            "common."
        )
    return 1 + (cluster_size - 1) * icc
