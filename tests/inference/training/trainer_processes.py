"""Training runs in processes of their own, as their supervisor starts them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file

from inference.training.config import TrainingConfig
from inference.training.progress import FINAL
from tests.inference.training.pair_release import events
from tests.processes import PROJECT

PATIENCE = 240
ENDPOINT = ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]


class Start(Protocol):
    def __call__(self, config: TrainingConfig, module: str = ...) -> subprocess.Popen[str]: ...


def launch(config: TrainingConfig, module: str = "inference.training") -> subprocess.Popen[str]:
    """As many processes as the configuration asks for, under torchrun from two on."""
    file = config.output.with_suffix(".json")
    file.write_text(json.dumps(config.as_json()))
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node", str(config.processes), *ENDPOINT]
    return subprocess.Popen(
        [sys.executable, *(torchrun if config.processes > 1 else ()), "-m", module, str(file)],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


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


def learned(config: TrainingConfig) -> dict[str, torch.Tensor]:
    """What training has added to each tensor of the base."""
    before = load_file(config.base / "model.safetensors")
    after = load_file(config.output / FINAL / "model.safetensors")
    assert before.keys() == after.keys()
    return {name: after[name] - tensor for name, tensor in before.items()}


def difference(config: TrainingConfig, other: TrainingConfig) -> float:
    """Of what two runs learned, as a share of what they learned: Adam makes a whole step of the
    rounding of a gradient near zero, so single numbers may differ where runs are the same."""
    ours, theirs = learned(config), learned(other)
    apart = math.fsum((ours[name] - theirs[name]).square().sum().item() for name in ours)
    return math.sqrt(apart / math.fsum(tensor.square().sum().item() for tensor in theirs.values()))
