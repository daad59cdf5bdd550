"""Ratings as indices of their categories, which is what every count is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def category_codes(
    values: NDArray[np.float64], categories: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The index of the nearest category, -1 where there is no rating. Shape of `values`.

    Nearest, because 0.1 + 0.2 is a rating of 0.3. categories: ascending.
    """
    nearest = np.searchsorted((categories[1:] + categories[:-1]) / 2, values)
    return np.where(np.isnan(values), -1, nearest).astype(np.int64, copy=False)
