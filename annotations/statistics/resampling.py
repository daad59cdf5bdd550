"""Bootstrap in blocks of 32 resamples, and the intervals made from it.

Each block has a SeedSequence child of its own, so that the same seed gives the same digits however
many threads share the blocks.

BCa: Efron (1987), Better bootstrap confidence intervals, JASA 82, 171-185.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from annotations.statistics.multinomial import draw_counts

BLOCK = 32
RESAMPLES = 2000
SEED = 20_250_101
T = TypeVar("T")


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    method: str
    """"BCa" or "percentile"."""


def resample_blocks(
    work: Callable[[np.random.Generator, int], T],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> list[T]:
    """work(generator, how many resamples) for each block, in order."""
    sizes = [min(BLOCK, resamples - start) for start in range(0, resamples, BLOCK)]
    children = np.random.SeedSequence(seed).spawn(len(sizes))

    def one(block: tuple[np.random.SeedSequence, int]) -> T:
        child, size = block
        return work(np.random.default_rng(child), size)

    blocks = list(zip(children, sizes, strict=True))
    if threads == 1:
        return [one(block) for block in blocks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, blocks))


def draw_weights(generator: np.random.Generator, count: int, size: int) -> NDArray[np.float64]:
    """size x count: how often each of `count` units comes in each of `size` resamples."""
    return draw_counts(generator, count, size).astype(np.float64)


def bca_interval(
    value: float,
    replicates: NDArray[np.float64],
    jackknife: NDArray[np.float64],
    confidence: float,
) -> Interval | None:
    """None where the replicates do not vary. Percentile where BCa's corrections are undefined.

    replicates: B values, NaN where undefined; jackknife: the value without each unit in turn.
    """
    kept = np.sort(replicates[np.isfinite(replicates)])
    if kept.size < 2 or kept[0] == kept[-1]:
        return None
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    adjusted = _bca_levels(value, kept, jackknife[np.isfinite(jackknife)], tails)
    method = "percentile" if adjusted is None else "BCa"
    low, high = np.quantile(kept, tails if adjusted is None else adjusted)
    return Interval(float(low), float(high), method)


def _bca_levels(
    value: float,
    replicates: NDArray[np.float64],
    jackknife: NDArray[np.float64],
    tails: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    # Ties count half: with few different replicates the bias would otherwise depend on rounding.
    near = 1e-12 * max(1.0, abs(value))
    below = (np.mean(replicates < value - near) + np.mean(replicates <= value + near)) / 2
    away = jackknife.mean() - jackknife if jackknife.size else jackknife
    spread = float((away**2).sum())
    if not 0 < below < 1 or spread == 0:
        return None
    bias = ndtri(below)
    acceleration = float((away**3).sum()) / (6 * spread**1.5)
    shifted = bias + ndtri(tails)
    scaled = 1 - acceleration * shifted
    if (scaled <= 0).any():
        return None
    levels: NDArray[np.float64] = ndtr(bias + shifted / scaled)
    return levels
