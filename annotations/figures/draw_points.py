"""Difference against mean (Bland and Altman)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from annotations.figures.canvas import (
    EDGE,
    GAP,
    WIDTH,
    panel,
    sheet,
    shorten,
    span,
    spread,
    widest,
    write,
    x_axis,
    y_axis,
)
from annotations.figures.specs import BlandAltman, Mark
from annotations.figures.style import ACCENT, INK_SOFT, SMALL, WARM, WARM_SOFT, interval_text, ramp

MANY = 2000
LEFT, TOP, HEIGHT, BOTTOM = 70.0, 34.0, 320.0, 56.0
NAME_LIMIT = 150.0


def draw_bland_altman(spec: BlandAltman) -> Figure:
    """Ratings are few different numbers: equal points are one circle, its area the number."""
    figure = sheet(TOP + HEIGHT + BOTTOM)
    lines = (spec.upper_limit, spec.bias, spec.lower_limit)
    texts = [text for mark in lines for text in (mark.label, _figure_text(mark))]
    names = min(widest(texts, SMALL), NAME_LIMIT)
    width = WIDTH - EDGE - names - GAP - LEFT
    axes = panel(figure, LEFT, TOP, width, HEIGHT)
    ends = [v for mark in lines for v in (mark.value, mark.low, mark.high) if v is not None]
    x_axis(axes, *span([mean for mean, _ in spec.points]), spec.x_label)
    low, high = span([*(difference for _, difference in spec.points), *ends, 0.0])
    y_axis(axes, low, high, spec.y_label)
    axes.axhline(0, color=INK_SOFT, lw=0.8, zorder=1)
    words = _draw_points(axes, spec)
    write(figure, LEFT, TOP / 2, words, fontsize=SMALL, color=INK_SOFT)
    for mark in lines:
        _draw_line(axes, mark, dashed=mark is not spec.bias)
    _name_lines(figure, lines, (low, high), LEFT + width + GAP)
    return figure


def _draw_points(axes: Axes, spec: BlandAltman) -> str:
    counts = Counter(spec.points)
    xs, ys = [x for x, _ in counts], [y for _, y in counts]
    if len(counts) > MANY:
        shades = ListedColormap([ramp(0.12 + 0.88 * i / 255) for i in range(256)])
        x, y = zip(*spec.points, strict=True)
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        style: dict[str, Any] = {
            "gridsize": (44, 20),
            "mincnt": 1,
            "bins": "log",
            "cmap": shades,
            "lw": 0,
        }
        axes.hexbin(x, y, extent=(x0, x1, y0, y1), **style)
        axes.set(xlim=(x0, x1), ylim=(y0, y1))
        return f"{len(spec.points):,} pairs; the darker, the more (logarithmic)"
    largest = max(counts.values(), default=1)
    unit = 22.0 if largest == 1 else max(6.0, min(22.0, 420.0 / largest))
    areas = [unit * count for count in counts.values()]
    look: dict[str, Any] = {"color": ACCENT, "alpha": 0.55, "linewidths": 0, "zorder": 2}
    axes.scatter(xs, ys, s=areas, clip_on=False, **look)
    meaning = "" if largest == 1 else f"; area: how many of them, up to {largest:,}"
    return f"{len(spec.points):,} pairs{meaning}"


def _draw_line(axes: Axes, mark: Mark, *, dashed: bool) -> None:
    if mark.value is None:
        return
    if mark.low is not None and mark.high is not None:
        axes.axhspan(mark.low, mark.high, facecolor=WARM_SOFT, lw=0, zorder=-1)
    line = axes.axhline(mark.value, color=WARM, lw=1.4, zorder=3)
    if dashed:
        line.set_dashes((6, 3))


def _name_lines(
    figure: Figure, marks: tuple[Mark, ...], ends: tuple[float, float], x: float
) -> None:
    """Beside each line its name and below it the figure; undefined ones at the top."""
    known = [(mark, mark.value) for mark in reversed(marks) if mark.value is not None]
    missing = [mark for mark in marks if mark.value is None]
    height = HEIGHT - 16 * len(missing)
    wanted = [HEIGHT * (value - ends[0]) / (ends[1] - ends[0]) for _, value in known]
    for (mark, _), up in zip(known, spread(wanted, 34.0, height), strict=True):
        for shift, text in ((-8, mark.label), (7, _figure_text(mark))):
            label = shorten(text, NAME_LIMIT, SMALL)
            write(figure, x, TOP + HEIGHT - up + shift, label, fontsize=SMALL, color=WARM)
    style = {"fontsize": SMALL, "style": "italic", "color": INK_SOFT}
    for i, mark in enumerate(missing):
        write(figure, x, TOP + 8 + 16 * i, shorten(_figure_text(mark), NAME_LIMIT, SMALL), **style)


def _figure_text(mark: Mark) -> str:
    if mark.value is None:
        return f"{mark.label}: undefined"
    return interval_text(mark.value, mark.low, mark.high)
