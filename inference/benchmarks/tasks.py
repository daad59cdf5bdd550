"""What a suite asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.benchmarks.contract import Case, Label, PublishedRow, RunFacts, Suite

FigureName = Literal["accuracy", "weighted_f1", "macro_f1", "uar", "war"]


@dataclass(frozen=True)
class Task:
    name: str
    title: str
    labels: tuple[str, ...]
    label_of: Callable[[Case], Label]
    """With the predicted label in the corpus' spelling, where it is one of its labels."""
    figures: tuple[FigureName, ...] = ("accuracy", "weighted_f1", "macro_f1")


@dataclass(frozen=True)
class SuiteSpec:
    suite: Suite
    tasks: tuple[Task, ...]
    text_metrics: tuple[str, ...]
    """Of those in `TEXT_METRICS`, the ones the suite has."""
    published: tuple[PublishedRow, ...]
    notes: Callable[[Sequence[Case], RunFacts], list[str]]
