"""UAR, WAR and the figures by class, from a confusion matrix.

An answer that cannot be read counts as wrong: it lowers the recall of its class. MultiMood's
published code leaves such answers out of its accuracy, which can only raise it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inference.recognition.confusion import Confusion
from inference.recognition.estimates import Estimate, mean_of, share

NOTHING = "no clip with a corpus label has been answered"


@dataclass(frozen=True)
class ClassScores:
    label: str
    n: int
    """Clips with this corpus label."""
    predicted: int
    recall: Estimate
    precision: Estimate
    f1: Estimate

    def as_dict(self) -> dict[str, object]:
        return {
            "label": self.label,
            "n": self.n,
            "predicted": self.predicted,
            "recall": self.recall.as_dict(),
            "precision": self.precision.as_dict(),
            "f1": self.f1.as_dict(),
        }


def war(confusion: Confusion) -> Estimate:
    """Weighted average recall, which is the accuracy."""
    return share(int(confusion.right.sum()), confusion.n, NOTHING)


def uar(confusion: Confusion) -> Estimate:
    """Unweighted average recall: over the classes that occur, each counting the same."""
    return mean_of([scores.recall for scores in class_scores(confusion)], NOTHING)


def macro_f1(confusion: Confusion) -> Estimate:
    """Over the classes that occur, like UAR; a label that is only predicted is no class here."""
    return mean_of([scores.f1 for scores in class_scores(confusion) if scores.n], NOTHING)


def class_scores(confusion: Confusion) -> list[ClassScores]:
    counts = (confusion.true.tolist(), confusion.predicted.tolist(), confusion.right.tolist())
    return [
        ClassScores(
            label=label,
            n=n,
            predicted=predicted,
            recall=share(right, n, "no clip has this label"),
            precision=share(right, predicted, "it was never predicted"),
            f1=share(2 * right, n + predicted, "it neither occurs nor was predicted"),
        )
        for label, n, predicted, right in zip(confusion.labels, *counts, strict=True)
    ]


def chance(confusion: Confusion, offered: Collection[str]) -> tuple[Estimate, Estimate]:
    """UAR and WAR to expect of somebody who names one of the offered labels blindly."""
    if not offered:
        return (Estimate(None, "no label was offered"),) * 2
    rows = list(zip(confusion.labels, confusion.true.tolist(), strict=True))
    occurring = [label for label, n in rows if n]
    reachable = sum(n for label, n in rows if label in offered)
    return (
        share(sum(label in offered for label in occurring), len(occurring) * len(offered), NOTHING),
        share(reachable, confusion.n * len(offered), NOTHING),
    )


def majority(confusion: Confusion) -> tuple[str, Estimate, Estimate]:
    """The most frequent label, and UAR and WAR of always naming it."""
    true = confusion.true.tolist()
    largest = max(true, default=0)
    if not largest:
        return "", Estimate(None, NOTHING), Estimate(None, NOTHING)
    return (
        confusion.labels[true.index(largest)],
        share(1, sum(n > 0 for n in true), NOTHING),
        share(largest, confusion.n, NOTHING),
    )
