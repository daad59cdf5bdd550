"""The table every preference statistic takes: one row a comparison, checked once at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Cluster = Literal["stimulus", "rater", "ballot", "comparison"]
Ids = NDArray[np.int64]


class ComparisonsError(ValueError):
    """The comparisons cannot be what they claim to be; the message says why."""


@dataclass(frozen=True, eq=False)
class Comparisons:
    first: Ids
    """Index into `models`."""
    second: Ids
    outcome: Ids
    """-1 where the first model won, 0 for a tie, 1 where the second won."""
    models: tuple[str, ...]
    stimuli: Ids | None
    raters: Ids | None
    ballots: Ids | None
    """Pairs taken from one ranking, or from one best-of-n, are one ballot."""
    first_shown: NDArray[np.bool_] | None
    """Whether the first model stood on side A."""

    def __len__(self) -> int:
        return len(self.outcome)

    def clusters(self, by: Cluster) -> Ids:
        """Per comparison, what it is resampled with. Raises ComparisonsError if it is not known."""
        if by == "comparison":
            return np.arange(len(self), dtype=np.int64)
        found = {"stimulus": self.stimuli, "rater": self.raters, "ballot": self.ballots}[by]
        if found is None:
            raise ComparisonsError(f"The comparisons do not say which {by} each belongs to.")
        return found

    def counts(self) -> dict[str, Any]:
        """n_items (stimuli), n_raters and n_ratings (answers) for an Estimate."""
        return {
            "n_items": 0 if self.stimuli is None else len(np.unique(self.stimuli)),
            "n_raters": 0 if self.raters is None else len(np.unique(self.raters)),
            "n_ratings": len(self),
        }

    def where(self, kept: NDArray[np.bool_]) -> Comparisons:
        return Comparisons(
            self.first[kept],
            self.second[kept],
            self.outcome[kept],
            self.models,
            None if self.stimuli is None else self.stimuli[kept],
            None if self.raters is None else self.raters[kept],
            None if self.ballots is None else self.ballots[kept],
            None if self.first_shown is None else self.first_shown[kept],
        )


def comparisons(
    first: ArrayLike,
    second: ArrayLike,
    outcome: ArrayLike,
    *,
    models: Sequence[str],
    stimuli: ArrayLike | None = None,
    raters: ArrayLike | None = None,
    ballots: ArrayLike | None = None,
    first_shown: ArrayLike | None = None,
) -> Comparisons:
    """first, second: indices into `models`; outcome: below 0 for the first, 0 a tie, above for the
    second, from -2 to 2, of which the sign is kept. The others have one entry a comparison.

    Raises ComparisonsError for words, missing answers, unknown models, a model against itself.
    """
    names = tuple(models)
    if len(set(names)) != len(names):
        raise ComparisonsError("Two models have the same name.")
    answers = _whole(outcome, "outcome")
    if answers.size and np.abs(answers).max() > 2:
        raise ComparisonsError("An outcome lies between -2 (first much better) and 2.")
    one = _model_indices(first, "first", len(answers), names)
    two = _model_indices(second, "second", len(answers), names)
    same = np.flatnonzero(one == two)
    if same.size:
        raise ComparisonsError(
            f"Comparison {same[0] + 1} sets {names[one[same[0]]]} against itself."
        )
    return Comparisons(
        one,
        two,
        np.sign(answers),
        names,
        ids(stimuli, "stimulus", len(answers)),
        ids(raters, "rater", len(answers)),
        ids(ballots, "ballot", len(answers)),
        _sides(first_shown, len(answers)),
    )


def ids(given: ArrayLike | None, word: str, count: int) -> Ids | None:
    """0 ... k-1 for whatever names were given."""
    if given is None:
        return None
    array = np.asarray(given)
    if array.shape != (count,):
        raise ComparisonsError(f"One {word} each for {count}, not {array.size}.")
    # Only NaN differs from itself.
    if array.dtype.kind in "fO" and any(
        entry is None or entry != entry for entry in array.tolist()
    ):
        raise ComparisonsError(f"A comparison without a {word}: leave it out or name it.")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def _whole(given: ArrayLike, word: str) -> Ids:
    array = np.asarray(given)
    if array.ndim != 1:
        raise ComparisonsError(f"`{word}` is one row of numbers, not {array.ndim} axes.")
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.dtype == object and any(entry is None for entry in array):
        raise ComparisonsError(f"A missing {word}: leave comparisons without an answer out.")
    if array.dtype.kind not in "iuf":
        raise ComparisonsError(f"`{word}` holds whole numbers, not {array.dtype}.")
    if array.dtype.kind == "f":
        if np.isnan(array).any():
            raise ComparisonsError(f"A missing {word}: leave comparisons without an answer out.")
        if np.isinf(array).any() or (array != np.round(array)).any():
            raise ComparisonsError(f"`{word}` holds whole numbers only.")
    return array.astype(np.int64)


def _model_indices(given: ArrayLike, word: str, count: int, names: tuple[str, ...]) -> Ids:
    array = _whole(given, word)
    if len(array) != count:
        raise ComparisonsError(f"`{word}` has {len(array)} entries for {count} outcomes.")
    unknown = array[(array < 0) | (array >= len(names))]
    if unknown.size:
        raise ComparisonsError(f"There is no model {unknown[0]}: {len(names)} models are named.")
    return array


def _sides(given: ArrayLike | None, count: int) -> NDArray[np.bool_] | None:
    if given is None:
        return None
    array = np.asarray(given)
    if array.shape != (count,) or (count and array.dtype != np.bool_):
        raise ComparisonsError("`first_shown` says true or false for every comparison.")
    return array.astype(np.bool_)
