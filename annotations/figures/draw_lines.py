"""Lines that carry their names at their ends: drift, planning."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from annotations.figures.canvas import (
    EDGE,
    WIDTH,
    panel,
    ruled_x_axis,
    sheet,
    shorten,
    size_of,
    span,
    spread,
    widest,
    write,
    x_axis,
    y_axis,
)
from annotations.figures.draw_panels import draw_panels
from annotations.figures.specs import Lines, Series
from annotations.figures.style import ACCENT, INK, INK_SOFT, LINE_STRONG, PAPER, SMALL, WARM

MOST_LINES = 12
"""More are told apart no longer: each then has a small panel of its own."""
LABEL_LIMIT = 150.0
LABEL_PITCH = 15.0
LEFT, TOP, HEIGHT, BOTTOM = 70.0, 22.0, 300.0, 56.0
LEADER = 24.0
COLOURS = (ACCENT, WARM, INK)
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2.5), (1.5, 2), (8, 2.5, 1.5, 2.5))
"""Three colours and four dashes make twelve lines, no two alike, and told apart in grey as well."""


def draw_lines(spec: Lines) -> Figure:
    if len(spec.series) > MOST_LINES:
        return draw_panels(spec)
    labels = min(widest([series.label for series in spec.series], SMALL), LABEL_LIMIT)
    width = WIDTH - EDGE - labels - LEADER - LEFT
    figure = sheet(TOP + HEIGHT + BOTTOM)
    axes = panel(figure, LEFT, TOP, width, HEIGHT)
    _set_axes(axes, spec, width)
    if spec.reference is not None:
        axes.axhline(spec.reference, color=INK_SOFT, lw=1, zorder=1)
    for k, series in enumerate(spec.series):
        _draw_series(axes, series, k)
    _label_ends(figure, axes, spec, LEFT + width)
    return figure


def _set_axes(axes: Axes, spec: Lines, width: float) -> None:
    known = [(x, y) for series in spec.series for x, y in series.points if y is not None]
    xs = sorted({x for x, _ in known})
    extra = [] if spec.reference is None else [spec.reference]
    y_axis(axes, *span([*(y for _, y in known), *extra]), spec.y_label)
    axes.tick_params(axis="y", pad=6)
    if spec.log_x and xs:
        _log_axis(axes, xs, spec.x_label, width)
    else:
        x_axis(axes, *span(xs, around=0.02), spec.x_label)


def _log_axis(axes: Axes, xs: Sequence[float], label: str, width: float) -> None:
    axes.set_xscale("log")
    room = (xs[-1] / xs[0]) ** 0.02 if xs[0] < xs[-1] else 2.0
    axes.set_xlim(xs[0] / room, xs[-1] * room)
    to_share = axes.transData + axes.transAxes.inverted()
    places = [width * float(to_share.transform((x, 1.0))[0]) for x in xs]
    shown: list[int] = []
    for i, place in enumerate(places):
        if not shown or place - places[shown[-1]] > 40:
            shown.append(i)
    ruled_x_axis(axes, [xs[i] for i in shown], [f"{xs[i]:,g}" for i in shown], label)
    axes.set_xticks([], minor=True)


def _draw_series(axes: Axes, series: Series, k: int) -> None:
    line = axes.plot(
        [x for x, _ in series.points],
        [float("nan") if y is None else y for _, y in series.points],
        color=COLOURS[k % len(COLOURS)],
        lw=1.8,
        zorder=2,
        clip_on=False,
    )[0]
    dashes = DASHES[k % len(DASHES)]
    if dashes:
        line.set_dashes(dashes)
    if len(series.points) <= 12:
        line.set(marker="o", markersize=5, markeredgecolor=PAPER, markeredgewidth=0.8)


def _label_ends(figure: Figure, axes: Axes, spec: Lines, right: float) -> None:
    """Beside the last point; where names would touch they are spread and led to."""
    ends = [(_end_y(axes, series), k) for k, series in enumerate(spec.series)]
    known = sorted((y, k) for y, k in ends if y is not None)
    places = spread([y for y, _ in known], LABEL_PITCH, HEIGHT)
    page_width, page_height = size_of(figure)
    overlay = panel(figure, 0, 0, page_width, page_height)
    overlay.set_xlim(0, page_width)
    overlay.set_ylim(page_height, 0)
    for (y, k), place in zip(known, places, strict=True):
        label = shorten(spec.series[k].label, LABEL_LIMIT, SMALL)
        style = {"fontsize": SMALL, "color": COLOURS[k % len(COLOURS)]}
        write(figure, right + LEADER, TOP + place, label, **style)
        xs = [right + 2, right + 7, right + LEADER - 7, right + LEADER - 3]
        ys = [TOP + y, TOP + y, TOP + place, TOP + place]
        overlay.plot(xs, ys, color=LINE_STRONG, lw=0.7)
    missing = [spec.series[k].label for y, k in ends if y is None]
    if missing:
        words = shorten("undefined: " + ", ".join(missing), right - LEFT - 8, SMALL)
        style = {"fontsize": SMALL, "style": "italic", "color": INK_SOFT}
        write(figure, LEFT, TOP / 2 - 1, words, **style)


def _end_y(axes: Axes, series: Series) -> float | None:
    """px from the top of the panel; None for a line without any value."""
    last = next((y for _, y in reversed(series.points) if y is not None), None)
    if last is None:
        return None
    low, high = axes.get_ylim()
    return float(HEIGHT * (high - last) / (high - low))
