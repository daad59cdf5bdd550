"""The labels by which answers are split on the models page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.selectors.study_arrays import PartData

LENGTH = "difference in length"
FEWEST = 2
"""Groups with answers below which a split says nothing."""


@dataclass(frozen=True)
class Split:
    name: str
    heading: str
    labels: NDArray[Any]
    """Per unit; "" where there is none."""


def splits(data: PartData) -> list[Split]:
    units = data.units
    found = [
        Split("emotion", "Client's emotion (corpus label, not a diagnosis)", units.emotion),
        Split("strategy", "Therapist's strategy in the corpus", units.strategy),
        Split("problem type", "Problem type", units.problem),
        Split("corpus", "Corpus", units.corpus),
    ]
    if data.pairwise:
        found.append(Split(LENGTH, "Which response is longer", longer(data)))
    return [split for split in found if len(set(split.labels.tolist()) - {""}) >= FEWEST]


def longer(data: PartData) -> NDArray[Any]:
    """Per item: thirds of the difference in characters, first run minus other run."""
    return thirds((data.units.length - data.units.other_length).astype(np.float64))


def longer_of_stimulus(data: PartData, one: int, two: int) -> Split:
    """Per unit, by its client turn: thirds of the difference in characters between two runs'
    responses; "" where one of them did not answer."""
    units = data.units
    of_run = [
        dict(zip(units.stimulus[units.run == run], units.length[units.run == run], strict=True))
        for run in (one, two)
    ]
    both = np.array([s in of_run[0] and s in of_run[1] for s in units.stimulus], dtype=bool)
    difference = [of_run[0][s] - of_run[1][s] for s in units.stimulus[both]]
    labels = np.full(len(units), "", dtype=object)
    labels[both] = thirds(np.array(difference, dtype=np.float64))
    return Split(LENGTH, "Which response is longer", labels)


def thirds(difference: NDArray[np.float64]) -> NDArray[Any]:
    low, high = np.quantile(difference, [1 / 3, 2 / 3]) if len(difference) else (0.0, 0.0)
    words = (
        f"first model shortest by comparison (up to {low:+.0f} characters)",
        f"about alike ({low:+.0f} to {high:+.0f} characters)",
        f"first model longest by comparison (from {high:+.0f} characters)",
    )
    place = (difference > low).astype(int) + (difference > high).astype(int)
    labels: NDArray[Any] = np.array(words, dtype=object)[place]
    return labels
