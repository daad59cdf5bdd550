"""Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300): a prompt's answers are
compared with one another, so no value head is needed.

The loss is a mean over the tokens of a step's answers on all processes, long answers and short ones
alike (TRL's `dapo`; the paper's mean by answer makes a token of a long answer count less). The
distance to the reference stands in it as in the paper, without TRL's later factor of the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from inference.training.config import TrainingConfig
from inference.training.rewards import load_rewards
from inference.training.rl.advantages import group_advantages
from inference.training.rl.loop import learn
from inference.training.rl.losses import clipped_policy_loss, k3, ratio
from inference.training.rl.measures import Reduce
from inference.training.rl.methods import Losses
from inference.training.rl.pieces import Piece
from inference.training.rl.policy import Scores
from inference.training.setup import Outcome, Setup


class Grpo:
    has_values = False

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self.answers_each = config.generations
        # One pass over the answers is by the very policy that sampled them.
        self.scores_before = config.updates > 1

    def credit(self, rewards: torch.Tensor) -> torch.Tensor:
        advantages = group_advantages(rewards, self.config.scale_rewards)
        return advantages.masked_fill(rewards.isnan(), torch.nan)

    def advantages(self, pieces: Sequence[Piece], reduce: Reduce) -> None:
        for piece in pieces:
            piece.advantages = piece.credit.nan_to_num(0.0)[..., None] * piece.learned

    def losses(self, piece: Piece, now: Scores, old: Scores) -> Losses:
        policy = clipped_policy_loss(
            ratio(now.logps, old.logps), piece.advantages, self.config.clip_range
        )
        distance = k3(now.logps, piece.reference)
        return Losses(policy + self.config.beta * distance, {"policy_loss": policy})


def train(setup: Setup) -> Outcome:
    return learn(setup, Grpo(setup.config), load_rewards)
