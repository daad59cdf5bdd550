"""Choices among several responses, and rankings of them, as what statistics take: one place here
decides what a tie is and which pairs a choice decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.comparisons import Comparisons, comparisons

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Votes:
    """One entry an answer to one question."""

    rater: Ids
    unit: Ids
    ranks: NDArray[np.float64]
    """answers x candidates: 1 the best; of the best of several 1 for it and 2 for all others; all 1
    in a tie; NaN where there is no candidate."""
    sources: NDArray[np.int64]
    """answers x candidates: place of the run among those named, -1 where there is none."""
    shown: NDArray[np.int64]
    """answers x candidates: at which place it was shown, from 0."""

    def __len__(self) -> int:
        return len(self.rater)

    @property
    def there(self) -> NDArray[np.bool_]:
        return self.sources >= 0

    @property
    def best(self) -> Ids:
        """Column of the one that stands first alone; -1 in a tie."""
        ranks = np.where(np.isnan(self.ranks), np.inf, self.ranks)
        first = ranks == ranks.min(axis=1, keepdims=True, initial=np.inf)
        return np.where(first.sum(axis=1) == 1, first.argmax(axis=1), -1)

    @property
    def tied(self) -> NDArray[np.bool_]:
        """Whether two candidates share a rank although the answer orders all of them."""
        found = np.zeros(len(self), dtype=bool)
        for one, two in combinations(range(self.ranks.shape[1]), 2):
            found |= self.ranks[:, one] == self.ranks[:, two]
        return found

    def kept(self, which: NDArray[np.bool_]) -> Votes:
        return Votes(
            self.rater[which],
            self.unit[which],
            self.ranks[which],
            self.sources[which],
            self.shown[which],
        )


def votes_of(data: PartData, answers: Answers, runs: Iterable[int] | None = None) -> Votes:
    """Of the best of several, or of rankings. runs: in whose order sources are counted; without
    them, as in `PartData.sources`."""
    named = _sources(data, data.sources if runs is None else runs)
    if answers.ballots is not None:
        rater, unit, ranks = answers.ballots.rater, answers.ballots.unit, answers.ballots.ranks
    else:
        raters, units = np.nonzero(~np.isnan(answers.values))
        rater, unit = raters.astype(np.int64), units.astype(np.int64)
        own = _sources(data, data.sources)[unit]
        ranks = _ranks_of_best(answers.values[rater, unit], own, len(data.sources))
    shown = data.shown[rater, unit].astype(np.int64)
    return Votes(rater, unit, ranks, named[unit], shown)


def _ranks_of_best(values: NDArray[np.float64], sources: Ids, tie: int) -> NDArray[np.float64]:
    chosen = sources == values[:, None]
    ranks = np.where(chosen | (values == tie)[:, None], 1.0, 2.0)
    return np.where(sources >= 0, ranks, np.nan)


def _sources(data: PartData, runs: Iterable[int]) -> Ids:
    """units x candidates: place of the run among `runs`, -1 where there is no candidate."""
    places = {run: place for place, run in enumerate(runs)}
    shown = data.units.runs
    flat = [places.get(run, -1) for run in shown.ravel().tolist()]
    return np.array(flat, dtype=np.int64).reshape(shown.shape)


def pairs_of(
    data: PartData, votes: Votes, settings: AnalysisSettings
) -> tuple[Comparisons, NDArray[np.intp]]:
    """Every pair of candidates that an answer decides or ties; the losers among several say nothing
    of each other. The pairs of one answer depend on each other: intervals of two models use one of
    them, and rankings resample whole clusters. Also gives the unit of each pair."""
    ranked = data.part.design == data.part.Design.RANKING
    whole_tie = votes.best < 0
    first, second, outcome, at = [], [], [], []
    for one, two in combinations(range(votes.ranks.shape[1]), 2):
        difference = votes.ranks[:, one] - votes.ranks[:, two]
        said = ~np.isnan(difference)
        if not ranked:
            said &= (difference != 0) | whole_tie
        own = np.flatnonzero(said)
        first.append(votes.sources[own, one])
        second.append(votes.sources[own, two])
        outcome.append(np.sign(difference[own]).astype(np.int64))
        at.append(own)
    rows = np.concatenate(at) if at else np.zeros(0, dtype=np.int64)
    clusters = clusters_of(data, settings)
    made = comparisons(
        _joined(first),
        _joined(second),
        _joined(outcome),
        models=tuple(settings.models.values()),
        stimuli=clusters[votes.unit[rows]],
        raters=votes.rater[rows],
        ballots=rows,
    )
    return made, votes.unit[rows].astype(np.intp)


def _joined(parts: list[Ids]) -> Ids:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def places_chosen(votes: Votes, width: int) -> Ids:
    """raters' answers -> how often the response shown at each place stood first alone."""
    best = votes.best
    decided = np.flatnonzero(best >= 0)
    shown = votes.shown[decided, best[decided]]
    return np.bincount(shown[shown >= 0], minlength=width)
