"""Every method trains on a GPU what it trains on a CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from safetensors.torch import load_file

from inference.training.config import METHODS, Method, TrainingConfig
from inference.training.progress import FINAL
from tests.inference.training.pair_release import events
from tests.inference.training.trainer_processes import learned, wait_for
from tests.processes import PROJECT

Make = Callable[..., TrainingConfig]
PATIENCE = 280
FLOAT32 = 2e-3
"""Of a loss, relative: sums in another order, four steps long."""
BFLOAT16 = 0.06


def start(config: TrainingConfig, module: str = "inference.training") -> subprocess.Popen[str]:
    file = config.output.with_suffix(".json")
    file.write_text(json.dumps(config.as_json()))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "1"]
    sharded = module != "inference.training"
    return subprocess.Popen(
        [sys.executable, *(torchrun if sharded else ()), "-m", module, str(file)],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def train(config: TrainingConfig, module: str = "inference.training") -> list[dict[str, float]]:
    """What it logged, step by step."""
    process = start(config, module)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said[-3000:]
    logged: dict[int, dict[str, float]] = {}
    for event in events(config.output):
        if event["event"] == "log":
            logged.setdefault(event["step"], {}).update(event["values"])
    return [logged[step] for step in sorted(logged) if step]


def of_loss(method: Method, logged: list[dict[str, Any]]) -> list[float]:
    name = "loss" if method not in ("ppo", "grpo") else "policy_loss"
    return [values[name] for values in logged if name in values]


@pytest.mark.parametrize("method", METHODS)
def test_float32_gives_the_losses_of_a_cpu(method: Method, config: Make) -> None:
    on_gpu = train(config(method, "gpu", precision="float32"))
    on_cpu = train(config(method, "cpu", precision="float32", device="cpu"))
    ours, theirs = of_loss(method, on_gpu), of_loss(method, on_cpu)
    assert len(ours) == 4
    # PPO and GRPO answer after each step, and one other token makes another answer.
    steps = 1 if method in ("ppo", "grpo") else 4
    assert ours[:steps] == pytest.approx(theirs[:steps], rel=FLOAT32, abs=FLOAT32)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lora", [False, True])
def test_bfloat16_stays_near(method: Method, lora: bool, config: Make) -> None:
    if lora and method == "compressor":
        pytest.skip("trains the compressor alone")
    adapters = {"lora": True} if lora else {}
    made = config(method, "gpu", **adapters)
    near = of_loss(method, train(made))
    exact = of_loss(method, train(config(method, "exact", precision="float32", **adapters)))
    assert len(near) == 4
    if method not in ("ppo", "grpo"):
        assert near == pytest.approx(exact, rel=BFLOAT16, abs=BFLOAT16)
    if method != "reward":  # whose result is no answering model
        assert any(change.abs().max() > 0 for change in learned(made).values())


def test_a_killed_run_goes_on_at_its_checkpoint(config: Make) -> None:
    made = config("dpo", "run", max_steps=40, save_steps=2)
    process = start(made)
    wait_for(made.output, "save", 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (made.output / FINAL).exists()
    before = len(events(made.output))
    train(made)
    begun = next(event for event in events(made.output)[before:] if event["event"] == "begin")
    assert begun["step"] >= 2
    assert events(made.output)[-1]["event"] == "end"


def test_a_run_reports_on_the_gpu(config: Make) -> None:
    made = config("sft", "run", report=True, sample_stimuli=2, eval_split="rate")
    train(made)
    report = json.loads((made.output / "report.json").read_text())
    assert report
    assert any(event["event"] == "samples" for event in events(made.output))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("lora", [False, True])
def test_fsdp2_over_one_gpu(precision: str, lora: bool, config: Make) -> None:
    values = {"precision": precision, "lora": lora, "lora_dropout": 0.0}
    sharded = config("dpo", "sharded", **values)
    whole = config("dpo", "whole", **values)
    tolerance = FLOAT32 if precision == "float32" else BFLOAT16
    ours = of_loss("dpo", train(sharded, "tests.inference.gpu.sharded_run"))
    assert ours == pytest.approx(of_loss("dpo", train(whole)), rel=tolerance, abs=tolerance)
    saved = load_file(sharded.output / FINAL / "model.safetensors")
    base = load_file(sharded.base / "model.safetensors")
    assert {name: t.shape for name, t in saved.items()} == {n: t.shape for n, t in base.items()}
