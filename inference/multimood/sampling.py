"""Choosing tokens and labels: greedily, or by a row's own random numbers."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

FloatArray = npt.NDArray[np.float32]
BLOCK = 128
BUCKET_BITS = 19
"""Of a float32 between 0 and 1, its exponent and four bits remain: some 2,000 buckets."""


class Draws:
    """Uniform numbers of one seed, the same on every device."""

    def __init__(self, seed: int, count: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        numbers: list[float] = torch.rand(count, dtype=torch.float64, generator=generator).tolist()
        self._numbers = iter(numbers)

    def next(self) -> float:
        return next(self._numbers)


def choose_tokens(
    logits: torch.Tensor, temperature: float, top_p: float, draws: Sequence[Draws]
) -> list[int]:
    """(rows, vocabulary) -> a token a row; the logits are overwritten. `draws` may be those of
    the first rows only."""
    logits = logits[: len(draws)]
    if not temperature:
        greedy: list[int] = logits.argmax(-1).tolist()
        return greedy
    numbers = torch.tensor([own.next() for own in draws], dtype=torch.float64)
    # In place: in a CPU's memory a new tensor of this size costs more than the arithmetic.
    in_place = logits if logits.device.type == "cpu" else None
    weights = torch.softmax(logits.div_(temperature), -1, out=in_place)
    if top_p < 1:
        weights.masked_fill_(weights < _least_weights(weights, top_p)[:, None], 0)
    chosen: list[int] = _passed(weights, numbers.to(logits.device)).tolist()
    return chosen


def choose_label(scores: Sequence[float], temperature: float, draws: Draws) -> int:
    """By log-probabilities; with a temperature from the tempered distribution."""
    if not temperature:
        return max(range(len(scores)), key=scores.__getitem__)
    shares = torch.softmax(torch.tensor(scores, dtype=torch.float64) / temperature, -1)
    sums = list(itertools.accumulate(shares.tolist()))
    return min(bisect.bisect_right(sums, draws.next() * sums[-1]), len(sums) - 1)


def _passed(weights: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Where each row's cumulated weights pass its number's part of their sum. First by blocks:
    a running sum over a whole vocabulary would be slow, and coarse in float32."""
    rows = len(weights)
    blocks = functional.pad(weights, (0, -weights.shape[1] % BLOCK)).view(rows, -1, BLOCK)
    sums = blocks.sum(-1).double().cumsum(-1)
    targets = (numbers * sums[:, -1])[:, None]
    block = torch.searchsorted(sums, targets, right=True).clamp(max=sums.shape[1] - 1)
    inside = blocks[torch.arange(rows, device=weights.device), block[:, 0]].double()
    before = functional.pad(sums, (1, 0)).gather(1, block)
    place = torch.searchsorted(before + inside.cumsum(-1), targets, right=True)[:, 0]
    # Rounding may pass the block's end: what has no weight is not chosen for it.
    last = BLOCK - 1 - (inside > 0).flip(1).int().argmax(1)
    return block[:, 0] * BLOCK + torch.minimum(place, last)


def _least_weights(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    """By row, the least weight in the smallest set of tokens that holds `top_p` of it."""
    if weights.device.type == "cpu":
        return torch.tensor([_least_weight(row, top_p) for row in weights.numpy()])
    return _least_by_sorting(weights, top_p)


def _least_by_sorting(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    falling = weights.sort(-1, descending=True).values
    sums = falling.double().cumsum(-1)
    count = torch.searchsorted(sums, top_p * sums[:, -1:]).clamp(max=weights.shape[1] - 1)
    return falling.gather(1, count)[:, 0]


def _least_weight(weights: FloatArray, top_p: float) -> float:
    """Without sorting the vocabulary: the leading bits of a weight tell its bucket, and only one
    bucket is sorted."""
    buckets = weights.view(np.int32) >> BUCKET_BITS
    sums = np.bincount(buckets, weights)[::-1].cumsum()
    aim = top_p * sums[-1]
    place = int(np.searchsorted(sums, aim))
    above = sums[place - 1] if place else 0.0
    falling = -np.sort(-weights[buckets == len(sums) - 1 - place])
    count = np.searchsorted(above + falling.cumsum(dtype=np.float64), aim)
    return float(falling[min(int(count), len(falling) - 1)])
