"""The training process as its supervisor sees it: progress lines, signals, exit codes, resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from inference.training.__main__ import train
from inference.training.callbacks import last_checkpoint
from inference.training.config import ConfigError, TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.run import prepare_output
from tests.inference.training.pair_release import events
from tests.inference.training.trainer_processes import PATIENCE, Start, difference, finish, wait_for
from tests.processes import descendants

MakeConfig = Callable[..., TrainingConfig]
ALONE = {"report": False, "sample_stimuli": 0}
"""Training, and nothing about it."""


def weights(config: TrainingConfig) -> dict[str, torch.Tensor]:
    return load_file(config.output / "final" / "model.safetensors")


def assert_same_weights(config: TrainingConfig, other: TrainingConfig) -> None:
    """To the last bit."""
    after, expected = weights(config), weights(other)
    assert after.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(after[name], expected[name])] == []


def steps(told: list[dict[str, Any]], event: str) -> list[int]:
    return [e["step"] for e in told if e["event"] == event]


@pytest.mark.timeout(900)  # starts three runs, one after another
def test_stopped_and_killed_runs_go_on_where_an_unbroken_one_would_be(
    dpo_config: MakeConfig, tmp_path: Path, start: Start
) -> None:
    changes: dict[str, Any] = {"max_steps": 10, "save_steps": 3, "modality": "random", **ALONE}
    broken = dpo_config(output=tmp_path / "broken", **changes)
    process = start(broken)
    wait_for(broken.output, "log", 1)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 3
    told = events(broken.output)
    stopped_at = told[-1]["step"]
    assert told[-1] == {"event": "stopped", "step": stopped_at}
    assert 1 <= stopped_at < 10
    assert steps(told, "save")[-1] == stopped_at

    process = start(broken)
    wait_for(broken.output, "save", stopped_at + 1)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    told = events(broken.output)
    assert steps(told, "begin") == [0, stopped_at]
    killed_after = steps(told, "save")[-1]
    # What a kill in the middle of saving leaves behind must not be taken for a checkpoint.
    (broken.output / "checkpoint-9").mkdir(exist_ok=True)
    (broken.output / "checkpoint-9" / "complete").unlink(missing_ok=True)
    resumed_from = max(
        int(folder.parent.name.split("-")[1])
        for folder in broken.output.glob("checkpoint-*/complete")
    )
    assert resumed_from in (killed_after, stopped_at, 3, 6)

    assert finish(start(broken))[0] == 0
    told = events(broken.output)
    assert steps(told, "begin") == [0, stopped_at, resumed_from]
    assert told[-1]["event"] == "end"
    assert told[-1]["step"] == 10

    whole = dpo_config(output=tmp_path / "whole", **changes)
    # In a process of its own as well: earlier tests change how many threads this one computes with,
    # and Adam turns the rounding of a gradient near zero into a whole step.
    assert finish(start(whole))[0] == 0
    assert_same_weights(broken, whole)


def test_two_processes_share_the_pairs(dpo_config: MakeConfig, start: Start) -> None:
    config = dpo_config(processes=2, batch_size=2, max_steps=3, **ALONE)
    code, said = finish(start(config))
    assert code == 0, said
    told = events(config.output)
    # One process writes, and 3 steps of 2 x 2 pairs are one pass over the 12.
    assert steps(told, "begin") == [0]
    assert steps(told, "log") == [1, 2, 3]
    assert steps(told, "save") == [3]
    assert [e["values"]["epoch"] for e in told if e["event"] == "log"][-1] == 1.0
    assert told[-1]["values"]["reward_margin"] > 0


def trainer_of_rank(process: subprocess.Popen[str], rank: int) -> int:
    for number in descendants(process.pid):
        environment = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        if f"RANK={rank}".encode() in environment:
            return number
    raise AssertionError(f"no process of rank {rank}")


@pytest.mark.timeout(900)  # starts three runs, one after another
def test_one_of_two_processes_killed_ends_the_run_and_both_go_on_from_its_checkpoint(
    dpo_config: MakeConfig, corpus: Path, tmp_path: Path, start: Start
) -> None:
    changes: dict[str, Any] = {
        **{"method": "sft", "dataset": corpus, "media_root": None, "modality": "random"},
        **{"processes": 2, "batch_size": 1, "max_steps": 24, "save_steps": 2},
        **{"eval_split": "rate", "eval_steps": 6, **ALONE},
    }
    broken = dpo_config(output=tmp_path / "broken", **changes)
    process = start(broken)
    wait_for(broken.output, "save", 2)
    os.kill(trainer_of_rank(process, 1), signal.SIGKILL)
    code, said = finish(process)
    assert code == 1
    assert "Signal 9 (SIGKILL)" in said
    told = events(broken.output)
    assert not {"end", "stopped"} & {event["event"] for event in told}
    assert told[-1]["event"] == "error"
    assert "Another process of this run ended" in told[-1]["message"]
    checkpoint = last_checkpoint(broken.output)
    assert checkpoint is not None
    reached = int(checkpoint.name.split("-")[1])

    code, said = finish(start(broken))
    assert code == 0, said
    told = events(broken.output)
    assert steps(told, "begin") == [0, reached]
    assert told[-1]["event"] == "end"
    assert told[-1]["step"] == 24
    evaluated = [e["step"] for e in told if "eval_loss" in e.get("values", {})]
    assert sorted(set(evaluated)) == [6, 12, 18, 24]

    whole = dpo_config(output=tmp_path / "whole", **changes)
    assert finish(start(whole))[0] == 0
    assert difference(broken, whole) < 0.01  # two processes add up in the order in which they come


def test_goes_on_with_as_many_processes_as_it_began_with(dpo_config: MakeConfig) -> None:
    """Others would show other parts of the data, and pass over some."""
    config = dpo_config(processes=2, nodes=2)
    prepare_output(config, writes=True)
    checkpoint = config.output / "checkpoint-3"
    checkpoint.mkdir()
    (checkpoint / "complete").touch()
    assert prepare_output(replace(config, processes=4, nodes=1), writes=True) == checkpoint
    with pytest.raises(ConfigError, match="with 4 processes in all, and 2 would go on"):
        prepare_output(replace(config, nodes=1), writes=True)


def test_refuses_to_train_with_fewer_processes_than_asked_for(
    dpo_config: MakeConfig,
) -> None:
    config = dpo_config(processes=2)
    file = config.output / "config.json"
    file.write_text(json.dumps(config.as_json()))
    command = [sys.executable, "-m", "inference.training", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    code, said = done.returncode, done.stderr
    assert code == 2
    assert "2 processes asked for, 1 started" in said


def test_a_config_that_cannot_run_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"method": "dpo"}')
    code = (
        "import sys; from inference.training.__main__ import main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'transformers', 'django'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert "base: missing" in done.stderr


def test_a_failure_is_told_to_the_supervisor(
    dpo_config: MakeConfig, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut"
    cut.mkdir()
    for file in base.iterdir():
        (cut / file.name).write_bytes(file.read_bytes())
    (cut / "model.safetensors").write_bytes(b"not tensors")
    config = dpo_config(base=cut)
    assert train(config, Progress(config.output), StopRequest()) == 1
    (failed,) = events(config.output)
    assert failed["event"] == "error"
    assert "afetensor" in failed["message"]
    assert "Traceback" in capsys.readouterr().err
