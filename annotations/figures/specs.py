"""What a picture shows, as plain values that can be stored and drawn later.

None stands for "undefined"; a NaN is refused at once, so that none can reach a page or a paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from annotations.figures.plain import Cell, FigureError, check_plain, from_plain, is_slug, to_plain

Row = tuple[Cell, ...]
Table = tuple[tuple[str, ...], tuple[Row, ...]]


@dataclass(frozen=True, kw_only=True)
class FigureSpec:
    kind: ClassVar[str]

    key: str
    """A slug, unique on its page; names of files and ids begin with it."""
    title: str
    description: str
    """What the picture shows, with the main figures in words, for those who do not see it."""
    caption: str
    """Method, n, interval and seed."""
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    """The data table; left empty, it holds what is drawn."""

    def __post_init__(self) -> None:
        if not is_slug(self.key):
            raise FigureError(f"{self.key!r} is not a key: small letters, digits and hyphens only.")
        for field in fields(self):
            check_plain(getattr(self, field.name), f"{self.key}: {field.name}")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise FigureError(f"{self.key}: a row of the table has not one value per column.")
        self.check()

    def check(self) -> None:
        """Raises FigureError where parts do not belong together."""

    @property
    def table(self) -> Table:
        return (self.columns, self.rows) if self.columns else self.drawn_table()

    def drawn_table(self) -> Table:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **to_plain(self)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> FigureSpec:
        """Raises FigureError for a kind that is not known."""
        if data.get("kind") not in KINDS:
            raise FigureError(f"{data.get('kind')!r} is not a kind of figure.")
        values = {name: value for name, value in data.items() if name != "kind"}
        return from_plain(KINDS[data["kind"]], values)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A value with its interval, and optionally a second one that is drawn hollow below it."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    second_value: float | None = None
    second_low: float | None = None
    second_high: float | None = None
    note: str = ""
    """Printed at the right, for example "rank 1 (1-2)"."""

    def __post_init__(self) -> None:
        for value, low, high in (
            (self.value, self.low, self.high),
            (self.second_value, self.second_low, self.second_high),
        ):
            if (low is None) != (high is None) or (value is None and low is not None):
                raise FigureError(f"{self.label}: an interval has two ends around a value.")


def _mark_table(marks: tuple[Mark, ...], measure: str, second: str) -> Table:
    columns: tuple[str, ...] = ("name", measure, "low", "high")
    if second:
        columns += (second, f"{second} low", f"{second} high")
    noted = any(mark.note for mark in marks)
    rows: list[Row] = []
    for mark in marks:
        row: Row = (mark.label, mark.value, mark.low, mark.high)
        if second:
            row += (mark.second_value, mark.second_low, mark.second_high)
        rows.append((*row, mark.note) if noted else row)
    return ((*columns, "note") if noted else columns), tuple(rows)


@dataclass(frozen=True, kw_only=True)
class Forest(FigureSpec):
    """Agreement per criterion, means per model, contrasts, Bradley-Terry: one row a value."""

    kind: ClassVar[str] = "forest"
    marks: tuple[Mark, ...]
    x_label: str
    measure: str = "value"
    second_measure: str = ""
    """The name of the hollow marks; empty: there are none."""
    reference: float | None = None
    digits: int = 2

    def drawn_table(self) -> Table:
        return _mark_table(self.marks, self.measure, self.second_measure)


@dataclass(frozen=True, kw_only=True)
class Caterpillar(FigureSpec):
    """Severity per rater, drawn in order of the value, with a line at zero."""

    kind: ClassVar[str] = "caterpillar"
    marks: tuple[Mark, ...]
    x_label: str
    measure: str = "severity"
    low_end: str = "more lenient"
    high_end: str = "more severe"
    digits: int = 2

    def drawn_table(self) -> Table:
        return _mark_table(self.marks, self.measure, "")


@dataclass(frozen=True, kw_only=True)
class Influence(FigureSpec):
    """Agreement without each rater in turn, beside agreement of all."""

    kind: ClassVar[str] = "influence"
    marks: tuple[Mark, ...]
    x_label: str
    full: Mark
    measure: str = "value"
    digits: int = 2

    def drawn_table(self) -> Table:
        return _mark_table((self.full, *self.marks), self.measure, "")


@dataclass(frozen=True, kw_only=True)
class HeatMap(FigureSpec):
    """A matrix of agreement or correlation. None with a count: too few; None alone: left blank."""

    kind: ClassVar[str] = "heatmap"
    measure: str
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    counts: tuple[tuple[int | None, ...], ...] = ()
    low: float = 0.0
    high: float = 1.0
    """Ends of the ramp, which reaches further where a value does."""

    def check(self) -> None:
        for cells in (self.values, self.counts) if self.counts else (self.values,):
            _check_matrix(self.key, cells, len(self.row_labels), len(self.column_labels))

    def drawn_table(self) -> Table:
        rows: list[Row] = []
        for i, row in enumerate(self.row_labels):
            for j, column in enumerate(self.column_labels):
                n = self.counts[i][j] if self.counts else None
                if self.values[i][j] is not None or n is not None:
                    rows.append((row, column, self.values[i][j], n)[: 4 if self.counts else 3])
        return ("row", "column", self.measure, "n")[: 4 if self.counts else 3], tuple(rows)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Row minus column."""

    value: float | None
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True, kw_only=True)
class GapMatrix(FigureSpec):
    """Differences between all models. None: left blank; a gap without a value: undefined."""

    kind: ClassVar[str] = "gaps"
    measure: str
    labels: tuple[str, ...]
    gaps: tuple[tuple[Gap | None, ...], ...]
    level: float = 0.05
    """Gaps with a smaller p are printed bold."""
    digits: int = 2

    def check(self) -> None:
        _check_matrix(self.key, self.gaps, len(self.labels), len(self.labels))

    def drawn_table(self) -> Table:
        rows = [
            (row, column, gap.value, gap.low, gap.high, gap.p_holm)
            for row, gaps in zip(self.labels, self.gaps, strict=True)
            for column, gap in zip(self.labels, gaps, strict=True)
            if gap is not None
        ]
        return ("row", "column", self.measure, "low", "high", "p (Holm)"), tuple(rows)


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    counts: tuple[int, ...]
    """One per category."""


