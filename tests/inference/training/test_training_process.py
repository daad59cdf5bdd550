"""The training process as its supervisor sees it: progress lines, signals, exit codes, resume."""

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

from inference.training.__main__ import train
from inference.training.config import TrainingConfig
from inference.training.progress import Progress, StopRequest
from tests.inference.training.pair_release import events

MakeConfig = Callable[..., TrainingConfig]
PATIENCE = 180


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(config: TrainingConfig, *launcher: str) -> subprocess.Popen[str]:
        file = config.output.with_suffix(".json")
        file.write_text(json.dumps(config.as_json()))
        command = [*(launcher or (sys.executable,)), "-m", "inference.training", str(file)]
        process = subprocess.Popen(
            command,
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


def wait_for(output: Path, event: str, step: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        told = events(output) if (output / "progress.jsonl").exists() else []
        assert "error" not in [e["event"] for e in told], told
        if any(e["event"] == event and e.get("step", 0) >= step for e in told):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {event} at step {step}")


def weights(config: TrainingConfig) -> dict[str, torch.Tensor]:
    return load_file(config.output / "final" / "model.safetensors")


def steps(told: list[dict[str, Any]], event: str) -> list[int]:
    return [e["step"] for e in told if e["event"] == event]


def test_stopped_and_killed_runs_go_on_where_an_unbroken_one_would_be(
    dpo_config: MakeConfig, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    changes: dict[str, Any] = {"max_steps": 10, "save_steps": 3, "modality": "random"}
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
    after, expected = weights(broken), weights(whole)
    assert after.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(after[name], tensor, atol=1e-5, rtol=1e-4, msg=name)


def test_two_processes_share_the_pairs(
    dpo_config: MakeConfig, start: Callable[..., subprocess.Popen[str]]
) -> None:
    config = dpo_config(processes=2, batch_size=2, max_steps=3)
    options = ["--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]
    launcher = [sys.executable, "-m", "torch.distributed.run", *options]
    process = start(config, *launcher)
    code, said = finish(process)
    assert code == 0, said
    told = events(config.output)
    # One process writes, and 3 steps of 2 x 2 pairs are one pass over the 12.
    assert steps(told, "begin") == [0]
    assert steps(told, "log") == [1, 2, 3]
    assert told[-2]["step"] == 3
    assert [e["values"]["epoch"] for e in told if e["event"] == "log"][-1] == 1.0
    assert told[-1]["values"]["reward_margin"] > 0


def test_refuses_to_train_with_fewer_processes_than_asked_for(
    dpo_config: MakeConfig, start: Callable[..., subprocess.Popen[str]]
) -> None:
    code, said = finish(start(dpo_config(processes=2)))
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
    loading, failed = events(config.output)
    assert loading == {"event": "stage", "stage": "loading"}
    assert failed["event"] == "error"
    assert "afetensor" in failed["message"]
    assert "Traceback" in capsys.readouterr().err
