"""GRPO's loss and advantages beside those of TRL's trainer, on the same numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import nn
from trl import GRPOConfig, GRPOTrainer

from inference.training.rl.advantages import group_advantages
from inference.training.rl.grpo import Grpo
from inference.training.rl.pieces import Piece
from inference.training.rl.policy import Scores
from tests.inference.training.rl.rl_runs import MakeConfig

N, K, R = 2, 3, 4


class LossAlone(GRPOTrainer):  # type: ignore[misc]  # its types are not read
    """TRL's loss without the rest of its trainer: log-probabilities are given."""

    def __init__(self, args: GRPOConfig, logps: torch.Tensor) -> None:
        self.args, self._given = args, logps
        self.model = nn.Linear(1, 1).train()
        self.accelerator = Accelerator(cpu=True)
        self.loss_type, self.beta = args.loss_type, args.beta
        self.epsilon_low, self.epsilon_high = args.epsilon, args.epsilon
        self.importance_sampling_level = "token"
        self.top_entropy_quantile, self.off_policy_mask_threshold = 1.0, None
        self.use_vllm = self._entropy_bonus_enabled = self.aux_loss_enabled = False
        self.current_gradient_accumulation_steps = 1
        self._metrics: Any = {"train": SimpleMetrics()}

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        return self._given, torch.zeros_like(self._given), None


class SimpleMetrics(dict[str, list[float]]):
    def __missing__(self, name: str) -> list[float]:
        self[name] = []
        return self[name]


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_loss_and_its_gradient_are_those_of_trl(
    rl_config: MakeConfig, tmp_path: Any, beta: float
) -> None:
    config = rl_config("grpo", beta=beta, generations=K, updates=2)
    drawn = torch.Generator().manual_seed(2)
    logps, old, reference = (-3 * torch.rand(N, K, R, generator=drawn) for _ in range(3))
    logps.requires_grad_()
    rewards = torch.rand(N, K, generator=drawn)
    mask = (torch.arange(R) < torch.tensor([[4, 2, 3], [1, 4, 4]])[..., None]).float()

    piece = Piece({}, torch.zeros(N, K, R, dtype=torch.long), mask, torch.zeros(N, K))
    method = Grpo(config)
    piece.credit, piece.reference = method.credit(rewards), reference
    method.advantages([piece], lambda sums: sums)
    nothing = torch.zeros(N, K, R)
    losses = method.losses(piece, Scores(logps, nothing, nothing), Scores(old, nothing, nothing))
    ours = (losses.total * piece.learned).sum() / mask.sum()

    args = GRPOConfig(
        output_dir=str(tmp_path),
        beta=beta,
        epsilon=config.clip_range,
        loss_type="dapo",
        use_bias_correction_kl=False,
        num_generations=K,
        per_device_train_batch_size=K,
        gradient_accumulation_steps=1,
        steps_per_generation=1,
        use_cpu=True,
        bf16=False,
        report_to="none",
    )
    grouped = rewards - rewards.mean(1, keepdim=True)
    theirs = LossAlone(args, logps.view(N * K, R))._compute_loss(
        SimpleNamespace(training=True),
        {
            "prompt_ids": torch.zeros(N * K, 1, dtype=torch.long),
            "prompt_mask": torch.ones(N * K, 1, dtype=torch.long),
            "completion_ids": torch.zeros(N * K, R, dtype=torch.long),
            "completion_mask": mask.view(N * K, R),
            "advantages": (grouped / (rewards.std(1, keepdim=True) + 1e-4)).flatten(),
            "old_per_token_logps": old.view(N * K, R),
            "ref_per_token_logps": reference.view(N * K, R),
            "num_items_in_batch": mask.sum(),
        },
    )
    torch.testing.assert_close(ours, theirs)
    (own,) = torch.autograd.grad(ours, logps, retain_graph=True)
    (their,) = torch.autograd.grad(theirs, logps)
    torch.testing.assert_close(own, their)
    torch.testing.assert_close(
        group_advantages(rewards, scale=True), grouped / (rewards.std(1, keepdim=True) + 1e-4)
    )
