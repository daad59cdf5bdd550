"""What a reward model is fitted to, and what it is measured at: tensors in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import logsigmoid

Batch = Mapping[str, torch.Tensor]
Array = NDArray[np.floating[Any]]
TARGETS, LENGTHS = "targets", "lengths"
"""Entries of a batch that are no inputs of the model; lengths are words of the responses."""
FEWEST = 3
"""Values of which a correlation is told."""


class Objective(Protocol):
    def loss(self, scores: torch.Tensor, batch: Batch) -> torch.Tensor: ...

    def logged(self, scores: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Of one batch in training."""
        ...

    def measured(self, scores: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(predictions, what they are compared with) of an evaluated batch, a row an example."""
        ...

    def figures(self, predictions: Array, known: Array) -> dict[str, float]:
        """Over all evaluated examples. A correlation that is not defined is left out."""
        ...


class Pairs:
    """Bradley-Terry. Scores are (2 * pairs, 1), the chosen replies above the rejected ones."""

    def loss(self, scores: torch.Tensor, batch: Batch) -> torch.Tensor:
        return bradley_terry_loss(*scores[:, 0].chunk(2))

    def logged(self, scores: torch.Tensor) -> Mapping[str, torch.Tensor]:
        chosen, rejected = scores[:, 0].chunk(2)
        return {
            "reward_chosen": chosen,
            "reward_rejected": rejected,
            "reward_margin": chosen - rejected,
            "accuracy": ranked_right(chosen - rejected),
        }

    def measured(self, scores: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        return _side_by_side(scores[:, 0]), _side_by_side(batch[LENGTHS])

    def figures(self, predictions: Array, known: Array) -> dict[str, float]:
        margins = predictions[:, 0] - predictions[:, 1]
        return {
            "accuracy": float(((margins > 0) + 0.5 * (margins == 0)).mean()),
            "reward_margin": float(margins.mean()),
            "reward_chosen": float(predictions[:, 0].mean()),
            "reward_rejected": float(predictions[:, 1].mean()),
            "pairs": float(len(margins)),
            **correlation("length_correlation", predictions.ravel(), known.ravel()),
        }


@dataclass(frozen=True)
class Criteria:
    """Regression. Scores are (B, criteria); targets as well, NaN where nobody scored."""

    names: Sequence[str]

    def loss(self, scores: torch.Tensor, batch: Batch) -> torch.Tensor:
        return present_squared_error(scores, batch[TARGETS])

    def logged(self, scores: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {}

    def measured(self, scores: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        return scores, torch.cat([batch[TARGETS], batch[LENGTHS][:, None]], 1)

    def figures(self, predictions: Array, known: Array) -> dict[str, float]:
        targets, lengths = known[:, :-1], known[:, -1]
        found: dict[str, float] = {"replies": float(len(predictions))}
        for place, name in enumerate(self.names):
            present = ~np.isnan(targets[:, place])
            found |= correlation(
                f"correlation_{name}", predictions[present, place], targets[present, place]
            )
        return found | correlation("length_correlation", predictions.mean(1), lengths)


def bradley_terry_loss(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """(B,), (B,) -> mean of -log sigmoid(chosen - rejected)."""
    return -logsigmoid(chosen - rejected).mean()


def present_squared_error(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the entries of `targets` that are not NaN."""
    present = ~targets.isnan()
    errors = (scores - targets.nan_to_num()).square() * present
    return errors.sum() / present.sum().clamp(min=1)


def ranked_right(margins: torch.Tensor) -> torch.Tensor:
    """1 where the chosen reply scores higher, 0.5 where both score the same."""
    return (margins.sign() + 1) / 2


def correlation(name: str, one: Array, other: Array) -> dict[str, float]:
    """Pearson's; nothing where it is not defined."""
    if len(one) < FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return {}
    return {name: float(np.corrcoef(one, other)[0, 1])}


def _side_by_side(values: torch.Tensor) -> torch.Tensor:
    """(2 * pairs,) -> (pairs, 2)"""
    return torch.stack(values.chunk(2), 1)
