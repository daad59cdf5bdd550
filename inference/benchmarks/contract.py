"""What goes into a benchmark and what comes out; both sides of the database use these.

Every `as_dict` is plain JSON, and `from_dict` of the same class reads it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from inference.benchmarks.options import (
    ENCODER_METRICS,
    TEXT_METRICS,
    BenchmarkError,
    Options,
    RunFacts,
)
from inference.recognition.estimates import Estimate, Interval

__all__ = [
    "ENCODER_METRICS",
    "SUITES",
    "TEXT_METRICS",
    "BenchmarkError",
    "Case",
    "ClassFigures",
    "ConfusionTable",
    "Difference",
    "Figure",
    "Fold",
    "Label",
    "Options",
    "PairedReport",
    "PublishedRow",
    "Report",
    "RunFacts",
    "Suite",
    "TaskReport",
]
Suite = Literal["mesc", "esconv", "dfew"]
SUITES: tuple[Suite, ...] = ("mesc", "esconv", "dfew")


@dataclass(frozen=True)
class Label:
    truth: str = ""
    """Empty: the corpus says nothing; the case is left out of this task and counted."""
    predicted: str = ""
    """Empty: no label was answered or none could be read."""


@dataclass(frozen=True)
class Case:
    """One client turn, what the corpus says of it, and what one model answered (sample 0)."""

    key: str
    """The same for every run over this stimulus: what two runs are paired by."""
    group: str
    """Session; what intervals and tests resample. Empty: the case is on its own."""
    client_emotion: Label = Label()
    therapist_emotion: Label = Label()
    strategy: Label = Label()
    reference: str = ""
    """The human reply; empty: there is none, and the text metrics leave the case out."""
    response: str = ""
    readable: bool = True
    """False: the answer as a whole failed or could not be read. Its labels are then wrong and its
    text empty, unless `as_published` drops it."""
    fold: str = ""
    """`fold-1` ... of DFEW."""


@dataclass(frozen=True)
class Figure:
    name: str
    """Unique in a report, and the same in published rows: `strategy.accuracy`, `text.bleu2`."""
    title: str
    estimate: Estimate
    """From 0 to 1, except what its title says; 95 % or the options' interval."""
    n: int
    """Cases it is over."""
    setting: str = ""
    """Its definition where there are several: what has to be quoted with it."""

    @property
    def percent(self) -> float | None:
        return self.estimate.percent

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"estimate": self.estimate.as_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "estimate": estimate_from(data["estimate"])})


@dataclass(frozen=True)
class ClassFigures:
    """Of one label; shares from 0 to 1, None where undefined."""

    label: str
    n: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True)
class ConfusionTable:
    rows: tuple[str, ...]
    """Corpus labels."""
    columns: tuple[str, ...]
    """Predicted labels; the last column holds what is none of them or could not be read."""
    counts: tuple[tuple[int, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": list(self.rows),
            "columns": list(self.columns),
            "counts": [list(row) for row in self.counts],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(tuple(data["rows"]), tuple(data["columns"]), tuple(map(tuple, data["counts"])))


@dataclass(frozen=True)
class Fold:
    fold: str
    n: int
    figures: tuple[Figure, ...]

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"figures": [figure.as_dict() for figure in self.figures]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "figures": tuple(map(Figure.from_dict, data["figures"]))})


