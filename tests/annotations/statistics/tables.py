"""Published tables that several tests read, and ways to write a table shortly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.ratings import Ratings, ratings

NAN = float("nan")

# Shrout & Fleiss (1979), Intraclass correlations: uses in assessing rater reliability, table 2.
SHROUT_FLEISS = np.array(
    [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float
)

# One rater who always says 4, beside three who do not (the video ratings of the R package irr).
ONE_RATER_CONSTANT = np.array(
    [
        list(map(int, row))
        for row in (
            "44444444444444444444",
            "44443434334344444445",
            "34542323333344344445",
            "45544454444444444444",
        )
    ],
    float,
)


def from_table(counts: list[list[int]]) -> Ratings:
    """Two raters with this contingency table, the first one down."""
    size = len(counts)
    one, two = np.divmod(np.repeat(np.arange(size * size), np.ravel(counts)), size)
    return ratings([one, two], scale=(0, size - 1))


def simulated(
    raters: int, items: int, *, seed: int = 1, missing: float = 0.0, sd: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Raters x items; sd of items, raters and what is left."""
    generator = np.random.default_rng(seed)
    values: NDArray[np.float64] = (
        5
        + sd[0] * generator.normal(size=items)
        + sd[1] * generator.normal(size=(raters, 1))
        + sd[2] * generator.normal(size=(raters, items))
    )
    values[generator.random(values.shape) < missing] = NAN
    return values
