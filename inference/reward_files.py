"""What a checkpoint folder says about itself: does it score answers, and on what? Without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from inference.errors import CheckpointError

REWARD_ARCHITECTURE = "MultiMoodForReward"
CRITERIA_KEY = "reward_criteria"
"""In config.json: a head each; an empty list where one head learned from pairs."""

READS_KEY = "reward_reads"
Reads = Literal["response", "all"]
"""In config.json: a reply's response alone, or all four lines where raters saw them too."""


def is_reward_model(folder: Path) -> bool:
    """Such a model answers nothing. Raises CheckpointError where there is no config.json."""
    return _scores(_config(folder))


def criteria_of(folder: Path) -> tuple[str, ...]:
    """What a reward model's heads score, in their order; empty: preference as a whole.

    Raises CheckpointError where the folder is no reward model's.
    """
    config = _config(folder)
    if not _scores(config):
        raise CheckpointError(
            f"{folder} holds no reward model. Train one by the method “reward” and name its folder."
        )
    return tuple(map(str, config.get(CRITERIA_KEY) or []))


def _scores(config: dict[str, Any]) -> bool:
    return REWARD_ARCHITECTURE in (config.get("architectures") or ())


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CheckpointError(f"{file} is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{file} must hold one JSON object.")
    return config
