"""Long ratings of models, checked once, and what they add up to per stimulus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotations.statistics.clustered import encoded
from annotations.statistics.ratings import RatingsError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Ratings on one criterion, one entry a rating; none is missing."""

    values: Array
    model: NDArray[Any]
    """As given: names or numbers."""
    stimulus: Codes
    rater: Codes
    cluster: Codes
    """Of the stimulus: what it is resampled with."""
    cluster_names: NDArray[Any]
    stimuli_stand_alone: bool
    """Whether each stimulus is its own cluster."""

    def of(self, kept: NDArray[np.bool_]) -> Scores:
        return Scores(
            self.values[kept],
            self.model[kept],
            self.stimulus[kept],
            self.rater[kept],
            self.cluster[kept],
            self.cluster_names,
            self.stimuli_stand_alone,
        )

    def counts(self) -> dict[str, Any]:
        """n_items (stimuli), n_pairable, n_raters, n_ratings for an Estimate."""
        per_stimulus = np.bincount(self.stimulus)
        return {
            "n_items": int((per_stimulus > 0).sum()),
            "n_pairable": int((per_stimulus > 1).sum()),
            "n_raters": int((np.bincount(self.rater) > 0).sum()),
            "n_ratings": len(self.values),
        }

    @property
    def units(self) -> str:
        return "stimuli" if self.stimuli_stand_alone else "clusters of stimuli"


def scores(
    values: ArrayLike,
    model: ArrayLike,
    stimulus: ArrayLike,
    rater: ArrayLike,
    cluster: ArrayLike | None = None,
) -> Scores:
    """One entry a rating; NaN where there is none. cluster: of the stimulus (session, dialogue).

    Raises RatingsError for words, for columns of different lengths, and for a stimulus that lies in
    two clusters. Whole numbers as names of stimuli, raters and clusters are fastest.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "iuf":
        raise RatingsError("Scores are numbers, with NaN where there is none.")
    columns = [np.asarray(part) for part in (model, stimulus, rater)]
    columns.append(columns[1] if cluster is None else np.asarray(cluster))
    if given.ndim != 1 or any(part.shape != given.shape for part in columns):
        raise RatingsError("Scores, models, stimuli, raters and clusters are one entry a rating.")
    numbers = given.astype(np.float64)
    if np.isinf(numbers).any():
        raise RatingsError("A score is infinite.")
    kept = ~np.isnan(numbers)
    models, stimuli, raters, clusters = (part[kept] for part in columns)
    cluster_names, cluster_codes = encoded(clusters)
    stimulus_codes = encoded(stimuli)[1]
    _check_nested(stimulus_codes, cluster_codes)
    return Scores(
        numbers[kept],
        models,
        stimulus_codes,
        encoded(raters)[1],
        cluster_codes,
        cluster_names,
        cluster is None,
    )


def stimulus_means(
    table: Scores, chosen: NDArray[np.bool_], stimuli: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Per stimulus the mean of the ratings chosen, and where there is one (0 elsewhere)."""
    codes = table.stimulus[chosen]
    sums = np.bincount(codes, weights=table.values[chosen], minlength=stimuli)
    times = np.bincount(codes, minlength=stimuli)
    return sums / np.maximum(times, 1), times > 0


def cluster_of_stimulus(table: Scores) -> Codes:
    clusters = np.zeros(int(table.stimulus.max(initial=-1)) + 1, dtype=np.int64)
    clusters[table.stimulus] = table.cluster
    return clusters


def _check_nested(stimulus: Codes, cluster: Codes) -> None:
    if stimulus.size == 0:
        return
    of_stimulus = np.zeros(int(stimulus.max()) + 1, dtype=np.int64)
    of_stimulus[stimulus] = cluster
    if (of_stimulus[stimulus] != cluster).any():
        raise RatingsError("A stimulus lies in two clusters.")
