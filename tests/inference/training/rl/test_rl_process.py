"""As a supervisor sees it: several processes, a kill, and going on after it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from inference.training.callbacks import last_checkpoint
from inference.training.config import RewardTerm, TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from tests.inference.training.pair_release import events
from tests.inference.training.rl.rl_runs import MakeConfig
from tests.inference.training.trainer_processes import Start, finish, wait_for
from tests.processes import descendants

REWARDS = (RewardTerm("function", name="format"), RewardTerm("similarity", weight=2.0))


def curve(config: TrainingConfig, name: str) -> list[float]:
    return [e["values"][name] for e in events(config.output) if e["event"] == "log"]


@pytest.mark.parametrize(
    ("method", "changes"),
    [("grpo", {"generations": 8, "max_new_tokens": 24}), ("ppo", {"lora": True})],
)
def test_two_processes_learn_what_one_would_of_the_same_prompts(
    rl_config: MakeConfig, tmp_path: Path, start: Start, method: str, changes: dict[str, Any]
) -> None:
    """Each answers prompts of its own; gradients and figures are those of all."""
    changes = {**changes, "rewards": REWARDS, "max_steps": 2, "modality": "random"}
    two = rl_config(method, output=tmp_path / "two", batch_size=2, processes=2, **changes)
    code, said = finish(start(two))
    assert code == 0, said
    one = rl_config(method, output=tmp_path / "one", batch_size=4, **changes)
    assert run(one, Progress(one.output), StopRequest())
    assert curve(one, "grad_norm")[0] > 0.01  # there is something to learn
    for name in ("reward", "reward_format", "reward_similarity", "length", "loss", "grad_norm"):
        assert curve(two, name)[0] == pytest.approx(curve(one, name)[0], rel=1e-3, abs=1e-5), name
    # How far the first step went. Adam makes a part of a step of the rounding of small gradients.
    assert curve(two, "kl")[1] == pytest.approx(curve(one, "kl")[1], rel=0.1)


def test_a_run_whose_trainer_was_killed_goes_on_from_its_checkpoint(
    rl_config: MakeConfig, words: Path, start: Start
) -> None:
    changes = {"dataset": words, "generations": 2, "processes": 2}
    config = rl_config("grpo", rewards=REWARDS, max_steps=40, save_steps=1, **changes)
    launcher = start(config)
    wait_for(config.output, "save", 1)
    os.kill(max(descendants(launcher.pid)), signal.SIGKILL)
    assert finish(launcher)[0] == 1
    checkpoint = last_checkpoint(config.output)
    assert checkpoint is not None
    # One that was being written is none.
    half = config.output / "checkpoint-40"
    half.mkdir()
    (half / "position.json").write_text("{")
    code, said = finish(start(config))
    assert code == 0, said
    told = events(config.output)
    begun = [e["step"] for e in told if e["event"] == "begin"]
    assert begun == [0, int(checkpoint.name.removeprefix("checkpoint-"))]
    assert 1 <= begun[1] < 40
    assert told[-1]["event"] == "end"
    assert told[-1]["step"] == 40


def test_sigterm_leaves_a_checkpoint_and_says_so(
    rl_config: MakeConfig, words: Path, start: Start
) -> None:
    config = rl_config("ppo", dataset=words, rewards=REWARDS, max_steps=10_000, save_steps=1)
    process = start(config)
    wait_for(config.output, "save", 1)
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert code == 3, said
    told = events(config.output)[-1]
    assert told["event"] == "stopped"
    assert (config.output / f"checkpoint-{told['step']}" / "complete").is_file()