@dataclass(frozen=True, kw_only=True)
class StackedBars(FigureSpec):
    """How each rater or model spreads over the ordered categories, as shares of its ratings."""

    kind: ClassVar[str] = "stacked"
    category_name: str
    categories: tuple[str, ...]
    bars: tuple[Bar, ...]

    def check(self) -> None:
        _check_matrix(
            self.key, tuple(b.counts for b in self.bars), len(self.bars), len(self.categories)
        )

    def drawn_table(self) -> Table:
        named = tuple(f"{self.category_name} {category}" for category in self.categories)
        return ("name", *named), tuple((bar.label, *bar.counts) for bar in self.bars)


@dataclass(frozen=True, kw_only=True)
class Bars(FigureSpec):
    """How often each score was given."""

    kind: ClassVar[str] = "bars"
    x_label: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    y_label: str = "ratings"

    def check(self) -> None:
        _check_matrix(self.key, (self.counts,), 1, len(self.labels))

    def drawn_table(self) -> Table:
        return (self.x_label, self.y_label), tuple(zip(self.labels, self.counts, strict=True))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Wins are the first one's, losses the second one's wins."""

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    note: str = ""
    """Printed at the right, for example the win rate with its interval."""


@dataclass(frozen=True, kw_only=True)
class WinTieLoss(FigureSpec):
    kind: ClassVar[str] = "wins"
    pairs: tuple[Pair, ...]
    note_label: str = ""

    def drawn_table(self) -> Table:
        rows = [(p.first, p.second, p.wins, p.ties, p.losses, p.note) for p in self.pairs]
        return ("first", "second", "wins", "ties", "losses", self.note_label or "note"), tuple(rows)


@dataclass(frozen=True, kw_only=True)
class Series:
    label: str
    points: tuple[tuple[float, float | None], ...]
    """x and y in order of x; the line breaks where y is None."""


@dataclass(frozen=True, kw_only=True)
class Lines(FigureSpec):
    """Drift of raters, interval width by number of items: lines labelled at their ends."""

    kind: ClassVar[str] = "lines"
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    """Ticks then stand at the x values themselves."""
    reference: float | None = None

    def check(self) -> None:
        if self.log_x and any(x <= 0 for series in self.series for x, _ in series.points):
            raise FigureError(f"{self.key}: a logarithmic axis begins above 0.")

    def drawn_table(self) -> Table:
        rows = [(series.label, x, y) for series in self.series for x, y in series.points]
        return ("name", self.x_label, self.y_label), tuple(rows)


@dataclass(frozen=True, kw_only=True)
class BlandAltman(FigureSpec):
    """Difference against mean, with the bias and the limits of agreement.

    Bland & Altman (1986), Statistical methods for assessing agreement between two methods of
    clinical measurement, Lancet 327, 307-310.
    """

    kind: ClassVar[str] = "bland-altman"
    x_label: str
    y_label: str
    points: tuple[tuple[float, float], ...]
    """Mean and difference of each item."""
    bias: Mark
    lower_limit: Mark
    upper_limit: Mark

    def drawn_table(self) -> Table:
        return (self.x_label, self.y_label), self.points


KINDS: dict[str, type[FigureSpec]] = {
    spec.kind: spec
    for spec in (
        *(Forest, Caterpillar, Influence, HeatMap, GapMatrix, StackedBars, Bars, WinTieLoss),
        *(Lines, BlandAltman),
    )
}


def _check_matrix(key: str, cells: tuple[tuple[Any, ...], ...], rows: int, columns: int) -> None:
    if len(cells) != rows or any(len(row) != columns for row in cells):
        raise FigureError(f"{key}: the values are not {rows} x {columns}, as the labels say.")
