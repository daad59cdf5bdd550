"""Who was taken for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNREAD = "unread"
"""The column of answers that name no label of the set: unreadable, in error, or another word."""


@dataclass(frozen=True, eq=False)
class Confusion:
    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    """labels x (labels + 1): rows are corpus labels, columns predicted ones; the last is unread."""

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.labels), len(self.labels) + 1):
            raise ValueError(f"{self.counts.shape} counts for {len(self.labels)} labels")

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def right(self) -> NDArray[np.int64]:
        """By label."""
        return self.counts[:, :-1].diagonal()

    @property
    def true(self) -> NDArray[np.int64]:
        """How many clips have each corpus label."""
        totals: NDArray[np.int64] = self.counts.sum(axis=1)
        return totals

    @property
    def predicted(self) -> NDArray[np.int64]:
        """How often each label was predicted; unread answers are left out."""
        totals: NDArray[np.int64] = self.counts[:, :-1].sum(axis=0)
        return totals

    @property
    def unread(self) -> int:
        return int(self.counts[:, -1].sum())

    def as_dict(self) -> dict[str, object]:
        return {
            "rows": list(self.labels),
            "columns": [*self.labels, UNREAD],
            "counts": self.counts.tolist(),
        }


def places_of(values: Sequence[str | None], labels: Sequence[str]) -> NDArray[np.int64]:
    """Each value's place among the labels; len(labels) for what is not one of them."""
    place = {label: index for index, label in enumerate(labels)}
    return np.array([place.get(value or "", len(labels)) for value in values], dtype=np.int64)


def confusion_of(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]
) -> Confusion:
    """From places among the labels; a true label outside them is refused."""
    size = len(labels)
    if size and truth.size and truth.max() >= size:
        raise ValueError("A corpus label is missing from the labels.")
    cells = np.bincount(truth * (size + 1) + predicted, minlength=size * (size + 1))
    return Confusion(tuple(labels), cells.reshape(size, size + 1))
