"""Tables for property tests: raters x items with holes, few or many different scores."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.ratings import Ratings, ratings


def as_ratings(values: NDArray[np.float64], **more: object) -> Ratings:
    return ratings(values, more_raters_than_items=True, **more)  # type: ignore[arg-type]


@st.composite
def tables(draw: st.DrawFn, *, scores: int = 6, most_items: int = 12) -> NDArray[np.float64]:
    """2 to 5 raters, scores from 1; about a quarter is missing."""
    raters, items = draw(st.integers(2, 5)), draw(st.integers(2, most_items))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = generator.integers(1, scores + 1, size=(raters, items)).astype(float)
    values[generator.random(values.shape) < draw(st.sampled_from([0.0, 0.25, 0.5]))] = np.nan
    return values


def simulated(
    raters: int, items: int, *, seed: int = 0, missing: float = 0.0, top: int = 10
) -> NDArray[np.float64]:
    """Items differ, raters err: whole scores from 1 to `top`."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(top * 0.55, top * 0.2, items)
    seen = truth + generator.normal(0, top * 0.15, (raters, items))
    values = np.clip(np.rint(seen), 1, top)
    values[generator.random(values.shape) < missing] = np.nan
    return values
