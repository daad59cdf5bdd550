"""Figures of a predicted label, as functions of the cells of its confusion matrix.

All are over the labels that occur in the corpus: a label that was only predicted lowers the
precision of none and is no class of its own, as with scikit-learn's `labels`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.benchmarks.contract import Case, Label
from inference.benchmarks.measures import Floats, Measure, ratio
from inference.benchmarks.tasks import FigureName, Task
from inference.recognition.confusion import Confusion, confusion_of, places_of

TITLES: dict[FigureName, str] = {
    "accuracy": "Accuracy",
    "weighted_f1": "Weighted F1",
    "macro_f1": "Macro F1",
    "uar": "UAR",
    "war": "WAR",
}
SETTINGS: dict[FigureName, str] = {
    "accuracy": "",
    "weighted_f1": "mean F1 of the corpus' labels, each weighing as often as it occurs",
    "macro_f1": "mean F1 of the corpus' labels that occur, each weighing the same",
    "uar": "mean recall of the corpus' labels that occur, each weighing the same",
    "war": "share of all cases named right, the accuracy",
}


@dataclass(frozen=True, eq=False)
class Scored:
    """One task over all cases."""

    task: Task
    labels: tuple[str, ...]
    """The task's, then labels of the corpus that are none of them."""
    confusion: Confusion
    without_truth: int
    unread: int
    dropped: int
    measures: tuple[Measure, ...]
    answers: tuple[Label, ...]
    """By case."""
    counted: NDArray[np.bool_]
    """By case."""
    read: NDArray[np.bool_]
    """By case: no label is asked for, or one of the set was answered."""


def scored(task: Task, cases: Sequence[Case], *, drop_unread: bool) -> Scored:
    """`drop_unread` leaves out cases without a label."""
    answers = tuple(_answer(task.label_of(case), case, task.labels) for case in cases)
    asked = np.array([label.truth != "" for label in answers], dtype=bool)
    labels = (*task.labels, *sorted({a.truth for a in answers if a.truth} - set(task.labels)))
    truth = places_of([label.truth for label in answers], labels)
    predicted = places_of([label.predicted for label in answers], labels)
    silent = np.array([label.predicted == "" for label in answers], dtype=bool)
    counted = asked & ~(silent & drop_unread)
    confusion = confusion_of(truth[counted], predicted[counted], labels)
    return Scored(
        task=task,
        labels=labels,
        confusion=confusion,
        without_truth=int((~asked).sum()),
        unread=int((asked & (predicted == len(labels))).sum()),
        dropped=int((asked & ~counted).sum()),
        measures=_measures(task, confusion, _cells(truth, predicted, counted, len(labels))),
        answers=answers,
        counted=counted,
        read=~asked | (predicted < len(labels)),
    )


def _answer(label: Label, case: Case, labels: Sequence[str]) -> Label:
    if not case.readable:
        return Label(label.truth, "")
    return Label(label.truth, _spelled(label.predicted, labels))


def _spelled(written: str, labels: Sequence[str]) -> str:
    name = " ".join(written.split())
    return next((label for label in labels if label.casefold() == name.casefold()), name)


def _cells(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    counted: NDArray[np.bool_],
    size: int,
) -> Floats:
    """(cases, size * (size + 1)): a one in the cell of each case that counts."""
    cells = np.zeros((len(truth), size * (size + 1)))
    rows = np.flatnonzero(counted)
    cells[rows, truth[rows] * (size + 1) + predicted[rows]] = 1
    return cells


def _measures(task: Task, confusion: Confusion, cells: Floats) -> tuple[Measure, ...]:
    formulas = formulas_of(len(confusion.labels))
    return tuple(
        Measure(
            name=f"{task.name}.{figure}",
            title=f"{task.title}: {TITLES[figure]}",
            cells=cells,
            value=formulas[figure],
            n=confusion.n,
            setting=SETTINGS[figure],
            undefined_because="no case with a corpus label counts",
            exact=_exact(figure, confusion),
        )
        for figure in task.figures
    )


def formulas_of(size: int) -> dict[FigureName, Callable[[Floats], Floats]]:
    """Each takes (..., size * (size + 1)) counts."""

    def parts(sums: Floats) -> tuple[Floats, Floats, Floats]:
        """Right, true and predicted by label."""
        table = sums.reshape(*sums.shape[:-1], size, size + 1)
        named = table[..., :-1]
        return named.diagonal(axis1=-2, axis2=-1), table.sum(axis=-1), named.sum(axis=-2)

    def accuracy(sums: Floats) -> Floats:
        right, true, _ = parts(sums)
        return ratio(right.sum(axis=-1), true.sum(axis=-1))

    def weighted_f1(sums: Floats) -> Floats:
        right, true, predicted = parts(sums)
        return ratio((true * _f1(right, true, predicted)).sum(axis=-1), true.sum(axis=-1))

    def macro_f1(sums: Floats) -> Floats:
        right, true, predicted = parts(sums)
        occurs = true > 0
        f1 = np.where(occurs, _f1(right, true, predicted), 0)
        return ratio(f1.sum(axis=-1), occurs.sum(axis=-1).astype(np.float64))

    def uar(sums: Floats) -> Floats:
        right, true, _ = parts(sums)
        occurs = true > 0
        recalls = np.divide(right, true, out=np.zeros(right.shape), where=occurs)
        return ratio(recalls.sum(axis=-1), occurs.sum(axis=-1).astype(np.float64))

    return {
        "accuracy": accuracy,
        "weighted_f1": weighted_f1,
        "macro_f1": macro_f1,
        "uar": uar,
        "war": accuracy,
    }


def _f1(right: Floats, true: Floats, predicted: Floats) -> Floats:
    either = true + predicted
    return np.divide(2 * right, either, out=np.zeros(right.shape), where=either > 0)


def _exact(figure: FigureName, confusion: Confusion) -> float | None:
    """scikit-learn's value, from each cell once with its count as weight."""
    if confusion.n == 0:
        return None
    from sklearn import metrics

    truth, predicted = np.nonzero(confusion.counts)
    weights = confusion.counts[truth, predicted]
    occurring = np.flatnonzero(confusion.true)
    options = {"sample_weight": weights, "labels": occurring, "zero_division": 0}
    match figure:
        case "weighted_f1":
            value = metrics.f1_score(truth, predicted, average="weighted", **options)
        case "macro_f1":
            value = metrics.f1_score(truth, predicted, average="macro", **options)
        case "uar":
            value = metrics.recall_score(truth, predicted, average="macro", **options)
        case _:
            value = metrics.accuracy_score(truth, predicted, sample_weight=weights)
    return float(value)


def majority_counts(confusion: Confusion) -> tuple[str, NDArray[np.int64]]:
    """The most frequent corpus label, the first of several, and the matrix of always naming it."""
    counts = np.zeros_like(confusion.counts)
    true = confusion.true
    if not true.any():
        return "", counts
    most = int(true.argmax())
    counts[:, most] = true
    return confusion.labels[most], counts


def figures_of_counts(
    task: Task, labels: tuple[str, ...], counts: NDArray[np.int64]
) -> dict[FigureName, float | None]:
    confusion = Confusion(labels, counts)
    return {figure: _exact(figure, confusion) for figure in task.figures}
