"""Rater x rater, criterion x criterion, model x model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from annotations.figures.canvas import (
    EDGE,
    GAP,
    WIDTH,
    box,
    boxes,
    panel,
    sheet,
    shorten,
    text_width,
    widest,
    write,
)
from annotations.figures.specs import Gap, GapMatrix, HeatMap
from annotations.figures.style import (
    INK_SOFT,
    LINE,
    LINE_STRONG,
    PAPER,
    SMALL,
    interval_text,
    number,
    p_text,
    ramp,
    text_on,
)

LARGEST_CELL = 150.0
TALLEST_CELL = 44.0
LINE_HEIGHT = 14.5
LEGEND = 66.0
FIGURES = 11.0
"""The size of the figures in the cells."""
HATCHED = "////"


@dataclass(frozen=True)
class Cell:
    """Nothing at all: left blank, and a row or column of such cells is left out."""

    lines: tuple[str, ...] = ()
    brief: str = ""
    """Instead of the first line where the cells are narrow."""
    colour: str = PAPER
    hatched: bool = False
    bold: bool = False

    @property
    def blank(self) -> bool:
        return not self.lines


@dataclass(frozen=True)
class _Grid:
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    """What is drawn, with the lines that there is room for."""
    whole: bool
    """Whether that is all of the lines."""
    left: float
    top: float
    width: float
    height: float
    """Of one cell."""
    upright: bool
    """Whether the names above the columns are turned."""

    @property
    def bottom(self) -> float:
        return self.top + self.height * len(self.rows)

    @property
    def depth(self) -> int:
        return max((len(cell.lines) for row in self.cells for cell in row), default=0)

    @property
    def hatched(self) -> bool:
        return any(cell.hatched for row in self.cells for cell in row)


def draw_heat_map(spec: HeatMap) -> Figure:
    known = [value for row in spec.values for value in row if value is not None]
    low, high = min([spec.low, *known]), max([spec.high, *known])
    counts = spec.counts or tuple((None,) * len(row) for row in spec.values)
    cells = [
        [_heat_cell(value, n, (low, high)) for value, n in zip(*rows, strict=True)]
        for rows in zip(spec.values, counts, strict=True)
    ]
    figure, grid = _draw_grid(spec.row_labels, spec.column_labels, cells)
    words = ["second line: n"] if spec.counts and grid.depth > 1 else []
    words += ["hatched: too few in common"] if grid.hatched else []
    _draw_ramp(figure, grid, spec.measure, (low, high), ramp, words)
    return figure


def _heat_cell(value: float | None, n: int | None, ends: tuple[float, float]) -> Cell:
    count = () if n is None else (f"{n:,}",)
    if value is None:
        return Cell() if n is None else Cell((f"n = {n}",), hatched=True)
    share = (value - ends[0]) / ((ends[1] - ends[0]) or 1.0)
    return Cell((_without_zero(value), *count), colour=ramp(share))


def _without_zero(value: float, digits: int = 2) -> str:
    """As a coefficient is written that cannot pass 1: ".62", "1.00"."""
    text = number(value, digits)
    return text.replace("0.", ".", 1) if text.lstrip("\u2212").startswith("0.") else text


def draw_gap_matrix(spec: GapMatrix) -> Figure:
    known = [abs(gap.value) for row in spec.gaps for gap in row if gap and gap.value is not None]
    largest = max(known, default=0.0) or 1.0
    cells = [[_gap_cell(spec, gap, largest) for gap in row] for row in spec.gaps]
    figure, grid = _draw_grid(spec.labels, spec.labels, cells)
    words = ["row minus column", f"bold: p (Holm) < {spec.level:g}".replace("0.", ".")]
    words += ["hatched: undefined"] if grid.hatched else []
    _draw_ramp(figure, grid, f"size of {spec.measure}", (0.0, largest), _pale, words)
    return figure


def _gap_cell(spec: GapMatrix, gap: Gap | None, largest: float) -> Cell:
    if gap is None:
        return Cell()
    if gap.value is None:
        return Cell(("undefined",), hatched=True)
    lines = [number(gap.value, spec.digits)]
    if gap.low is not None and gap.high is not None:
        lines.append(interval_text(gap.value, gap.low, gap.high, spec.digits).split(" ", 1)[1])
    if gap.p_holm is not None:
        lines.append(p_text(gap.p_holm))
    bold = gap.p_holm is not None and gap.p_holm < spec.level
    brief = _without_zero(gap.value, max(spec.digits - 1, 0))
    return Cell(tuple(lines), brief, _pale(abs(gap.value) / largest), bold=bold)


def _pale(share: float) -> str:
    """The light half of the ramp: three lines of small text are read in each cell."""
    return ramp(0.4 * share)


def _draw_grid(
    row_labels: Sequence[str], column_labels: Sequence[str], cells: Sequence[Sequence[Cell]]
) -> tuple[Figure, _Grid]:
    grid = _measure(*_without_blank(row_labels, column_labels, cells))
    figure = sheet(grid.bottom + LEGEND)
    size = grid.width * len(grid.columns), grid.height * len(grid.rows)
    axes = panel(figure, grid.left, grid.top, *size)
    axes.set_xlim(0, max(len(grid.columns), 1))
    axes.set_ylim(max(len(grid.rows), 1), 0)
    for hatched in (False, True):
        _fill(axes, grid.cells, hatched)
    _write_cells(figure, grid)
    _write_labels(figure, grid)
    return figure, grid


def _without_blank(
    row_labels: Sequence[str], column_labels: Sequence[str], cells: Sequence[Sequence[Cell]]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[Cell, ...], ...]]:
    """A triangle has a first row and a last column without anything in them."""
    rows = [i for i, row in enumerate(cells) if not all(cell.blank for cell in row)]
    columns = [j for j in range(len(column_labels)) if not all(row[j].blank for row in cells)]
    return (
        tuple(row_labels[i] for i in rows),
        tuple(column_labels[j] for j in columns),
        tuple(tuple(cells[i][j] for j in columns) for i in rows),
    )


def _measure(
    rows: tuple[str, ...], columns: tuple[str, ...], cells: tuple[tuple[Cell, ...], ...]
) -> _Grid:
    label_limit = 170.0 if len(columns) <= 12 else 100.0
    left = EDGE + min(widest(rows, SMALL), label_limit) + GAP
    width = min((WIDTH - EDGE - left) / max(len(columns), 1), LARGEST_CELL)
    upright = widest(columns, SMALL) > width - 4
    top = min(widest(columns, SMALL), label_limit) + 14 if upright else 26.0
    fitted = _fit(cells, width - 3)
    deepest = max((len(cell.lines) for row in fitted for cell in row), default=0)
    height = max(LINE_HEIGHT * deepest + 6, min(0.45 * width, TALLEST_CELL), LINE_HEIGHT)
    return _Grid(rows, columns, fitted, fitted == cells, left, top, width, height, upright)


def _fit(cells: tuple[tuple[Cell, ...], ...], width: float) -> tuple[tuple[Cell, ...], ...]:
    """Each line is written in all cells or in none: a number missing here and there misleads."""
    filled = [cell for row in cells for cell in row if not cell.hatched and not cell.blank]
    deepest = max((len(cell.lines) for cell in filled), default=0)
    room = [
        all(_fits(c.lines[k], width, c.bold and k == 0) for c in filled if len(c.lines) > k)
        for k in range(deepest)
    ]
    shortened = [cell.brief or cell.lines[0] for cell in filled]
    brief = not all(room[:1]) and widest(shortened, FIGURES) <= width

    def fitted(cell: Cell) -> Cell:
        if cell.hatched:
            words = cell.lines[0]
            return replace(cell, lines=(words,) if _fits(words, width, False) else ("",))
        if cell.blank:
            return cell
        if brief:
            return replace(cell, lines=(cell.brief or cell.lines[0],))
        kept = [line for k, line in enumerate(cell.lines) if room[0] and room[k]]
        return replace(cell, lines=tuple(kept) or ("",))

    return tuple(tuple(fitted(cell) for cell in row) for row in cells)


def _fits(text: str, width: float, bold: bool) -> bool:
    return text_width(text, FIGURES) * (1.12 if bold else 1.0) <= width


def _fill(axes: Axes, cells: Sequence[Sequence[Cell]], hatched: bool) -> None:
    chosen = [
        (i, j, cell)
        for i, row in enumerate(cells)
        for j, cell in enumerate(row)
        if cell.hatched == hatched and not cell.blank
    ]
    if chosen:
        boxes(
            axes,
            [(j, i, j + 1, i + 1) for i, j, _ in chosen],
            facecolors=[cell.colour for _, _, cell in chosen],
            edgecolors=LINE if hatched else PAPER,
            linewidths=1.0,
            hatch=HATCHED if hatched else None,
        )


def _write_cells(figure: Figure, grid: _Grid) -> None:
    for i, row in enumerate(grid.cells):
        for j, cell in enumerate(row):
            x = grid.left + (j + 0.5) * grid.width
            middle = grid.top + (i + 0.5) * grid.height
            style = {"ha": "center", "fontsize": FIGURES, "color": text_on(cell.colour)}
            for k, line in enumerate(cell.lines):
                y = middle + (k - (len(cell.lines) - 1) / 2) * LINE_HEIGHT
                weight = "bold" if cell.bold and k == 0 else "normal"
                if line:
                    write(figure, x, y, line, weight=weight, **style)


def _write_labels(figure: Figure, grid: _Grid) -> None:
    for i, label in enumerate(grid.rows):
        text = shorten(label, grid.left - EDGE - GAP + 0.5, SMALL)
        y = grid.top + (i + 0.5) * grid.height
        write(figure, grid.left - GAP, y, text, ha="right", fontsize=SMALL)
    for j, label in enumerate(grid.columns):
        x = grid.left + (j + 0.5) * grid.width
        if grid.upright:
            text = shorten(label, grid.top - 13.5, SMALL)
            turned = {"rotation": 90, "rotation_mode": "anchor"}
            write(figure, x, grid.top - 6, text, fontsize=SMALL, **turned)
        else:
            write(figure, x, grid.top - 11, label, ha="center", fontsize=SMALL)


def _draw_ramp(
    figure: Figure,
    grid: _Grid,
    measure: str,
    ends: tuple[float, float],
    colour: Callable[[float], str],
    words: Sequence[str],
) -> None:
    y = grid.bottom + 26
    style = {"fontsize": SMALL, "color": INK_SOFT}
    x = EDGE
    for text in (shorten(measure, 250, SMALL), number(ends[0])):
        write(figure, x, y, text, **style)
        x += text_width(text, SMALL) + GAP
    steps, length = 48, 144.0
    bar = panel(figure, x, y - 5.5, length, 11)
    bar.set(xlim=(0, steps), ylim=(0, 1))
    shades = [colour(step / (steps - 1)) for step in range(steps)]
    # Each reaches below the next, so that no seam is seen between them.
    corners = [(step, 0, min(step + 1.5, steps), 1) for step in range(steps)]
    boxes(bar, corners, facecolors=shades, linewidths=0)
    box(figure, x, y - 5.5, length, 11, facecolor="none", edgecolor=LINE_STRONG, lw=0.6)
    write(figure, x + length + GAP, y, number(ends[1]), **style)
    words = [*words, *([] if grid.whole else ["what has no room is in the data table"])]
    write(figure, EDGE, y + 22, shorten("; ".join(words), WIDTH - 2 * EDGE, SMALL), **style)
