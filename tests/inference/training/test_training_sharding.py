"""FSDP2 over two processes on the CPU, against the same run with whole copies."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.config import ConfigError, TrainingConfig
from inference.training.config_reading import parse_config
from inference.training.progress import FINAL, Progress, StopRequest
from inference.training.run import run
from inference.training.sharding import LAYERS, WHOLE, sharding_arguments
from tests.inference.training.pair_release import events
from tests.inference.training.trainer_processes import Start, difference, finish

MakeConfig = Callable[..., TrainingConfig]
SHARDED = "tests.inference.training.sharded_run"


SAME = 0.01


@pytest.mark.timeout(900)  # starts two runs, one after another
@pytest.mark.parametrize("lora", [False, True])
def test_a_sharded_run_learns_what_one_process_learns_and_goes_on_from_its_middle(
    dpo_config: MakeConfig, tmp_path: Path, start: Start, lora: bool
) -> None:
    """Some rows have no film, sound or history: a process may lack what the other has."""
    changes: dict[str, Any] = {"max_steps": 4, "save_steps": 3, "lora": lora}
    changes |= {"report": False, "sample_stimuli": 0}
    alone = dpo_config(output=tmp_path / "alone", batch_size=4, **changes)
    assert run(alone, Progress(alone.output), StopRequest())
    changes |= {"sharding": "fsdp2", "device": "auto", "processes": 2, "batch_size": 2}
    sharded = dpo_config(output=tmp_path / "sharded", **changes)
    code, said = finish(start(sharded, SHARDED))
    assert code == 0, said
    assert difference(sharded, alone) < SAME
    if lora:
        return
    shutil.rmtree(sharded.output / FINAL)
    shutil.rmtree(sharded.output / "checkpoint-4")
    code, said = finish(start(sharded, SHARDED))
    assert code == 0, said
    assert [e["step"] for e in events(sharded.output) if e["event"] == "begin"] == [0, 3]
    assert difference(sharded, alone) < SAME


def test_a_run_that_would_not_be_sharded_is_refused(dpo_config: MakeConfig, start: Start) -> None:
    """accelerate would train whole copies on CPUs, and say nothing."""
    config = dpo_config(processes=2, sharding="fsdp2", device="auto")
    code, said = finish(start(config))
    assert code != 0
    assert "sharding: fsdp2 needs at least two processes on GPUs" in said
    assert "log" not in [event["event"] for event in events(config.output)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "cpu", "processes": 2}, "fsdp2 needs GPUs, and device is"),
        ({"processes": 1}, "divides a model over processes, and there is one"),
        ({"method": "grpo", "rewards": [{"kind": "similarity"}]}, "sharding: has no meaning for"),
    ],
)
def test_refused_before_anything_is_loaded(
    base: Path, release: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    given = {"method": "dpo", "base": str(base), "dataset": str(release), "output": "run"}
    with pytest.raises(ConfigError, match=message):
        parse_config({**given, "sharding": "fsdp2", **changes}, tmp_path)


def test_arguments_on_gpus(dpo_config: MakeConfig) -> None:
    config = dpo_config(sharding="fsdp2", processes=8)
    arguments = sharding_arguments(config, recompute=True)
    assert arguments["fsdp"] is True
    assert arguments["gradient_checkpointing"] is False
    assert arguments["fsdp_config"]["version"] == 2
    assert arguments["fsdp_config"]["transformer_layer_cls_to_wrap"] == LAYERS
    assert arguments["fsdp_config"]["activation_checkpointing"] is True
    assert sharding_arguments(dpo_config(), recompute=True) == {"gradient_checkpointing": True}


def test_the_towers_stay_whole(base: Path) -> None:
    model = MultiMoodForConditionalGeneration.from_pretrained(base)
    names = [name for name, _ in model.named_modules()]
    for name in (*names, *(f"base_model.model.{name}" for name in names)):
        in_a_tower = "vision_tower" in name or "audio_tower" in name
        assert in_a_tower == any(re.fullmatch(WHOLE, part) for part in within(name)), name


def within(name: str) -> list[str]:
    """The module itself and those around it."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
