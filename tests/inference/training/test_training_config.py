from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.training.config import ConfigError
from inference.training.config_reading import load_config, parse_config


def values(base: Path, release: Path, /, **changes: Any) -> dict[str, Any]:
    return {
        "method": "dpo",
        "base": str(base),
        "dataset": str(release),
        "output": "run",
    } | changes


def test_paths_are_taken_from_the_files_own_folder(
    base: Path, release: Path, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(values(base, release, learning_rate=1)))
    config = load_config(file)
    assert config.output == tmp_path / "run"
    assert config.base == base
    assert config.learning_rate == 1.0
    assert config.trains == "response"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "kto"}, "method: 'kto' is none of sft, compressor, reward, dpo"),
        ({"learn_rate": 1e-4}, "learn_rate: no such key"),
        ({"prompt": "version = 1"}, "prompt: the model's prompt: name: is missing"),
        ({"learning_rate": "fast"}, "learning_rate: expected float, found 'fast'"),
        ({"learning_rate": -1}, "learning_rate: must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate: must be above 0"),
        ({"batch_size": True}, "batch_size: expected int"),
        ({"batch_size": 0}, "batch_size: must be above 0"),
        ({"sample_stimuli": 65}, "sample_stimuli: must be at most 64, is 65"),
        ({"seed": -1}, "seed: must not be below 0"),
        ({"warmup_ratio": 1.5}, "warmup_ratio: is a share"),
        ({"epochs": 0}, "max_steps, epochs: one of them"),
        ({"base": "nowhere"}, "base: .*nowhere holds no checkpoint"),
        ({"dataset": "nowhere"}, "dataset: .*nowhere does not exist"),
        ({"dataset": ""}, "dataset: expected a path"),
        ({"method": "sft"}, "must be a JSON Lines file for sft"),
        ({"media_root": "nowhere"}, "media_root: .*nowhere is no folder"),
        ({"modality": "smell"}, "modality: 'smell' is none of av, a, v, text, random"),
        ({"lora": 1}, "lora: expected bool"),
    ],
)
def test_refuses(
    base: Path, release: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(values(base, release, **changes), tmp_path)


def test_refuses_to_write_into_the_base_checkpoint(base: Path, release: Path) -> None:
    with pytest.raises(ConfigError, match="output: must not be the base"):
        parse_config(values(base, release, output=str(base)), base)


def test_refuses_without_a_required_key(base: Path, release: Path, tmp_path: Path) -> None:
    given = values(base, release)
    del given["output"]
    with pytest.raises(ConfigError, match="output: missing"):
        parse_config(given, tmp_path)


def test_refuses_a_file_that_is_not_json(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("method: dpo")
    with pytest.raises(ConfigError, match="is not JSON"):
        load_config(file)
