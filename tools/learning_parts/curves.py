"""docs/method_curves.md and its picture: what short runs of each method logged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from annotations.figures.style import ACCENT, INK_SOFT, RC, WARM
from inference.training.config import METHODS

Told = Mapping[str, Any]
TITLES = {
    "sft": "Supervised fine-tuning",
    "compressor": "History compressor",
    "reward": "Reward model",
    "dpo": "DPO",
    "ppo": "PPO",
    "grpo": "GRPO",
}
SHOWN: Mapping[str, tuple[str, str]] = {
    "sft": ("loss", "eval_loss"),
    "compressor": ("loss", "eval_loss"),
    "reward": ("loss", "accuracy"),
    "dpo": ("loss", "accuracy"),
    "ppo": ("reward", "kl"),
    "grpo": ("reward", "kl"),
}
"""By method: drawn on the left axis, and on the right one."""
COLUMNS = 3


def write_page(docs: Path, work: Path) -> None:
    stored = [work / method / "curves.json" for method in METHODS]
    told = [json.loads(file.read_text(encoding="utf-8")) for file in stored if file.is_file()]
    (docs / "method_curves.md").write_text(text(told), encoding="utf-8")
    draw(docs / "images" / "method_curves.svg", told)


def text(told: Sequence[Told]) -> str:
    steps = {one["settings"]["max_steps"] for one in told}
    base = told[0]["base"].rsplit("-", 1)[0]
    rows = "\n".join(map(_row, told))
    return f"""# A short run of every method on the demo model

`python tools/method_curves.py --write` makes this page: each method for
{" or ".join(map(str, sorted(steps)))} optimiser steps on {base}, on two CPU cores, with adapters of
rank 8 on the language model (the compressor's own weights for its pre-training). So few steps show
that a method runs and which way its curves go, not what it would reach; whether training changes
what a model does on clients it has not met is shown in [learning.md](learning.md).

Data: the demo corpus' training sessions. Preferences (reward model, DPO): the reply that a client
was given before one given to another client; held out are pairs of other sessions. Reward of PPO
and GRPO: half of it 1 where the answer names the client's feeling, else 0; half of it how much the
answer has in common with the therapist's reply (ROUGE-L).

| method | seconds | what is logged | first step | last step | held out, at the end |
|---|---|---|---|---|---|
{rows}

![Curves of the six methods](images/method_curves.svg)

Solid, left axis: loss, or the mean reward of the answers of a step. Dashed, right axis: accuracy on
the pairs of a step, or the distance to the base (KL a token).
"""


def _row(told: Told) -> str:
    name = SHOWN[told["method"]][0]
    values = _series(told, name)
    held_out = [
        f"{key.removeprefix('eval_')} {_last(told, key):.3g}"
        for key in ("eval_loss", "eval_accuracy")
        if _series(told, key)
    ]
    first, last = values[0][1], values[-1][1]
    return (
        f"| {TITLES[told['method']]} | {told['seconds']} | {name} | {first:.3g} | {last:.3g} | "
        f"{', '.join(held_out)} |"
    )


def _series(told: Told, name: str) -> list[tuple[float, float]]:
    return [(values["step"], values[name]) for values in told["curves"] if name in values]


def _last(told: Told, name: str) -> float:
    return _series(told, name)[-1][1]


def draw(path: Path, told: Sequence[Told]) -> None:
    rows = -(-len(told) // COLUMNS)
    with plt.rc_context(RC):
        figure, axes = plt.subplots(rows, COLUMNS, figsize=(10.5, 3.0 * rows), squeeze=False)
        for axis, one in zip(axes.flat, told, strict=False):
            left, right = SHOWN[one["method"]]
            axis.set_title(TITLES[one["method"]], fontsize=12.5, color=INK_SOFT, loc="left")
            axis.plot(*zip(*_series(one, left), strict=True), "-", color=ACCENT)
            axis.set_ylabel(left)
            axis.set_xlabel("step")
            if _series(one, right):
                beside = axis.twinx()
                steps, values = zip(*_series(one, right), strict=True)
                beside.plot(steps, values, "--", color=WARM, marker="." if len(steps) < 3 else "")
                beside.set_ylabel(right)
        for axis in axes.flat[len(told) :]:
            axis.set_visible(False)
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
