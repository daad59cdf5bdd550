"""How many steps a run has, and what makes them."""

from __future__ import annotations

import math

import torch
from transformers import get_scheduler

from inference.training.config import TrainingConfig
from inference.training.rl.policy import Policy


def prompts_a_round(config: TrainingConfig, world: int) -> int:
    return config.batch_size * config.gradient_accumulation * world


def max_steps(config: TrainingConfig, prompts: int) -> int:
    if config.max_steps:
        return config.max_steps
    rounds = math.ceil(config.epochs * prompts / prompts_a_round(config, config.world_size))
    return rounds * config.updates


def optimiser_of(policy: Policy, config: TrainingConfig) -> torch.optim.AdamW:
    """Biases and norms do not decay."""
    trained = [p for p in policy.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def scheduler_of(
    optimiser: torch.optim.Optimizer, config: TrainingConfig, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    warmup = math.ceil(config.warmup_ratio * steps)
    scheduler: torch.optim.lr_scheduler.LRScheduler = get_scheduler(
        config.schedule, optimiser, num_warmup_steps=warmup, num_training_steps=steps
    )
    return scheduler
