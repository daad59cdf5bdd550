"""A run that was stopped goes on as one that was not, to the last bit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from inference.training.callbacks import TrainingError
from inference.training.config import TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.rl.saving import read_checkpoint, read_random_state, write_random_state
from inference.training.run import run
from tests.inference.training.pair_release import events
from tests.inference.training.rl.rl_runs import MakeConfig, MakeLoop


class StopsAt(Progress):
    """Asks for a stop once a step is told: it comes with the next round."""

    def __init__(self, folder: Path, step: int, stop: StopRequest) -> None:
        super().__init__(folder)
        self.step, self.stop = step, stop

    def log(self, step: int, max_steps: int, values: Mapping[str, float]) -> None:
        super().log(step, max_steps, values)
        self.stop.asked = self.stop.asked or step >= self.step


def weights(config: TrainingConfig) -> dict[str, torch.Tensor]:
    return load_file(config.output / "final" / "model.safetensors")


def steps(config: TrainingConfig, event: str) -> list[int]:
    return [e["step"] for e in events(config.output) if e["event"] == event]


@pytest.mark.parametrize(
    ("method", "stopped_at", "changes"),
    [
        ("grpo", 2, {"modality": "random", "schedule": "cosine", "warmup_ratio": 0.2}),
        ("ppo", 4, {"lora": True, "lora_dropout": 0.1, "updates": 2}),
    ],
)
def test_a_stopped_run_goes_on_to_the_weights_of_an_unbroken_one(
    rl_config: MakeConfig, tmp_path: Path, method: str, stopped_at: int, changes: dict[str, Any]
) -> None:
    changes = {"max_steps": 6, "save_steps": 2, "keep_checkpoints": 1, **changes}
    broken = rl_config(method, output=tmp_path / "broken", **changes)
    stop = StopRequest()
    assert not run(broken, StopsAt(broken.output, 1, stop), stop)
    assert events(broken.output)[-1] == {"event": "stopped", "step": stopped_at}
    (kept,) = broken.output.glob("checkpoint-*")
    assert kept.name == f"checkpoint-{stopped_at}"

    assert run(broken, Progress(broken.output), StopRequest())
    assert steps(broken, "begin") == [0, stopped_at]
    assert steps(broken, "save") == [2, 4, 6]
    assert [path.name for path in broken.output.glob("checkpoint-*")] == ["checkpoint-6"]

    whole = rl_config(method, output=tmp_path / "whole", **changes)
    assert run(whole, Progress(whole.output), StopRequest())
    after, expected = weights(broken), weights(whole)
    assert after.keys() == expected.keys()
    assert all(torch.equal(after[name], expected[name]) for name in expected)
    curves = [
        [
            (e["step"], {k: v for k, v in e["values"].items() if k != "tokens_per_s"})
            for e in events(config.output)
            if e["event"] == "log"
        ]
        for config in (broken, whole)
    ]
    assert curves[0] == curves[1]


def test_the_result_is_a_checkpoint_with_the_adapters_merged(rl_config: MakeConfig) -> None:
    config = rl_config("grpo", lora=True, max_steps=2, learning_rate=1e-2, projectors="frozen")
    assert run(config, Progress(config.output), StopRequest())
    after, base = weights(config), load_file(config.base / "model.safetensors")
    assert after.keys() == base.keys()
    changed = {name for name in base if not torch.equal(after[name], base[name])}
    assert changed
    assert all("layers" in name and "_proj" in name for name in changed)


def test_a_checkpoint_of_another_run_is_refused(rl_loop: MakeLoop, tmp_path: Path) -> None:
    loop = rl_loop("grpo", max_steps=1)
    loop.run()
    other = rl_loop("ppo", output=tmp_path / "other")
    with pytest.raises(TrainingError, match=r"value_head.* is in only one of the two"):
        read_checkpoint(loop.config.output / "checkpoint-1", other.learner.trained)


def test_random_numbers_go_on_where_they_were(tmp_path: Path) -> None:
    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    drawn()
    write_random_state(tmp_path, rank=1)
    expected = drawn()
    drawn()
    read_random_state(tmp_path, rank=0)  # a process that was not there keeps its own
    read_random_state(tmp_path, rank=1)
    assert drawn() == expected
