"""How a study's figures are computed, as its analysis plan says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from annotations.figures.specs import FigureSpec
    from annotations.selectors.study_arrays import Answers, CriterionInfo, PartData
    from annotations.statistics.ratings import Ratings

CLUSTER_WORDS = {"session": "session", "dialogue": "dialogue", "stimulus": "client turn"}


@dataclass(frozen=True)
class AnalysisSettings:
    models: Mapping[int, str] = field(default_factory=dict)
    """Generation run -> the name shown for it, in the study's order."""
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0
    cluster: str = "session"
    new_raters: bool = True
    """Whether the claims are to hold for new raters, too."""
    primary: frozenset[str] = frozenset()
    """Criteria as "part/slug" that the frozen plan names."""
    contrasts: tuple[tuple[int, int], ...] = ()
    """Pairs of runs; empty: every pair."""
    planned: bool = False
    first_version: bool = False
    """Of an answer that was changed after it was submitted, the one first submitted counts."""

    @property
    def population(self) -> str:
        return "new client turns and new raters" if self.new_raters else "new client turns"

    @property
    def cluster_word(self) -> str:
        return CLUSTER_WORDS[self.cluster]

    @property
    def percent(self) -> str:
        return f"{100 * self.confidence:g} %"

    @property
    def version_words(self) -> str:
        which = "the one first submitted" if self.first_version else "the last one"
        return f"Of an answer that a rater changed after submitting it, {which} counts."

    def is_primary(self, part: str, slug: str) -> bool:
        return f"{part}/{slug}" in self.primary


@dataclass(frozen=True)
class Section:
    """What one page shows of one part."""

    results: dict[str, Any]
    figures: Mapping[str, FigureSpec] = field(default_factory=dict)
    """By the name under which the page asks for it; "bars:empathy" belongs to a criterion."""


def clusters_of(data: PartData, settings: AnalysisSettings) -> NDArray[np.int64]:
    """Per unit: what is resampled together."""
    groups: NDArray[np.int64] = getattr(data.units, settings.cluster)
    return groups


def ratings_of(data: PartData, answers: Answers, settings: AnalysisSettings) -> Ratings:
    """Of rankings every response is an item, rated by its rank; of all else the unit is one."""
    from annotations.statistics.ratings import ratings

    if answers.ballots is not None:
        return _ranks(data, answers, settings)
    return ratings(
        coded(answers.criterion, answers.values),
        scale=coded_scale(answers.criterion),
        raters=data.raters,
        items=tuple(map(str, data.units.pk.tolist())),
        clusters=clusters_of(data, settings),
    )


def coded(criterion: CriterionInfo, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Options count by their place where their values are no neighbouring numbers."""
    known = _gapped(criterion)
    if known is None:
        return values
    return np.where(np.isnan(values), np.nan, np.searchsorted(known, values))


def coded_scale(criterion: CriterionInfo) -> tuple[float, float]:
    known = _gapped(criterion)
    low, high = criterion.scale if known is None else (0, len(known) - 1)
    return low, max(low + 1, high)


def _gapped(criterion: CriterionInfo) -> NDArray[np.int64] | None:
    """Values of the options in ascending order, if there are gaps between them."""
    known = np.array(sorted(value for value, _ in criterion.labels), dtype=np.int64)
    return known if len(known) and (np.diff(known) != 1).any() else None


def _ranks(data: PartData, answers: Answers, settings: AnalysisSettings) -> Ratings:
    from annotations.statistics.ratings import ratings

    ballots, units = answers.ballots, data.units
    assert ballots is not None  # noqa: S101
    width = units.candidates.shape[1]
    table = np.full((len(data.raters), len(units), width), np.nan)
    table[ballots.rater, ballots.unit] = ballots.ranks
    there = units.candidates.ravel() > 0
    names = np.array([f"{pk}" for pk in units.candidates.ravel().tolist()], dtype=object)
    return ratings(
        table.reshape(len(data.raters), len(units) * width)[:, there],
        scale=(1, max(2, width)),
        raters=data.raters,
        items=tuple(names[there].tolist()),
        clusters=np.repeat(clusters_of(data, settings), width)[there],
    )
