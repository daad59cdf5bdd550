"""Figures as functions of sums over cases, so that one engine resamples and swaps them all.

A measure has a row of additive numbers for each case (a cell of a confusion matrix, n-gram counts,
a score and a one) and a function from their sum to the figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measure:
    name: str
    title: str
    cells: Floats
    """(cases, k); a row of zeros for a case that the figure leaves out."""
    value: Callable[[Floats], Floats]
    """(..., k) sums -> (...) figures; NaN where undefined."""
    n: int
    """Cases it is over."""
    setting: str = ""
    undefined_because: str = "no case has what it needs"
    exact: float | None = None
    """The library's own value, where `value` repeats its formula for many resamples at once."""

    @property
    def point(self) -> float | None:
        if self.n == 0:
            return None
        if self.exact is not None:
            return self.exact
        found = float(self.value(self.cells.sum(axis=0)))
        return found if math.isfinite(found) else None


def ratio(part: Floats, whole: Floats) -> Floats:
    """NaN where the whole is 0."""
    undefined: Floats = np.full(np.shape(part), np.nan)
    return np.divide(part, whole, out=undefined, where=np.asarray(whole) > 0)


def mean_of_column(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 1])


def mean_measure(
    name: str, title: str, scores: Sequence[float | None], *, setting: str, undefined_because: str
) -> Measure:
    """The mean of one score a case; None leaves the case out."""
    counted = np.array([score is not None for score in scores], dtype=np.float64)
    values = np.array([score or 0.0 for score in scores], dtype=np.float64)
    n = int(counted.sum())
    return Measure(
        name=name,
        title=title,
        cells=np.stack([values, counted], axis=1),
        value=mean_of_column,
        n=n,
        setting=setting,
        undefined_because=undefined_because,
        exact=math.fsum(values) / n if n else None,
    )
