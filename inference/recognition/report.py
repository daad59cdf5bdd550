"""All figures of one recognition run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.recognition.bootstrap import Bootstrapped, bootstrap
from inference.recognition.calibration import Calibration, calibration
from inference.recognition.confusion import Confusion, confusion_of, places_of
from inference.recognition.estimates import Estimate, mean_of, wilson
from inference.recognition.scores import (
    ClassScores,
    chance,
    class_scores,
    macro_f1,
    majority,
    uar,
    war,
)

ONE_FOLD = "a mean over folds needs clips of at least two folds"


@dataclass(frozen=True)
class Outcome:
    key: str
    truth: str
    """The corpus' label."""
    predicted: str | None
    """None: there is no answer, or no label could be read from it."""
    group: str = ""
    """Clips that belong together, such as those of one session; empty: on its own."""
    fold: str = ""
    confidence: float | None = None
    """Probability of the predicted label."""


@dataclass(frozen=True)
class Baseline:
    name: str
    uar: Estimate
    war: Estimate

    def as_dict(self) -> dict[str, object]:
        return {"name": self.name, "uar": self.uar.as_dict(), "war": self.war.as_dict()}


@dataclass(frozen=True)
class FoldScores:
    fold: str
    n: int
    uar: Estimate
    war: Estimate

    def as_dict(self) -> dict[str, object]:
        return {
            "fold": self.fold,
            "n": self.n,
            "uar": self.uar.as_dict(),
            "war": self.war.as_dict(),
        }


@dataclass(frozen=True)
class Recognition:
    n: int
    labels: tuple[str, ...]
    offered: tuple[str, ...]
    """What the model could choose among."""
    uar: Estimate
    war: Estimate
    war_by_group: Estimate
    """The same value as `war`; its interval resamples groups. Undefined where none has several."""
    macro_f1: Estimate
    classes: tuple[ClassScores, ...]
    confusion: Confusion
    baselines: tuple[Baseline, ...]
    folds: tuple[FoldScores, ...]
    mean_over_folds: FoldScores
    """DFEW's convention: the mean of the folds' figures, which is not the pooled one."""
    calibration: Calibration

    def as_dict(self) -> dict[str, object]:
        return {
            "n": self.n,
            "labels": list(self.labels),
            "offered": list(self.offered),
            "uar": self.uar.as_dict(),
            "war": self.war.as_dict(),
            "war_by_group": self.war_by_group.as_dict(),
            "macro_f1": self.macro_f1.as_dict(),
            "unread": self.confusion.unread,
            "classes": [scores.as_dict() for scores in self.classes],
            "confusion": self.confusion.as_dict(),
            "baselines": [baseline.as_dict() for baseline in self.baselines],
            "folds": [fold.as_dict() for fold in self.folds],
            "mean_over_folds": self.mean_over_folds.as_dict(),
            "calibration": self.calibration.as_dict(),
        }


def recognition(
    outcomes: Iterable[Outcome],
    offered: Sequence[str],
    *,
    group_unit: str = "session",
    seed: int = 0,
) -> Recognition:
    """The matrix' labels are the offered ones, then corpus labels that were not offered."""
    rows = list(outcomes)
    labels = tuple(dict.fromkeys([*offered, *sorted({row.truth for row in rows})]))
    truth = places_of([row.truth for row in rows], labels)
    predicted = places_of([row.predicted for row in rows], labels)
    right = truth == predicted
    confusion = confusion_of(truth, predicted, labels)
    spread = bootstrap(truth, right, _groups(rows), len(labels), unit=group_unit, seed=seed)
    folds = _folds([row.fold for row in rows], truth, predicted, labels)
    return Recognition(
        n=confusion.n,
        labels=labels,
        offered=tuple(offered),
        uar=uar(confusion).within(spread.uar, spread.no_interval_because),
        war=_war(confusion),
        war_by_group=_by_group(war(confusion), spread),
        macro_f1=macro_f1(confusion),
        classes=tuple(_with_interval(confusion)),
        confusion=confusion,
        baselines=_baselines(confusion, offered),
        folds=folds,
        mean_over_folds=_mean(folds),
        calibration=calibration(
            np.array([np.nan if r.confidence is None else r.confidence for r in rows], dtype=float),
            right,
        ),
    )


def _groups(rows: Sequence[Outcome]) -> NDArray[np.int64]:
    number: dict[str, int] = {}
    return np.array(
        [number.setdefault(row.group or f"\0{row.key}", len(number)) for row in rows],
        dtype=np.int64,
    )


def _war(confusion: Confusion) -> Estimate:
    return war(confusion).within(wilson(int(confusion.right.sum()), confusion.n))


def _by_group(value: Estimate, spread: Bootstrapped) -> Estimate:
    if not spread.clustered:
        return Estimate(None, "no group holds several clips")
    return value.within(spread.war, spread.no_interval_because)


def _with_interval(confusion: Confusion) -> Iterable[ClassScores]:
    for scores, right in zip(class_scores(confusion), confusion.right.tolist(), strict=True):
        yield replace(scores, recall=scores.recall.within(wilson(right, scores.n)))


def _baselines(confusion: Confusion, offered: Sequence[str]) -> tuple[Baseline, ...]:
    label, majority_uar, majority_war = majority(confusion)
    always = f"always “{label}”" if label else "always the most frequent label"
    return (
        Baseline("naming an offered label blindly", *chance(confusion, offered)),
        Baseline(always, majority_uar, majority_war),
    )


def _folds(
    folds: Sequence[str],
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    labels: Sequence[str],
) -> tuple[FoldScores, ...]:
    of_row = np.array(folds, dtype=str)
    found = []
    for fold in sorted(set(folds) - {""}):
        own = confusion_of(truth[of_row == fold], predicted[of_row == fold], labels)
        found.append(FoldScores(fold, own.n, uar(own), _war(own)))
    return tuple(found)


def _mean(folds: Sequence[FoldScores]) -> FoldScores:
    n = sum(fold.n for fold in folds)
    if len(folds) < 2:
        return FoldScores("mean over folds", n, *(Estimate(None, ONE_FOLD),) * 2)
    return FoldScores(
        "mean over folds",
        n,
        mean_of([fold.uar for fold in folds], ONE_FOLD),
        mean_of([fold.war for fold in folds], ONE_FOLD),
    )
