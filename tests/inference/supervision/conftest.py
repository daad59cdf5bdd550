from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from inference.models import ModelVersion, TrainingRun
from inference.preference_files import PAIRS_FILE, sha256_file
from inference.selectors.names import model_named
from inference.services.model_versions import register_checkpoint
from inference.services.training import start_training_run
from mood_eval.models import Team
from tests.factories import make_team, make_user
from tests.inference.training.pair_release import write_release

StartTraining = Callable[..., TrainingRun]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Twelve pairs in which the kind reply was always preferred; trained from the text alone."""
    (tmp_path / "media").mkdir()
    for name in ("one.mp4", "two.mp4"):
        (tmp_path / "media" / name).write_bytes(name.encode())
    return write_release(tmp_path / "release", tmp_path / "media", pairs=12)


@pytest.fixture
def team() -> Team:
    return make_team(owner=make_user("ada@example.org"))


@pytest.fixture
def base(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def start(team: Team, base: ModelVersion, release: Path) -> StartTraining:
    shutil.rmtree(settings.VAR / "training", ignore_errors=True)

    def start_training(**config: Any) -> TrainingRun:
        options = {"max_steps": 4, "learning_rate": 1e-3, "modality": "text", "device": "cpu"}
        options |= {"report": False, "sample_stimuli": 0}
        return start_training_run(
            team=team,
            name="",
            method="dpo",
            base=model_named(team, "tiny"),
            dataset_path=release,
            dataset_sha256=sha256_file(release / PAIRS_FILE),
            config=options | config,
        )

    return start_training
