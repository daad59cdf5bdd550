from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.training.config import RewardTerm, TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.rewards.contract import Reward
from inference.training.rl.grpo import Grpo
from inference.training.rl.loop import Loop
from inference.training.rl.methods import Method
from inference.training.rl.ppo import Ppo
from inference.training.setup import Setup
from tests.inference.training.rl.rl_runs import MakeConfig, MakeLoop, Vowels, rewarded_by


@pytest.fixture
def rl_config(base: Path, corpus: Path, tmp_path: Path) -> MakeConfig:
    """Three stimuli to train on."""

    def make(method: str = "grpo", **changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": method,
            "base": base,
            "dataset": corpus,
            "output": tmp_path / "run",
            "seed": 5,
            "max_steps": 3,
            "learning_rate": 1e-3,
            "batch_size": 2,
            "max_new_tokens": 8,
            "save_steps": 100,
            "device": "cpu",
            "eval_split": "",
            "sample_stimuli": 0,
            "report": False,
            "rewards": (RewardTerm("function", name="asks_a_question"),),
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A corpus of words alone, three short stimuli to train on and two held out."""
    texts = ["She left.", "I am alone.", "He sang today.", "I cannot sleep.", "We laughed."]
    file = tmp_path / "words.jsonl"
    with file.open("w") as lines:
        for number, text in enumerate(texts):
            turns = [{"speaker": "client", "text": text, "emotion": "sadness"}]
            split = "train" if number < 3 else "validation"
            row = {"id": f"w{number}", "session": f"s{number}", "split": split, "turns": turns}
            lines.write(json.dumps(row) + "\n")
    return file


@pytest.fixture
def rl_loop(rl_config: MakeConfig) -> MakeLoop:
    def make(method: str = "grpo", reward: Reward | None = None, **changes: Any) -> Loop:
        config = rl_config(method, **changes)
        setup = Setup.load(config, Progress(config.output), StopRequest(), None)
        by: Method = Grpo(config) if method == "grpo" else Ppo(config)
        return Loop(setup, by, rewarded_by(reward or Vowels()))

    return make
