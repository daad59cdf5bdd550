"""A figure of the report with what is known of its uncertainty.

Stimuli of one session are not independent, so intervals are of a percentile bootstrap that draws
whole sessions (Field & Welsh, JRSS B 69, 2007). With few sessions they are too short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
NOTHING = "there is nothing to measure"
ONE_SESSION = "everything is of one session"
NO_SPREAD = "every resample gives the same value"


@dataclass(frozen=True)
class Figure:
    n: int
    """Answers or pairs that were measured."""
    sessions: int
    value: float | None
    """A mean, a share from 0 to 1, or a ratio; None where n is 0."""
    low: float | None = None
    high: float | None = None
    """Of the 95 % interval over sessions."""
    no_interval_because: str = ""


@dataclass(frozen=True)
class Change:
    before: Figure
    after: Figure
    difference: Figure
    """After less before, of the same stimuli."""


def mean(values: Sequence[float], sessions: Sequence[str]) -> Figure:
    """One value and one session an answer. Raises ValueError where their numbers differ."""
    return ratio(values, [1.0] * len(values), sessions)


def change(before: Sequence[float], after: Sequence[float], sessions: Sequence[str]) -> Change:
    """Of means; the values are of the same answers in the same order."""
    differences = [new - old for old, new in zip(before, after, strict=True)]
    return Change(mean(before, sessions), mean(after, sessions), mean(differences, sessions))


def ratio(parts: Sequence[float], wholes: Sequence[float], sessions: Sequence[str]) -> Figure:
    """sum(parts) / sum(wholes), such as nats a token. Raises ValueError where the numbers of
    values differ, or where one is infinite or not a number."""
    if not len(parts) == len(wholes) == len(sessions):
        raise ValueError(f"{len(parts)} parts, {len(wholes)} wholes, {len(sessions)} sessions")
    if not all(map(math.isfinite, (*parts, *wholes))):
        raise ValueError("a value is infinite or not a number")
    names = sorted(set(sessions))
    if not names:
        return Figure(0, 0, None, no_interval_because=NOTHING)
    value = math.fsum(parts) / math.fsum(wholes)
    figure = Figure(len(parts), len(names), value, no_interval_because=ONE_SESSION)
    if len(names) == 1:
        return figure
    totals = np.zeros((len(names), 2))
    place = {name: number for number, name in enumerate(names)}
    np.add.at(totals, [place[name] for name in sessions], np.column_stack([parts, wholes]))
    low, high = _percentiles(totals)
    if low == high:
        return Figure(len(parts), len(names), value, no_interval_because=NO_SPREAD)
    return Figure(len(parts), len(names), value, low, high)


def _percentiles(totals: NDArray[np.float64]) -> tuple[float, float]:
    """totals: (sessions, 2), summed parts and wholes."""
    count = len(totals)
    times = np.random.default_rng(0).multinomial(count, [1 / count] * count, size=RESAMPLES)
    drawn = times @ totals
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return float(low), float(high)
