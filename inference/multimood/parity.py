"""Compares this implementation with stored inputs and outputs of the published one.

    python -m inference.multimood.parity FOLDER

FOLDER holds `config.json`, `model.safetensors` and `cases.safetensors` as its README describes,
of any sizes. One line an output with the largest difference and the tolerance. Exit code 1 if one
is exceeded or could not be compared, 2 if FOLDER cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from inference.errors import DomainError
from inference.multimood.checkpoint import published_name
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parity_merge import media_inputs, merge_cases
from inference.multimood.parity_parts import part_cases

Tensors = dict[str, torch.Tensor]
Outputs = Iterator[tuple[str, torch.Tensor]]
PARTS_TOLERANCE = 2e-5
LOGITS_TOLERANCE = 1e-4
"""For losses and gradients too. Both as the fixture's README suggests for float32."""
FBANK_TOLERANCE = 1e-3
BFLOAT16_STEP = 0.125
"""Of values from 16 to 32, the largest of a log-mel fbank."""
PIXEL_TOLERANCE = 1e-5
SILENCE = -15.9
"""Log-mel values below are what an FFT makes of silence."""
GRADIENTS = "c10.grad."
GRADIENT_CASE = "c4e"


class FixtureError(DomainError):
    """A folder that cannot be compared with; the message says what is wrong with it."""


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
        return f"{verdict} {self.case:<60} {self.difference:.2e}  (<= {self.tolerance:g})"


@dataclass(frozen=True)
class Failure:
    """A case whose outputs could not be computed."""

    case: str
    reason: str
    holds = False

    def __str__(self) -> str:
        return f"FAILED {self.case}: {self.reason}"


class Fixture:
    def __init__(self, folder: Path) -> None:
        self.cases, self.inputs, self.outputs = _stored(folder / "cases.safetensors")
        self.model = MultiMoodForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32
        ).eval()
        bins = {t.shape[2] for name, t in self.cases.items() if _is_fbank(name)}
        if len(bins) == 1:
            # The reference's configuration does not name it; the convolution takes any.
            self.model.config.audio_config.num_mel_bins = bins.pop()

    def comparisons(self) -> Iterator[Comparison | Failure]:
        for name, run in self._runs():
            try:
                for output, ours in run():
                    if output in self.cases:
                        yield compare(output, ours.detach(), self.cases[output])
            except KeyError as error:
                yield Failure(name, f"{error.args[0]} is not stored")
            except (ValueError, RuntimeError, IndexError) as error:
                yield Failure(name, f"{type(error).__name__}: {error}")

    def _runs(self) -> Iterator[tuple[str, Callable[[], Outputs]]]:
        with torch.no_grad():
            yield from part_cases(self.model.model, self.cases)
            yield from merge_cases(self.model, self.cases)
        if any(name.startswith("c10.") for name in self.cases):
            yield "c10", partial(gradients, self.model, self.cases)


def _stored(file: Path) -> tuple[Tensors, set[str], set[str]]:
    """The tensors, and the names of inputs and of outputs."""
    if not file.is_file():
        raise FixtureError(f"{file.parent} holds no {file.name}.")
    try:
        tensors = load_file(file)
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise FixtureError(f"{file} is not a whole safetensors file: {error}") from error
    if "outputs" not in metadata:
        raise FixtureError(f"{file} has no list of outputs in its metadata.")
    outputs = set(metadata["outputs"].split())
    absent = sorted(outputs - tensors.keys())
    if absent:
        raise FixtureError(f"{file} lists outputs that it does not hold: {', '.join(absent)}")
    return tensors, set(metadata.get("inputs", "").split()), outputs


def _is_fbank(name: str) -> bool:
    case, _, what = name.partition(".")
    return case.startswith("c2") and what == "fbank"


def compare(name: str, ours: torch.Tensor, stored: torch.Tensor) -> Comparison:
    return Comparison(name, _difference(name, ours, stored), _tolerance(name, stored))


def _difference(name: str, ours: torch.Tensor, stored: torch.Tensor) -> float:
    if ours.shape != stored.shape:
        return float("inf")
    apart = (ours.double() - stored.double()).abs()
    if name.startswith("c6.fbank") or name == "c6.soundtrack_rows":
        apart = apart[stored > SILENCE]
    return float(apart.max()) if apart.numel() else 0.0


def _tolerance(name: str, stored: torch.Tensor) -> float:
    if not stored.is_floating_point():
        return 0.0
    if name in ("c6.soundtrack_rows", "c6.fbank_bf16"):
        return BFLOAT16_STEP
    if name.startswith("c6.fbank"):
        return FBANK_TOLERANCE
    if name.startswith("c9."):
        return PIXEL_TOLERANCE
    if name.startswith("c10.") or name.endswith(("logits", ".loss")):
        return LOGITS_TOLERANCE
    return PARTS_TOLERANCE


def gradients(model: MultiMoodForConditionalGeneration, cases: Tensors) -> Outputs:
    model.zero_grad()
    with torch.enable_grad():
        model(**media_inputs(model, cases, GRADIENT_CASE)).loss.backward()
    parameters = {published_name(name): own for name, own in model.named_parameters()}
    for name in sorted(cases):
        if name.startswith(GRADIENTS):
            key, _, norm = name.removeprefix(GRADIENTS).partition("#")
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
    try:
        fixture = Fixture(folder)
    except (DomainError, OSError, ValueError) as error:
        write(f"{folder} cannot be compared with: {error}")
        return 2
    return 0 if report(fixture, write) else 1


def report(fixture: Fixture, write: Callable[[str], object]) -> bool:
    """Whether every listed output was compared and is close enough."""
    compared: set[str] = set()
    off = 0
    for comparison in fixture.comparisons():
        write(str(comparison))
        if isinstance(comparison, Comparison):
            compared.add(comparison.case)
        off += not comparison.holds
    forgotten = sorted(fixture.outputs - compared)
    for name in forgotten:
        write(f"NOT COMPARED {name}")
    for name in sorted(fixture.cases.keys() - fixture.inputs - fixture.outputs - compared):
        write(f"UNKNOWN {name}: listed neither as input nor as output")
    write(f"{len(compared)} compared, {off} off, {len(forgotten)} not compared")
    return not off and not forgotten


if __name__ == "__main__":
    sys.exit(main())
