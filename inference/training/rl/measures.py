"""Means over tokens, answers and processes, and where a run's time goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

from inference.training.callbacks import TrainingError
from inference.training.rewards.contract import Said, Scored
from inference.training.rl.rollout import Answers, readable

Reduce = Callable[[torch.Tensor], torch.Tensor]
"""The sum over all processes."""


class Means:
    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, name: str, values: torch.Tensor | Sequence[float], weight: float = 1.0) -> None:
        """Each value counts once, or as `weight` of them."""
        numbers = torch.as_tensor(values, dtype=torch.float64)
        total, count = self._sums.get(name, (0.0, 0.0))
        self._sums[name] = (
            total + weight * float(numbers.sum()),
            count + weight * float(numbers.numel()),
        )

    def add_answers(self, answers: Answers, scored: Scored, names: Sequence[str]) -> None:
        """names: the fields that an answer ought to have."""
        said: Sequence[Said] = answers.said
        self.add("reward", [total for total in scored.total if total is not None])
        for term, scores in scored.terms.items():
            self.add(f"reward_{term}", [score for score in scores if score is not None])
        self.add("length", answers.mask.sum(-1).float())
        self.add("ended", [float(one.ended) for one in said])
        self.add("readable", [float(readable(one, names)) for one in said])

    def taken(self, reduce: Reduce) -> dict[str, float]:
        """Of all processes, which all call it, having added the same names; and begins anew."""
        names = sorted(self._sums)
        sums = reduce(torch.tensor([self._sums[name] for name in names], dtype=torch.float64))
        self._sums.clear()
        return {
            name: total / count
            for name, (total, count) in zip(names, sums.tolist(), strict=True)
            if count
        }


class Stopwatch:
    """Seconds by what they went into."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


def check_finite(step: int, values: Mapping[str, float]) -> None:
    """Raises TrainingError before such a number reaches the weights."""
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise TrainingError(
            f"{', '.join(broken)} became infinite or not a number at step {step}; a smaller "
            "learning rate usually helps."
        )
