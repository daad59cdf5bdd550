"""Method -> what trains by it. Each module is imported only when its method is run."""

from __future__ import annotations

from importlib import import_module

from inference.training.config import Method
from inference.training.setup import Outcome, Setup

MODULES: dict[Method, str] = {
    "sft": "inference.training.sft",
    "compressor": "inference.training.compressor",
    "reward": "inference.training.reward",
    "dpo": "inference.training.dpo",
    "ppo": "inference.training.rl.ppo",
    "grpo": "inference.training.rl.grpo",
}
"""Each has `train(setup) -> Outcome`."""


def train(setup: Setup) -> Outcome:
    outcome: Outcome = import_module(MODULES[setup.config.method]).train(setup)
    return outcome
