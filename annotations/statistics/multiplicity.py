"""p-values of one family, adjusted for how many there are.

Holm (1979), A simple sequentially rejective multiple test procedure. Benjamini & Hochberg (1995),
Controlling the false discovery rate. Benjamini & Yekutieli (2001), The control of the false
discovery rate in multiple testing under dependency.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["holm", "bh", "by", "bonferroni"]
PValues = Sequence[float | None] | NDArray[np.float64]


def holm(p: PValues) -> NDArray[np.float64]:
    return adjust(p, "holm")


def adjust(p: PValues, method: Method) -> NDArray[np.float64]:
    """Adjusted p in the order given. None and NaN stay NaN and do not count into the family."""
    given = np.array(p, dtype=np.float64)
    family = ~np.isnan(given)
    values = given[family]
    if ((values < 0) | (values > 1)).any():
        raise ValueError("A p-value lies between 0 and 1.")
    adjusted = np.full(given.shape, np.nan)
    adjusted[family] = _adjusted(values, method)
    return adjusted


def _adjusted(values: NDArray[np.float64], method: Method) -> NDArray[np.float64]:
    count = len(values)
    if method == "bonferroni":
        return np.minimum(1, values * count)
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1, count + 1)
    if method == "holm":
        ordered = np.maximum.accumulate(values[order] * (count + 1 - ranks))
    else:
        harmonic = float((1 / ranks).sum()) if method == "by" else 1.0
        steps = values[order] * count * harmonic / ranks
        ordered = np.minimum.accumulate(steps[::-1])[::-1]
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(1, ordered)
    return adjusted
