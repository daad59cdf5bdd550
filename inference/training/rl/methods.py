"""What the loop asks of PPO and GRPO, and of rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from inference.training.config import ModalityChoice, RewardTerm
from inference.training.rewards.contract import Asked, Said, Scored
from inference.training.rl.measures import Reduce
from inference.training.rl.pieces import Piece
from inference.training.rl.policy import Scores


@dataclass(frozen=True)
class Losses:
    total: torch.Tensor
    """(n, k, R): what is learned from."""
    parts: dict[str, torch.Tensor] = field(default_factory=dict)
    """(n, k, R) each, for the curves."""


class Method(Protocol):
    answers_each: int
    """k answers a prompt."""
    has_values: bool
    """Whether the policy has a value head."""
    scores_before: bool
    """Whether the sampling policy's scores are needed before the first update."""

    def credit(self, rewards: torch.Tensor) -> torch.Tensor:
        """(n, k) of one process -> (n, k); NaN, an answer that nobody could score, stays NaN."""
        ...

    def advantages(self, pieces: Sequence[Piece], reduce: Reduce) -> None:
        """Sets what each piece's tokens are worth. Every process calls it."""
        ...

    def losses(self, piece: Piece, now: Scores, old: Scores) -> Losses: ...


class ScoresAnswers(Protocol):
    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> Scored: ...


class MakeRewards(Protocol):
    def __call__(
        self, terms: Sequence[RewardTerm], *, modality: ModalityChoice, device: str
    ) -> ScoresAnswers: ...
