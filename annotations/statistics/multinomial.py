"""How often each of N units comes in N draws with replacement: exactly, at half the cost.

Independent Poisson counts are multinomial given their sum s, whatever s is. So each unit gets a
Poisson count, at a rate that leaves the sum a little below N, and the draws that are still missing
are made one by one. A Poisson count takes 16 bits of chance and a look at a table: each count has
as many of the 65,536 places as its probability fills, and the few places left over lead to a second
draw, in proportion to what the whole places could not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

FEW = 512
"""Fewer units than these are drawn one by one, which is as quick."""
SHORT_BY = 5.0
"""Standard deviations that the expected sum stays below N."""
AT_A_TIME = 2**15
"""Counts that stay in the processor's cache with what they are made from."""
LEFT_OVER = 255
MOST = 40
"""A Poisson count that has a probability of 1e-48."""


@dataclass(frozen=True, eq=False)
class _Poisson:
    counts: NDArray[np.uint8]
    """Per 16 bits; LEFT_OVER where a second draw decides."""
    second: NDArray[np.float64]
    """Cumulative probabilities of that draw."""


def draw_counts(generator: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """size x count; each row sums to count."""
    if count < FEW:
        return _one_by_one(generator, count, size)
    poisson = _poisson(count)
    flat = np.empty(size * count, dtype=np.uint8)
    for start in range(0, flat.size, AT_A_TIME):
        part = flat[start : start + AT_A_TIME]
        part[:] = _poisson_counts(poisson, generator, part.size)
    counts = flat.reshape(size, count)
    sums = counts.sum(axis=1, dtype=np.int64)
    while (sums > count).any():
        for row in np.flatnonzero(sums > count):
            counts[row] = _poisson_counts(poisson, generator, count)
            sums[row] = counts[row].sum(dtype=np.int64)
    missing = count - sums
    places = generator.integers(count, size=int(missing.sum()))
    places += np.repeat(count * np.arange(size), missing)
    np.add.at(flat, places, np.uint8(1))
    return counts


def _one_by_one(generator: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    drawn = generator.integers(count, size=(size, count), dtype=np.uint16)
    cells = drawn + count * np.arange(size)[:, None]
    times = np.bincount(cells.ravel(), minlength=size * count)
    # That one of fewer than 512 units comes more than 255 times has a probability of 1e-500.
    return times.astype(np.uint8).reshape(size, count)


def _poisson_counts(
    poisson: _Poisson, generator: np.random.Generator, size: int
) -> NDArray[np.uint8]:
    raw = generator.bit_generator.random_raw(-(-size // 4)).astype("<u8", copy=False)
    counts = poisson.counts.take(raw.view("<u2")[:size])
    left_over = np.flatnonzero(counts == LEFT_OVER)
    counts[left_over] = np.searchsorted(poisson.second, generator.random(len(left_over)))
    return counts


@lru_cache(maxsize=32)
def _poisson(count: int) -> _Poisson:
    rate = 1 - SHORT_BY / np.sqrt(count)
    numbers = np.arange(MOST)
    places = 2**16 * np.exp(numbers * np.log(rate) - gammaln(numbers + 1) - rate)
    whole = np.floor(places).astype(np.int64)
    counts = np.full(2**16, LEFT_OVER, dtype=np.uint8)
    counts[: whole.sum()] = np.repeat(numbers, whole)
    rest = np.cumsum(places - whole)
    return _Poisson(counts, rest / rest[-1])
