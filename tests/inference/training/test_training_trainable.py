"""After a few steps exactly what was set trainable has changed, for each way to train."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from inference.training.config import Method, TrainingConfig
from inference.training.parts import LLM_LAYERS
from inference.training.progress import FINAL, Progress, StopRequest
from inference.training.run import run

STEPS = 2
"""The first leaves the lower half of an adapter as it is, since the upper half begins at zero."""
WITH_PROJECTORS = r"model\.(mm_projector|mm_projector_a|mamba_compressor)\."
BESIDE_ADAPTERS = r"model\.(mm_projector|mm_projector_a|mamba_compressor\.memory_projection)\."
LANGUAGE_MODEL = r"model\.(embed_tokens|layers|norm)\."


def changed(base: Path, final: Path) -> set[str]:
    before, after = load_file(base / "model.safetensors"), load_file(final / "model.safetensors")
    assert before.keys() == after.keys()
    return {name for name, tensor in before.items() if not tensor.equal(after[name])}


def named(base: Path, *patterns: str) -> set[str]:
    names = load_file(base / "model.safetensors")
    return {name for name in names if any(re.match(pattern, name) for pattern in patterns)}


@pytest.fixture
def config(
    dpo_config: Callable[..., TrainingConfig], corpus: Path
) -> Callable[..., TrainingConfig]:
    def make(method: Method, **changes: Any) -> TrainingConfig:
        data: dict[str, Any] = {}
        if method == "sft":
            data = {"method": "sft", "dataset": corpus, "media_root": None}
        same = {"max_steps": STEPS, "report": False, "sample_stimuli": 0, "warmup_ratio": 0.0}
        return dpo_config(**same | {"learning_rate": 1e-2, "batch_size": 8} | data | changes)

    return make


@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("projectors", ["train", "frozen"])
@pytest.mark.parametrize("lora", [False, True])
def test_exactly_what_is_trainable_changes(
    config: Callable[..., TrainingConfig], base: Path, method: Method, projectors: str, lora: bool
) -> None:
    values = config(method, lora=lora, projectors=projectors)
    assert run(values, Progress(values.output), StopRequest())
    wanted = [LLM_LAYERS + r"\.weight" if lora else LANGUAGE_MODEL]
    if projectors == "train":
        wanted.append(BESIDE_ADAPTERS if lora else WITH_PROJECTORS)
    assert changed(base, values.output / FINAL) == named(base, *wanted)
