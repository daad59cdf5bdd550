from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from inference.multimood.processing import MultiMoodProcessor
from inference.training.config import TrainingConfig
from inference.training.tiny import random_tiny_checkpoint
from tests.factories import clip_bytes
from tests.inference.training.pair_release import write_release
from tests.inference.training.small_corpus import write_corpus
from tests.inference.training.trainer_processes import Start, launch
from tests.processes import descendants


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_tiny_checkpoint(tmp_path_factory.mktemp("base"), seed=1)


@pytest.fixture(scope="session")
def processor(base: Path) -> MultiMoodProcessor:
    return MultiMoodProcessor.from_pretrained(base)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    (folder / "one.mp4").write_bytes(clip_bytes(1.0))
    (folder / "two.mp4").write_bytes(clip_bytes(1.5))
    return folder


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, media: Path) -> Path:
    return write_release(tmp_path_factory.mktemp("releases") / "r1", media, pairs=12)


@pytest.fixture
def dpo_config(
    base: Path, release: Path, media: Path, tmp_path: Path
) -> Callable[..., TrainingConfig]:
    def make(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": "dpo",
            "base": base,
            "dataset": release,
            "media_root": media,
            "output": tmp_path / "run",
            "max_steps": 6,
            "learning_rate": 1e-3,
            "batch_size": 4,
            "save_steps": 3,
            "device": "cpu",
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a run in processes of its own, which do not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def start(config: TrainingConfig, module: str = "inference.training") -> subprocess.Popen[str]:
        started.append(launch(config, module))
        return started[-1]

    yield start
    for process in started:
        for number in (process.pid, *descendants(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.communicate()
