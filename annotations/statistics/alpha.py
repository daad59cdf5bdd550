"""Krippendorff's alpha with what a reader needs beside it: how many, what is missing, how spread.

Krippendorff (2011), Computing Krippendorff's Alpha-Reliability; the value comes from the package
`krippendorff`, always on the ordinal level unless another is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import krippendorff
import numpy as np
from numpy.typing import NDArray

Level = Literal["ordinal", "interval", "nominal"]


@dataclass(frozen=True)
class Estimate:
    """A number, or the reason why there is none. Undefined is never 0, 1 or NaN."""

    value: float | None
    undefined_because: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.undefined_because):
            raise ValueError("An estimate has either a value or a reason.")
        if self.value is not None and not np.isfinite(self.value):
            raise ValueError(f"{self.value} is not an estimate.")


@dataclass(frozen=True)
class Spread:
    """How often each score was given, over every rating, and where the middle 80 % lie."""

    counts: tuple[tuple[int, int], ...]
    minimum: int
    maximum: int
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    level: Level
    alpha: Estimate
    percent_exact: Estimate
    """Mean over pairable items of the share of rater pairs who gave the same score, 0 to 100."""
    items: int
    pairable_items: int
    raters: int
    ratings: int
    spread: Spread | None
    missing: Mapping[str, int] = field(default_factory=dict)


def agreement(
    scores: NDArray[np.float64],
    *,
    level: Level = "ordinal",
    missing: Mapping[str, int] | None = None,
) -> Agreement:
    """scores: raters x items, NaN where a rater gave none; `missing` says why, by kind."""
    counts = value_counts(scores)
    pairable = counts[counts.sum(axis=1) >= 2]
    return Agreement(
        level=level,
        alpha=_alpha(pairable, _domain(scores), level),
        percent_exact=_percent_exact(pairable),
        items=scores.shape[1],
        pairable_items=len(pairable),
        raters=int((~np.isnan(scores)).any(axis=1).sum()),
        ratings=int((~np.isnan(scores)).sum()),
        spread=_spread(scores),
        missing=dict(missing or {}),
    )


def value_counts(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """raters x items -> items x values: how many raters gave each observed value."""
    domain = _domain(scores)
    _, items = np.nonzero(~np.isnan(scores))
    values = np.searchsorted(domain, scores[~np.isnan(scores)])
    cells = np.bincount(
        items * len(domain) + values, minlength=scores.shape[1] * len(domain)
    )  # never raters x items x values
    return cells.reshape(scores.shape[1], len(domain))


def _domain(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.unique(scores[~np.isnan(scores)])


def _alpha(pairable: NDArray[np.int64], domain: NDArray[np.float64], level: Level) -> Estimate:
    if len(pairable) == 0:
        return Estimate(None, "no item has ratings from two raters")
    if (pairable.sum(axis=0) > 0).sum() == 1:
        return Estimate(None, "every rating is the same, so chance alone would agree as well")
    if len(pairable) == 1:
        return Estimate(None, "only one item has ratings from two raters")
    value = krippendorff.alpha(
        value_counts=pairable, value_domain=domain, level_of_measurement=level
    )
    return Estimate(float(value))


def _percent_exact(pairable: NDArray[np.int64]) -> Estimate:
    if len(pairable) == 0:
        return Estimate(None, "no item has ratings from two raters")
    raters = pairable.sum(axis=1)
    same = (pairable * (pairable - 1)).sum(axis=1) / (raters * (raters - 1))
    return Estimate(float(100 * same.mean()))


def _spread(scores: NDArray[np.float64]) -> Spread | None:
    given = scores[~np.isnan(scores)]
    if given.size == 0:
        return None
    values, counts = np.unique(given, return_counts=True)
    low, median, high = np.percentile(given, [10, 50, 90], method="inverted_cdf")
    return Spread(
        counts=tuple((int(v), int(n)) for v, n in zip(values, counts, strict=True)),
        minimum=int(values[0]),
        maximum=int(values[-1]),
        median=float(median),
        low=float(low),
        high=float(high),
    )
