"""Very many lines: a small panel each, all on one scale, drawn on one sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from annotations.figures.canvas import (
    EDGE,
    GAP,
    WIDTH,
    panel,
    sheet,
    shorten,
    size_of,
    span,
    ticks,
    widest,
    write,
)
from annotations.figures.specs import Lines, Series
from annotations.figures.style import ACCENT, INK_SOFT, LINE, LINE_STRONG, SMALL

COLUMNS = 4
TOP, HEIGHT, LABEL, BOTTOM = 30.0, 62.0, 20.0, 50.0


@dataclass(frozen=True)
class _Scale:
    left: float
    width: float
    """Of one panel."""
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool

    def place(self, k: int) -> tuple[float, float]:
        """The top left corner of panel k."""
        row, column = divmod(k, COLUMNS)
        return self.left + column * (self.width + GAP), TOP + row * (HEIGHT + LABEL) + LABEL

    def across(self, x: float) -> float:
        low, high, at = (math.log(v) if self.log else v for v in (*self.x, x))
        return self.width * (at - low) / (high - low or 1.0)

    def down(self, y: float) -> float:
        return HEIGHT * (self.y[1] - y) / (self.y[1] - self.y[0])


def draw_panels(spec: Lines) -> Figure:
    rows = math.ceil(len(spec.series) / COLUMNS)
    figure = sheet(TOP + rows * (HEIGHT + LABEL) + BOTTOM)
    known = [(x, y) for series in spec.series for x, y in series.points if y is not None]
    xs = [x for x, _ in known] or [1.0]
    reference = [] if spec.reference is None else [spec.reference]
    y_span = span([*(y for _, y in known), *reference])
    values, labels = ticks(*y_span, most=3)
    left = EDGE + widest(labels, SMALL) + GAP
    width = (WIDTH - EDGE - left - (COLUMNS - 1) * GAP) / COLUMNS
    scale = _Scale(left, width, (min(xs), max(xs)), y_span, spec.log_x)
    page_width, page_height = size_of(figure)
    page = panel(figure, 0, 0, page_width, page_height)
    page.set_xlim(0, page_width)
    page.set_ylim(page_height, 0)
    write(
        figure,
        EDGE,
        14,
        shorten(spec.y_label, WIDTH - 2 * EDGE, SMALL),
        fontsize=SMALL,
        color=INK_SOFT,
    )
    for k, series in enumerate(spec.series):
        _draw_panel(figure, page, scale, k, series, values)
        if spec.reference is not None:
            x, y = scale.place(k)
            at = y + scale.down(spec.reference)
            page.hlines(at, x, x + width, colors=INK_SOFT, lw=0.9, zorder=1)
    for row in range(rows):
        for value, label in zip(values, labels, strict=True):
            at = scale.place(row * COLUMNS)[1] + scale.down(value)
            style = {"ha": "right", "fontsize": SMALL, "color": INK_SOFT}
            write(figure, left - GAP / 2, at, label, **style)
    _name_x(figure, scale, spec, rows)
    return figure


def _draw_panel(
    figure: Figure, page: Axes, scale: _Scale, k: int, series: Series, rules: list[float]
) -> None:
    x, y = scale.place(k)
    label = shorten(series.label, scale.width - 6, SMALL)
    write(figure, x + 2, y - 8, label, fontsize=SMALL)
    page.hlines([y + scale.down(v) for v in rules], x, x + scale.width, colors=LINE, lw=0.7)
    page.hlines(y + HEIGHT, x, x + scale.width, colors=LINE_STRONG, lw=0.8)
    if all(value is None for _, value in series.points):
        style = {"fontsize": SMALL, "style": "italic", "color": INK_SOFT}
        write(figure, x + 4, y + HEIGHT / 2 + 10, "undefined", **style)
        return
    page.plot(
        [x + scale.across(at) for at, _ in series.points],
        [float("nan") if v is None else y + scale.down(v) for _, v in series.points],
        color=ACCENT,
        lw=1.6,
        zorder=2,
    )


def _name_x(figure: Figure, scale: _Scale, spec: Lines, rows: int) -> None:
    """The ends of the scale below the last panel of each column, what it is below them all."""
    style = {"fontsize": SMALL, "color": INK_SOFT}
    for column in range(min(COLUMNS, len(spec.series))):
        in_column = (len(spec.series) - 1 - column) // COLUMNS
        x, y = scale.place(in_column * COLUMNS + column)
        write(figure, x, y + HEIGHT + 10, f"{scale.x[0]:g}", **style)
        write(figure, x + scale.width, y + HEIGHT + 10, f"{scale.x[1]:g}", ha="right", **style)
    middle = (scale.left + WIDTH - EDGE) / 2
    y = TOP + rows * (HEIGHT + LABEL) + BOTTOM - 18
    write(figure, middle, y, shorten(spec.x_label, WIDTH - 2 * scale.left), ha="center")
