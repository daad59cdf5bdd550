"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347) with a value head, as in
learning from human feedback (Stiennon et al. 2020, arXiv 2009.01325): an answer's reward at its
last token, and for every token a penalty for leaving the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from inference.training.config import TrainingConfig
from inference.training.rewards import load_rewards
from inference.training.rl.advantages import (
    generalised_advantages,
    moments,
    token_rewards,
    whitened,
)
from inference.training.rl.loop import learn
from inference.training.rl.losses import clipped_policy_loss, clipped_value_loss, k1, ratio
from inference.training.rl.measures import Reduce
from inference.training.rl.methods import Losses
from inference.training.rl.pieces import Piece
from inference.training.rl.policy import Scores
from inference.training.setup import Outcome, Setup


class Ppo:
    answers_each = 1
    has_values = True
    scores_before = True

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    def credit(self, rewards: torch.Tensor) -> torch.Tensor:
        return rewards

    def advantages(self, pieces: Sequence[Piece], reduce: Reduce) -> None:
        config = self.config
        for piece in pieces:
            old = before(piece)
            penalties = config.beta * k1(old.logps, piece.reference)
            rewards = token_rewards(piece.credit.nan_to_num(0.0), penalties, piece.mask)
            piece.advantages = generalised_advantages(
                rewards, old.values, piece.mask, config.discount, config.gae_lambda
            )
            piece.returns = piece.advantages + old.values
        of_all = reduce(sum_of([moments(piece.advantages, piece.learned) for piece in pieces]))
        for piece in pieces:
            piece.advantages = whitened(piece.advantages, piece.learned, of_all)

    def losses(self, piece: Piece, now: Scores, old: Scores) -> Losses:
        config = self.config
        policy = clipped_policy_loss(
            ratio(now.logps, old.logps), piece.advantages, config.clip_range
        )
        value = clipped_value_loss(now.values, old.values, piece.returns, config.value_clip)
        parts = {"policy_loss": policy, "value_loss": value}
        return Losses(policy + config.value_weight * value, parts)


def before(piece: Piece) -> Scores:
    if piece.old is None:
        raise ValueError("the sampling policy's scores are missing")
    return piece.old


def sum_of(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack(list(tensors)).sum(0)


def train(setup: Setup) -> Outcome:
    return learn(setup, Ppo(setup.config), load_rewards)
