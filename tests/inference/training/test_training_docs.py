"""docs/training.md and configs/training say what the code does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.training.config import ON_CORPORA, ON_PROMPTS, TrainingConfig
from inference.training.config_reading import load_config, parse_config
from inference.training.config_table import docstrings, tables
from inference.training.presets import PRESETS
from tests.processes import PROJECT

PAGE = (PROJECT / "docs" / "training.md").read_text(encoding="utf-8")
FILES = sorted((PROJECT / "configs" / "training").glob("*.json"))


def test_the_page_holds_the_table_of_all_keys() -> None:
    """If not: `python -m inference.training.config_table` prints it."""
    assert tables() in PAGE


def test_the_page_names_every_preset_with_its_source() -> None:
    for preset in PRESETS.values():
        assert f"| `{preset.name}` | {preset.title} | {preset.source} |\n" in PAGE


def test_texts_below_the_keys_are_found() -> None:
    told = docstrings(TrainingConfig.__name__)
    assert told["max_steps"] == "Optimiser steps; 0 leaves it to `epochs`."
    assert "method" not in told


def test_the_page_names_every_example() -> None:
    assert [file.name for file in FILES if f"configs/training/{file.name}" not in PAGE] == []


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_example_can_be_run_on_data_that_is_there(
    file: Path, base: Path, release: Path, media: Path, corpus: Path, tmp_path: Path
) -> None:
    given = json.loads(file.read_text())
    here = {"base": base, "dataset": corpus if given["method"] in ON_CORPORA else release}
    here |= {"media_root": media} if "media_root" in given else {}
    config = parse_config(given | {name: str(path) for name, path in here.items()}, tmp_path)
    assert f"--nproc_per_node {config.processes}" in PAGE or config.processes == 1
    assert bool(config.rewards) == (config.method in ON_PROMPTS)


@pytest.mark.parametrize("name", ["sft-two-cores", "sft-two-processes"])
def test_those_on_the_demo_model_run_as_they_stand(name: str) -> None:
    config = load_config(PROJECT / "configs" / "training" / f"{name}.json")
    assert config.base == PROJECT / "configs" / "training" / "../../demo/models/multimood-tiny"
