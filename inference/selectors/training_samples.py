"""Answers of a model in training to fixed client turns: by step, or one turn through all steps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from inference.models import TrainingRun, TrainingSample

MOST_STEPS_OF_A_TURN = 40


@dataclass(frozen=True)
class TurnBeside:
    """What was answered to one client turn at the first evaluation and at the one shown."""

    key: str
    client: str
    first: TrainingSample | None
    shown: TrainingSample | None


@dataclass(frozen=True)
class SamplesByStep:
    steps: tuple[int, ...]
    """Of all evaluations."""
    step: int
    turns: tuple[TurnBeside, ...]

    @property
    def first(self) -> int:
        return self.steps[0]

    @property
    def is_first(self) -> bool:
        return self.step == self.first

    @property
    def is_newest(self) -> bool:
        return self.step == self.steps[-1]

    @property
    def before(self) -> int | None:
        place = self.steps.index(self.step)
        return self.steps[place - 1] if place else None

    @property
    def after(self) -> int | None:
        place = self.steps.index(self.step)
        return self.steps[place + 1] if place + 1 < len(self.steps) else None


@dataclass(frozen=True)
class SamplesOfTurn:
    key: str
    client: str
    samples: tuple[TrainingSample, ...]
    left_out: int
    """Evaluations between those shown."""


def samples_by_step(run: TrainingRun, asked: int | None = None) -> SamplesByStep | None:
    """At the last evaluation not after step `asked`; None while nothing was answered. Two
    queries."""
    rows = TrainingSample.objects.filter(run=run)
    steps = tuple(rows.order_by("step").values_list("step", flat=True).distinct())
    if not steps:
        return None
    step = steps[-1] if asked is None else steps[max(0, bisect_right(steps, asked) - 1)]
    first: dict[str, TrainingSample] = {}
    shown: dict[str, TrainingSample] = {}
    for sample in rows.filter(step__in={steps[0], step}).order_by("pk"):
        if sample.step == steps[0]:
            first[sample.key] = sample
        if sample.step == step:
            shown[sample.key] = sample
    return SamplesByStep(steps, step, tuple(beside(first, shown)))


def beside(
    first: dict[str, TrainingSample], shown: dict[str, TrainingSample]
) -> Iterable[TurnBeside]:
    for key in {**first, **shown}:
        known = first.get(key) or shown[key]
        yield TurnBeside(key, known.client, first.get(key), shown.get(key))


def samples_of_turn(run: TrainingRun, key: str) -> SamplesOfTurn | None:
    """None where there is no such client turn. Two queries."""
    if "\0" in key:  # PostgreSQL refuses to look for it
        return None
    rows = TrainingSample.objects.filter(run=run, key=key)
    steps = list(rows.order_by("step").values_list("step", flat=True))
    if not steps:
        return None
    kept = steps[:: -(-len(steps) // MOST_STEPS_OF_A_TURN)]
    samples = tuple(rows.filter(step__in={*kept, steps[-1]}).order_by("step"))
    return SamplesOfTurn(key, samples[0].client, samples, left_out=len(steps) - len(samples))
