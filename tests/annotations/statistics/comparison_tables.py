"""Comparisons for tests: from tables of counts, and simulated from known abilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.bradley_terry import Family, win_tie_loss
from annotations.statistics.comparisons import Comparisons, comparisons


def from_counts(
    rows: Sequence[tuple[int, int, int, int, int]], models: Sequence[str], **more: Any
) -> Comparisons:
    """rows: first, second, how often the first won, the second won, they tied."""
    first, second, outcome = [], [], []
    for one, two, wins, losses, ties in rows:
        times = wins + losses + ties
        first += [one] * times
        second += [two] * times
        outcome += [-1] * wins + [1] * losses + [0] * ties
    return comparisons(first, second, outcome, models=models, **more)


def simulated(
    theta: NDArray[np.float64],
    count: int,
    *,
    family: Family = "bt_davidson",
    tie: float = 0.7,
    order_effect: float = 0.0,
    stimuli: int = 100,
    raters: int = 10,
    seed: int = 1,
) -> Comparisons:
    generator = np.random.default_rng(seed)
    models = len(theta)
    first = generator.integers(models, size=count)
    second = (first + generator.integers(1, models, size=count)) % models
    on_a = generator.random(count) < 0.5
    difference = theta[first] - theta[second] + np.where(on_a, order_effect, -order_effect)
    win, tied, _ = win_tie_loss(family, difference, tie)
    drawn = generator.random(count)
    outcome = np.where(drawn < win, -1, np.where(drawn < win + tied, 0, 1))
    return comparisons(
        first,
        second,
        outcome,
        models=[f"model {number}" for number in range(models)],
        stimuli=generator.integers(stimuli, size=count),
        raters=generator.integers(raters, size=count),
        first_shown=on_a,
    )