@dataclass(frozen=True)
class TaskReport:
    """One label that is predicted."""

    name: str
    """`client_emotion`, `therapist_emotion`, `strategy`."""
    title: str
    n: int
    """Cases that count."""
    without_truth: int
    """Left out: the corpus has no label."""
    unread: int
    """Of all that have a corpus label: no label, or none of the set, could be read."""
    dropped: int
    """Of these, left out because the options say `as_published`."""
    figures: tuple[Figure, ...]
    majority_label: str
    majority: tuple[Figure, ...]
    """Always answering the most frequent label: the same figures in the same order."""
    classes: tuple[ClassFigures, ...]
    confusion: ConfusionTable
    folds: tuple[Fold, ...] = ()
    """By fold, then their mean as the last one; empty where there are no folds."""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {
            "figures": [figure.as_dict() for figure in self.figures],
            "majority": [figure.as_dict() for figure in self.majority],
            "classes": [entry.as_dict() for entry in self.classes],
            "confusion": self.confusion.as_dict(),
            "folds": [fold.as_dict() for fold in self.folds],
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        read = {
            "figures": tuple(map(Figure.from_dict, data["figures"])),
            "majority": tuple(map(Figure.from_dict, data["majority"])),
            "classes": tuple(map(ClassFigures.from_dict, data["classes"])),
            "confusion": ConfusionTable.from_dict(data["confusion"]),
            "folds": tuple(map(Fold.from_dict, data["folds"])),
            "notes": tuple(data["notes"]),
        }
        return cls(**{**data, **read})


@dataclass(frozen=True)
class PublishedRow:
    """A paper's figures, shown beside and never mixed in."""

    system: str
    percent: Mapping[str, float]
    """By figure name, in percent, as printed."""
    source: str
    definitions: str
    """What is known of how they were computed."""

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"percent": dict(self.percent)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True)
class Report:
    suite: Suite
    n: int
    groups: int
    coverage: Estimate
    """Share of the cases whose answer was readable in everything that the suite asks for."""
    tasks: tuple[TaskReport, ...]
    text: tuple[Figure, ...]
    published: tuple[PublishedRow, ...]
    notes: tuple[str, ...]
    """What a reader must know before quoting a figure: sentences, the gravest first."""
    software: Mapping[str, str]
    options: Options
    definitions: str
    """“sound” or “as published”, with what the latter changes."""
    encoder: str = ""
    """Name, hash and layer of the encoder behind two of the figures."""

    @property
    def seed(self) -> int:
        return self.options.seed

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them, in reading order."""
        return (*(figure for task in self.tasks for figure in task.figures), *self.text)

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {
            "coverage": self.coverage.as_dict(),
            "tasks": [task.as_dict() for task in self.tasks],
            "text": [figure.as_dict() for figure in self.text],
            "published": [row.as_dict() for row in self.published],
            "notes": list(self.notes),
            "software": dict(self.software),
            "options": self.options.as_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        read = {
            "coverage": estimate_from(data["coverage"]),
            "tasks": tuple(map(TaskReport.from_dict, data["tasks"])),
            "text": tuple(map(Figure.from_dict, data["text"])),
            "published": tuple(map(PublishedRow.from_dict, data["published"])),
            "notes": tuple(data["notes"]),
            "options": Options.from_dict(data["options"]),
        }
        return cls(**{**data, **read})


@dataclass(frozen=True)
class Difference:
    """One figure of two runs over the same cases: the run's minus the other's."""

    name: str
    title: str
    run: float
    against: float
    difference: float
    interval: Interval | None
    no_interval_because: str
    p: float
    p_holm: float
    """Over all figures of the report."""
    test: str
    n: int
    groups: int

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"interval": self.interval and self.interval.as_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "interval": interval_from(data["interval"])})


@dataclass(frozen=True)
class PairedReport:
    suite: Suite
    n: int
    """Cases that both runs answered."""
    groups: int
    only_run: int
    only_against: int
    """Cases of one run alone: left out of every difference."""
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    options: Options

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {
            "differences": [entry.as_dict() for entry in self.differences],
            "notes": list(self.notes),
            "options": self.options.as_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        read = {
            "differences": tuple(map(Difference.from_dict, data["differences"])),
            "notes": tuple(data["notes"]),
            "options": Options.from_dict(data["options"]),
        }
        return cls(**{**data, **read})


def interval_from(data: Mapping[str, Any] | None) -> Interval | None:
    return None if data is None else Interval(**data)


def estimate_from(data: Mapping[str, Any]) -> Estimate:
    return Estimate(**{**data, "interval": interval_from(data["interval"])})
