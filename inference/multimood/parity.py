"""Compares this implementation with stored inputs and outputs of the published one.

    python -m inference.multimood.parity FOLDER

FOLDER holds `config.json`, `model.safetensors` and `cases.safetensors` as its README describes.
One line a case with the largest difference and the tolerance; exit code 1 if one is exceeded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parity_merge import MERGE_CASES, media_inputs, merge_case
from inference.multimood.parity_parts import (
    audio_cases,
    history_cases,
    preprocessing_cases,
    vision_cases,
)

Tensors = dict[str, torch.Tensor]
PARTS_TOLERANCE = 2e-5
LOGITS_TOLERANCE = 1e-4
"""For losses and gradients too. Both as the fixture's README suggests for float32."""
FBANK_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Comparison:
    case: str
    difference: float
    tolerance: float

    @property
    def holds(self) -> bool:
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        verdict = "ok  " if self.holds else "OFF "
        return f"{verdict} {self.case:<60} {self.difference:.2e}  (<= {self.tolerance:.0e})"


class Fixture:
    def __init__(self, folder: Path) -> None:
        file = folder / "cases.safetensors"
        self.cases: Tensors = load_file(file)
        with safe_open(file, "pt") as opened:
            self.outputs = set(opened.metadata()["outputs"].split())
        self.model = MultiMoodForConditionalGeneration.from_pretrained(folder).eval()

    def comparisons(self) -> Iterator[Comparison]:
        with torch.no_grad():
            for part in (vision_cases, audio_cases, history_cases):
                yield from self._compare(part(self.model.model, self.cases))
            for case in MERGE_CASES:
                yield from self._compare(merge_case(self.model, self.cases, case))
            yield from self._compare(generation_cases(self.model, self.cases))
            yield from self._compare(preprocessing_cases(self.cases))
        yield from self._compare(gradient_cases(self.model, self.cases))

    def _compare(self, outputs: Iterator[tuple[str, torch.Tensor]]) -> Iterator[Comparison]:
        for name, ours in outputs:
            stored = self.cases[name]
            yield Comparison(name, _difference(name, ours, stored), _tolerance(name, stored))


def _difference(name: str, ours: torch.Tensor, stored: torch.Tensor) -> float:
    if ours.shape != stored.shape:
        return float("inf")
    apart = (ours.double() - stored.double()).abs()
    if name.startswith("c6.fbank") or name == "c6.soundtrack_rows":
        # Below lies what an FFT makes of silence.
        apart = apart[stored > -15.9]
    return float(apart.max())


def _tolerance(name: str, stored: torch.Tensor) -> float:
    if not stored.is_floating_point():
        return 0.0
    if name in ("c6.soundtrack_rows", "c6.fbank_bf16"):
        return 0.125  # one step of bfloat16
    if name.startswith("c6.fbank"):
        return FBANK_TOLERANCE
    if name.startswith("c9."):
        return 1e-5
    if name.startswith("c10.") or name.endswith(("logits", ".loss")):
        return LOGITS_TOLERANCE
    return PARTS_TOLERANCE


def generation_cases(
    model: MultiMoodForConditionalGeneration, cases: Tensors
) -> Iterator[tuple[str, torch.Tensor]]:
    for case in ("c5a", "c5b"):
        inputs = media_inputs(model, cases, case)
        out = model.generate(
            **inputs,
            max_new_tokens=12,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        yield f"{case}.generated_ids", out.sequences[:, inputs["input_ids"].shape[1] :]
        yield f"{case}.step_logits", torch.stack(out.logits, dim=1)


def gradient_cases(
    model: MultiMoodForConditionalGeneration, cases: Tensors
) -> Iterator[tuple[str, torch.Tensor]]:
    model.zero_grad()
    model(**media_inputs(model, cases, "c4e")).loss.backward()
    parameters = dict(model.named_parameters())
    prefix = "c10.grad."
    for name in sorted(cases):
        if name.startswith(prefix):
            key, _, norm = name.removeprefix(prefix).partition("#")
            key = key.replace("weight_g", "gain")
            grad = parameters[key].grad
            if grad is None:
                grad = torch.full_like(parameters[key], float("nan"))
            yield name, grad.norm()[None] if norm else grad
    tower = model.model.vision_tower.parameters()
    absent = all(parameter.grad is None for parameter in tower)
    yield "c10.vision_tower_grads_absent", torch.tensor([int(absent)])
    model.zero_grad()


def main(arguments: list[str] | None = None, write: Callable[[str], object] = print) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m inference.multimood.parity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    if not (folder / "cases.safetensors").is_file():
        parser.error(f"{folder} holds no cases.safetensors")
    fixture = Fixture(folder)
    compared: set[str] = set()
    off = 0
    for comparison in fixture.comparisons():
        write(str(comparison))
        compared.add(comparison.case)
        off += not comparison.holds
    forgotten = sorted(fixture.outputs - compared)
    for name in forgotten:
        write(f"NOT COMPARED {name}")
    write(f"{len(compared)} compared, {off} off, {len(forgotten)} not compared")
    return 1 if off or forgotten else 0


if __name__ == "__main__":
    sys.exit(main())
