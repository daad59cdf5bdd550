"""Each run is `python -m inference.training CONFIG`, as a researcher would start it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.training.config import Method
from inference.training.progress import FINAL, PROGRESS_FILE

PROJECT = Path(__file__).resolve().parent.parent.parent

COMMON: Mapping[str, Any] = {
    "precision": "float32",
    "modality": "av",
    "save_steps": 1000,
    "keep_checkpoints": 1,
    "logging_steps": 1,
    "sample_stimuli": 0,
    "report": False,
}
SFT: Mapping[str, Any] = {
    "max_steps": 80,
    "batch_size": 16,
    "learning_rate": 7e-4,
    "warmup_ratio": 0.05,
    "modality": "random",
    "text_dropout": 0.2,
}
SETTINGS: Mapping[Method, Mapping[str, Any]] = {
    "reward": {"max_steps": 160, "batch_size": 8, "learning_rate": 2e-4},
    "dpo": {"max_steps": 160, "batch_size": 8, "learning_rate": 1e-4, "beta": 0.1},
    "ppo": {
        "max_steps": 50,
        "batch_size": 24,
        "learning_rate": 3e-4,
        "schedule": "constant",
        "beta": 0.02,
        "updates": 2,
        "max_new_tokens": 96,
        "value_weight": 0.5,
    },
    "grpo": {
        "max_steps": 22,
        "batch_size": 8,
        "learning_rate": 3e-4,
        "schedule": "constant",
        "beta": 0.02,
        "generations": 5,
        "max_new_tokens": 96,
    },
}
"""Tried out on seeds 0 to 13, which are in no table."""
FROM_A_MODEL: Mapping[Method, Mapping[str, Any]] = {
    "ppo": {"max_steps": 60, "batch_size": 64},
    "grpo": {"max_steps": 30, "batch_size": 24},
}
"""A learned reward is noisier than the rule: more answers a step."""
QUICK: Mapping[str, Any] = {"max_steps": 4, "batch_size": 4}


def last(curves: Iterable[Mapping[str, float]], name: str) -> float | None:
    """What was logged last under that name."""
    found = [values[name] for values in curves if name in values]
    return found[-1] if found else None


class RunFailedError(RuntimeError):
    """The message ends with what the trainer said."""


@dataclass(frozen=True)
class Done:
    final: Path
    seconds: float
    values: Mapping[str, float]
    """What the finished model was measured at."""
    curves: tuple[Mapping[str, float], ...]
    """What was logged, with its step."""


def train(output: Path, **values: Any) -> Done:
    """Anew, in a process of its own. Raises RunFailedError."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    config = output / "config.json"
    config.write_text(json.dumps({**COMMON, **values, "output": str(output)}, default=str))
    began = time.monotonic()
    ran = subprocess.run(  # noqa: S603  (our own module)
        [sys.executable, "-m", "inference.training", str(config)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RunFailedError(f"{output.name} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    return read(output, time.monotonic() - began)


def read(output: Path, seconds: float) -> Done:
    lines = (output / PROGRESS_FILE).read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    curves = tuple(
        {"step": event["step"], **event["values"]} for event in events if event["event"] == "log"
    )
    return Done(output / FINAL, seconds, events[-1]["values"], curves)
