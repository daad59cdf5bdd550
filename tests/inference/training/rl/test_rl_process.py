"""As a supervisor sees it: several processes, a kill, and going on after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from inference.training.config import RewardTerm, TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from tests.inference.training.pair_release import events
from tests.inference.training.rl.rl_runs import MakeConfig

Start = Callable[[TrainingConfig], subprocess.Popen[str]]
PATIENCE = 280
TWO = ["--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(config: TrainingConfig) -> subprocess.Popen[str]:
        file = config.output.with_suffix(".json")
        file.write_text(json.dumps(config.as_json()))
        launcher = ["-m", "torch.distributed.run", *TWO] if config.processes == 2 else []
        process = subprocess.Popen(
            [sys.executable, *launcher, "-m", "inference.training", str(file)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def wait_for_checkpoint(process: subprocess.Popen[str], output: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if any(output.glob("checkpoint-*/complete")):
            return
        time.sleep(0.02)
    raise AssertionError("no checkpoint")


def weights(config: TrainingConfig) -> dict[str, torch.Tensor]:
    return load_file(config.output / "final" / "model.safetensors")


def curve(config: TrainingConfig, name: str) -> list[float]:
    return [e["values"][name] for e in events(config.output) if e["event"] == "log"]


REWARDS = (RewardTerm("function", name="format"), RewardTerm("similarity", weight=2.0))


@pytest.mark.parametrize(
    ("method", "changes"), [("grpo", {"generations": 3}), ("ppo", {"updates": 2, "lora": True})]
)
def test_two_processes_learn_what_one_would_of_the_same_prompts(
    rl_config: MakeConfig, tmp_path: Path, start: Start, method: str, changes: dict[str, Any]
) -> None:
    """Each answers prompts of its own; gradients and figures are those of all."""
    changes = {**changes, "rewards": REWARDS, "max_steps": 4, "modality": "random"}
    two = rl_config(method, output=tmp_path / "two", batch_size=2, processes=2, **changes)
    code, said = finish(start(two))
    assert code == 0, said
    one = rl_config(method, output=tmp_path / "one", batch_size=4, **changes)
    assert run(one, Progress(one.output), StopRequest())
    for name in ("reward", "reward_format", "reward_similarity", "length", "loss", "kl"):
        assert curve(two, name) == pytest.approx(curve(one, name), abs=1e-5), name
    after, expected = weights(two), weights(one)
    for name, tensor in expected.items():
        # Adam turns the rounding of a gradient near zero into a part of a step.
        torch.testing.assert_close(after[name], tensor, atol=5e-4, rtol=1e-3, msg=name)


def test_a_run_whose_trainer_was_killed_goes_on_from_its_checkpoint(
    rl_config: MakeConfig, start: Start
) -> None:
    config = rl_config("grpo", rewards=REWARDS, max_steps=12, save_steps=1, processes=2)
    launcher = start(config)
    wait_for_checkpoint(launcher, config.output)
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    assert finish(launcher)[0] not in (0, 3)
    # A checkpoint that was being written is none.
    half = config.output / "checkpoint-12"
    half.mkdir(exist_ok=True)
    (half / "complete").unlink(missing_ok=True)
    complete = [int(f.parent.name[11:]) for f in config.output.glob("checkpoint-*/complete")]
    code, said = finish(start(config))
    assert code == 0, said
    told = events(config.output)
    assert [e["step"] for e in told if e["event"] == "begin"] == [0, max(complete)]
    assert told[-1]["event"] == "end"
    assert told[-1]["step"] == 12


def test_sigterm_leaves_a_checkpoint_and_says_so(rl_config: MakeConfig, start: Start) -> None:
    config = rl_config("ppo", rewards=REWARDS, max_steps=10_000, save_steps=1)
    process = start(config)
    wait_for_checkpoint(process, config.output)
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert code == 3, said
    told = events(config.output)[-1]
    assert told["event"] == "stopped"
    assert (config.output / f"checkpoint-{told['step']}" / "complete").is_file()
