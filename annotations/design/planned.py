"""A whole design before launch, and what the report on it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any, Literal

from annotations.design.items import DesignItem
from annotations.design.sequence import Planned

PartDesign = Literal["absolute", "pairwise", "best_of_n", "ranking"]


@dataclass(frozen=True, kw_only=True)
class PlannedPart:
    name: str
    design: PartDesign
    items: Sequence[DesignItem]
    criteria: Sequence[str]
    seconds_per_item: float
    """Of one item with all its criteria."""
    scale: tuple[float, float] | None = None
    """Lowest and highest answer in steps of 1; None where ordinal alpha makes no sense."""
    ties: bool = False
    reference_items: Sequence[int] = ()
    """Keys of the reference panel's items that may stand in `work`."""


@dataclass(frozen=True, kw_only=True)
class PlannedDesign:
    parts: Sequence[PlannedPart]
    work: Mapping[int, Sequence[Planned]]
    """Rater -> all that he gets, in order."""
    shown: Mapping[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    """(rater, key) -> sources in the order shown; needed for items of two or more."""
    block_size: int = 20
    source_names: Mapping[int, str] = field(default_factory=dict)
    rater_names: Mapping[int, str] = field(default_factory=dict)

    def source_name(self, source: int) -> str:
        return self.source_names.get(source, f"model {source}")

    def rater_name(self, rater: int) -> str:
        return self.rater_names.get(rater, f"rater {rater}")

    def independent(self) -> dict[int, list[int]]:
        return {
            rater: [entry.key for entry in entries if entry.role == "independent"]
            for rater, entries in self.work.items()
        }


@dataclass(frozen=True)
class Cells:
    """How many ratings there are for each thing of a kind."""

    cells: int
    least: int
    most: int
    mean: float


@dataclass(frozen=True)
class SourceRow:
    source: int
    name: str
    ratings: int
    places: tuple[int, ...]
    """How often it is shown as A, B, C ...; empty where one response is shown at a time."""


@dataclass(frozen=True)
class PairRow:
    one: int
    other: int
    names: tuple[str, str]
    ratings: int
    """Answers in which both are shown; of single responses, how often one rater judges both for
    one client turn."""
    one_first: int
    other_first: int


@dataclass(frozen=True)
class ExpectedInterval:
    statistic: Literal["alpha_ordinal", "win_rate"]
    between: tuple[str, str] | None
    items: int
    answers: int
    width: float | None
    """Of the 95 % interval; None where it would mostly be undefined."""
    note: str


@dataclass(frozen=True)
class PartReport:
    name: str
    design: PartDesign
    cells: Mapping[str, Cells]
    """By item, source, source pair, rater and criterion."""
    sources: tuple[SourceRow, ...]
    pairs: tuple[PairRow, ...]
    within_rater_pairs: int
    intervals: tuple[ExpectedInterval, ...] = ()


@dataclass(frozen=True)
class RaterRow:
    rater: int
    name: str
    items: int
    """Independent ones."""
    repeats: int
    references: int
    hours: float
    blocks: tuple[int, ...]
    """Items in each."""


@dataclass(frozen=True)
class RaterOverlap:
    """Items shared by two raters, over all pairs of raters with work."""

    pairs: int
    least: int
    most: int
    mean: float
    groups: tuple[tuple[int, ...], ...]
    """Raters linked by shared items; more than one group cannot be compared with each other."""


@dataclass(frozen=True)
class DesignReport:
    parts: tuple[PartReport, ...]
    raters: tuple[RaterRow, ...]
    overlap: RaterOverlap
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def cells_of(counts: Iterable[int]) -> Cells:
    numbers = list(counts)
    if not numbers:
        return Cells(0, 0, 0, 0.0)
    return Cells(len(numbers), min(numbers), max(numbers), fmean(numbers))
