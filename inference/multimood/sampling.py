"""Choosing tokens and labels: greedily, or by a row's own random numbers."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

CANDIDATES = 64
"""Tokens that are sorted first to find a nucleus; all are where these do not hold it."""
BLOCK = 128


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
    # In place: a new tensor of this size costs more than the arithmetic.
    weights = logits.sub_(logits.amax(-1, keepdim=True)).div_(temperature).exp_()
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
    totals = weights.sum(-1).double()
    candidates = weights.topk(min(CANDIDATES, weights.shape[1])).values
    sums = candidates.double().cumsum(-1)
    aims = (top_p * totals)[:, None]
    count = torch.searchsorted(sums, aims).clamp(max=candidates.shape[1] - 1)
    least = candidates.gather(1, count)[:, 0]
    for row in (sums[:, -1:] < aims).nonzero()[:, 0].tolist():
        least[row] = _least_of_all(weights[row], top_p)
    return least


def _least_of_all(weights: torch.Tensor, top_p: float) -> float:
    # Several times as fast as PyTorch, which sorts the places too.
    rising = np.sort(weights.cpu().numpy())
    below = np.cumsum(rising, dtype=np.float64)
    return float(rising[np.searchsorted(below, (1 - top_p) * below[-1], side="right")])
