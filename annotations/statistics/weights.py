"""How much two categories agree: 1 on the diagonal, down to 0 for the two ends of the scale.

Weights are over the declared scale, because the distance between two answers does not depend on
which other answers somebody happened to give.

Gwet (2014), Handbook of Inter-Rater Reliability, 4th edition, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Weighting = Literal["unweighted", "linear", "quadratic", "ordinal"]


def agreement_weights(weighting: Weighting, categories: NDArray[np.float64]) -> NDArray[np.float64]:
    """q x q, symmetric. categories: ascending, each once."""
    return _BY_NAME[weighting](categories)


def identity(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.eye(categories.size)


def linear(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - _distance(categories) / _span(categories)


def quadratic(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - (_distance(categories) / _span(categories)) ** 2


def ordinal(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gwet's: by the pairs of ranks between two categories, whatever their values.

    Not Krippendorff's ordinal metric, which depends on how often each category was used.
    """
    ranks = np.arange(categories.size, dtype=np.float64)
    steps = _distance(ranks)
    between: NDArray[np.float64] = (steps + 1) * steps / 2
    return 1 - between / max(float(between.max()), 1.0)


def within(distance: float, categories: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where two categories differ by at most `distance` in the units of the scale, else 0."""
    rounding = 1e-9 * _span(categories)
    return (_distance(categories) <= distance + rounding).astype(np.float64)


def _distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(values[:, None] - values[None, :])


def _span(categories: NDArray[np.float64]) -> float:
    """One category agrees with itself: its span divides nothing but zeros."""
    return float(categories[-1] - categories[0]) or 1.0


_BY_NAME: dict[Weighting, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "unweighted": identity,
    "linear": linear,
    "quadratic": quadratic,
    "ordinal": ordinal,
}
