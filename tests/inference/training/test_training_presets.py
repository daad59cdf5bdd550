from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.training.config import METHODS, ON_CORPORA, ON_PROMPTS, ConfigError
from inference.training.config_reading import parse_config
from inference.training.presets import PAPER, PRESETS, presets_of, with_preset
from tests.processes import PROJECT


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_configuration_that_can_be_run(
    name: str, base: Path, release: Path, corpus: Path, tmp_path: Path
) -> None:
    preset = PRESETS[name]
    given: dict[str, Any] = {
        "method": preset.method,
        "base": str(base),
        "dataset": str(corpus if preset.method in ON_CORPORA else release),
        "output": "run",
    }
    if preset.method in ON_PROMPTS:
        given["rewards"] = [{"kind": "similarity"}]
    config = parse_config(with_preset(name, given), tmp_path)
    read = config.as_json()
    assert {key: read[key] for key in preset.values} == dict(preset.values)


def test_every_method_has_one_for_small_machines_and_says_where_it_is_from() -> None:
    for method in METHODS:
        assert f"{method}-two-cores" in [preset.name for preset in presets_of(method)]
        assert f"{method}-one-gpu" in [preset.name for preset in presets_of(method)]
    assert all(preset.source and preset.title for preset in PRESETS.values())


def test_the_papers_numbers() -> None:
    """Le et al., arXiv 2511.10011."""
    assert PRESETS["grpo-multimood"].source == PAPER
    assert PRESETS["grpo-multimood"].values == {
        "learning_rate": 1e-5,
        "generations": 4,
        "epochs": 3.0,
        "batch_size": 1,
        "gradient_accumulation": 16,
        "max_new_tokens": 128,
        "beta": 1.12,
    }
    ppo = PRESETS["ppo-multimood"].values
    assert (ppo["learning_rate"], ppo["missing_end_penalty"]) == (3e-6, 1.0)
    assert ppo["max_steps"] * ppo["batch_size"] == 10_000
    assert PRESETS["reward-multimood"].values["learning_rate"] == 2.5e-5
    lora = PRESETS["reward-multimood-lora"].values
    assert (lora["lora_rank"], lora["lora_alpha"], lora["learning_rate"]) == (32, 16, 1e-4)


def test_what_is_given_wins() -> None:
    values = with_preset("grpo-multimood", {"beta": 0.5, "seed": 3})
    assert values["beta"] == 0.5
    assert values["seed"] == 3
    assert values["generations"] == 4
    assert PRESETS["grpo-multimood"].values["beta"] == 1.12
    assert with_preset("", {"seed": 3}) == {"seed": 3}


def test_refuses_an_unknown_preset_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"none named 'gropo'\. Known: sft-multimood, "):
        with_preset("gropo", {})


def test_refuses_the_preset_of_another_method() -> None:
    with pytest.raises(
        ConfigError, match=r"dpo-rafailov is for dpo, not reward\. For that: reward-"
    ):
        with_preset("dpo-rafailov", {}, method="reward")
    with pytest.raises(ConfigError, match="is for dpo, not sft"):
        with_preset("dpo-rafailov", {"method": "sft"})


def test_needs_neither_torch_nor_django() -> None:
    code = (
        "import sys, inference.training.presets;"
        "sys.exit(bool({'torch', 'transformers', 'django'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False)
    assert done.returncode == 0
