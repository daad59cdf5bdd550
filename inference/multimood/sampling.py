"""Choosing tokens and labels: greedily, or by a row's own random numbers."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

import torch

CANDIDATES = 512
"""Tokens that are sorted; the rest of the vocabulary is looked at where these do not decide."""


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
    """(rows, vocabulary) -> a token a row. `draws` may be those of the first rows only."""
    rows = len(draws)
    if not temperature:
        greedy: list[int] = logits.argmax(-1)[:rows].tolist()
        return greedy
    uniform = [own.next() for own in draws]
    shares = torch.softmax(logits / temperature, -1)
    values, tokens = shares.topk(min(CANDIDATES, shares.shape[-1]))
    # Few numbers a row: the same sums on every device.
    sums = values[:rows].cpu().double().cumsum(-1)
    names = tokens[:rows].cpu()
    chosen = []
    for row, number in enumerate(uniform):
        place = _place(sums[row], number, top_p)
        if place is None:
            chosen.append(_among_all(shares[row], number, top_p))
        else:
            chosen.append(int(names[row, place]))
    return chosen


def choose_label(scores: Sequence[float], temperature: float, draws: Draws) -> int:
    """By log-probabilities; with a temperature from the tempered distribution."""
    if not temperature:
        return max(range(len(scores)), key=scores.__getitem__)
    shares = torch.softmax(torch.tensor(scores, dtype=torch.float64) / temperature, -1)
    sums = list(itertools.accumulate(shares.tolist()))
    return min(bisect.bisect_right(sums, draws.next() * sums[-1]), len(sums) - 1)


def _place(sums: torch.Tensor, number: float, top_p: float) -> int | None:
    """Where the cumulated shares pass the number's part of the nucleus; None where these sorted
    shares do not reach so far."""
    last = float(sums[-1])
    if top_p < 1:
        if last < top_p:
            return None
        # The smallest set of tokens that holds `top_p`.
        nucleus = int(torch.searchsorted(sums, top_p))
        return min(_passed(sums, number * float(sums[nucleus])), nucleus)
    return _passed(sums, number) if number < last else None


def _among_all(shares: torch.Tensor, number: float, top_p: float) -> int:
    values, tokens = shares.cpu().sort(descending=True, stable=True)
    sums = values.double().cumsum(-1)
    place = _place(sums, number * float(sums[-1]), min(top_p, float(sums[-1])))
    return int(tokens[len(tokens) - 1 if place is None else place])


def _passed(sums: torch.Tensor, number: float) -> int:
    return int(torch.searchsorted(sums, number, right=True))
