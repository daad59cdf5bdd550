"""Geometry of the small charts on pages: numbers in, coordinates of an SVG out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEFT, RIGHT, TOP, BOTTOM = 60, 14, 14, 40
Points = Sequence[tuple[float, float]]
MOST_MARKS = 12
SHAPES = (
    "m-3.5 -3.5h7v7h-7z",
    "m0 -4.5l4.5 8h-9z",
    "m0 -5l5 5l-5 5l-5 -5z",
    "m-1 -4.5h2v3.5h3.5v2h-3.5v3.5h-2v-3.5h-3.5v-2h3.5z",
)
"""Relative to the point that they stand on."""


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    middle: float
    label: str
    count: int


@dataclass(frozen=True)
class BarChart:
    width: int
    height: int
    baseline: float
    label_y: float
    bars: tuple[Bar, ...]
    summary: str


@dataclass(frozen=True)
class Tick:
    position: float
    label: str


@dataclass(frozen=True)
class Line:
    name: str
    points: str
    """For a polyline: "x,y x,y ..."."""
    last: tuple[float, float]
    marks: str
    """A path of small shapes on some of the points, another shape for each line; empty for the
    first, so that lines differ without colour."""


@dataclass(frozen=True)
class LineChart:
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str

    @property
    def points(self) -> str:
        """Of the first line."""
        return self.lines[0].points


def bar_chart(counts: Sequence[tuple[str, int]], width: int = 300, height: int = 120) -> BarChart:
    baseline, top = height - 24, 18
    slot = width / max(len(counts), 1)
    highest = max((count for _, count in counts), default=0) or 1
    bars = []
    for index, (label, count) in enumerate(counts):
        size = (baseline - top) * count / highest
        bars.append(
            Bar(
                x=round(index * slot + slot * 0.12, 1),
                y=round(baseline - size, 1),
                width=round(slot * 0.76, 1),
                height=round(size, 1),
                middle=round((index + 0.5) * slot, 1),
                label=label,
                count=count,
            )
        )
    summary = ", ".join(f"{label}: {count}" for label, count in counts)
    return BarChart(width, height, baseline, height - 8, tuple(bars), summary)


def line_chart(
    points: Points,
    name: str,
    beside: Sequence[tuple[str, Points]] = (),
    width: int = 340,
    height: int = 200,
) -> LineChart | None:
    """(step, value) in order, and named lines beside it on the same axes; None when there is
    nothing to draw."""
    given = ((name, points), *beside)
    drawn = [(title, finite) for title, line in given if (finite := _finite(line))]
    if not drawn:
        return None
    every = [point for _, line in drawn for point in line]
    x_ticks = _ticks(0, max(x for x, _ in every), whole=True)
    y_ticks = _ticks(min(y for _, y in every), max(y for _, y in every))
    left, right, top, bottom = LEFT, width - RIGHT, TOP, height - BOTTOM
    place_x = _scale((x_ticks[0], x_ticks[-1]), (left, right))
    place_y = _scale((y_ticks[0], y_ticks[-1]), (bottom, top))
    lines = [
        _line(title, [(place_x(x), place_y(y)) for x, y in line], shape)
        for shape, (title, line) in enumerate(drawn)
    ]
    return LineChart(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        lines=tuple(lines),
        x_ticks=tuple(Tick(place_x(x), f"{x:g}") for x in x_ticks),
        y_ticks=tuple(Tick(place_y(y), f"{y:.4g}") for y in y_ticks),
        summary="; ".join(_in_words(title, line) for title, line in drawn),
    )


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _in_words(name: str, line: Points) -> str:
    (first, begin), (last, end) = line[0], line[-1]
    return f"{name} from {begin:.4g} at step {first:g} to {end:.4g} at step {last:g}"


def _line(name: str, placed: Sequence[tuple[float, float]], shape: int) -> Line:
    marked = placed[:: max(1, len(placed) // MOST_MARKS)] if shape else ()
    return Line(
        name=name,
        points=" ".join(f"{x},{y}" for x, y in placed),
        last=placed[-1],
        marks="".join(mark(x, y, shape) for x, y in marked),
    )


def mark(x: float, y: float, shape: int) -> str:
    """Of the shapes 1, 2, ...: a square, a triangle, a diamond, an upright cross, and again."""
    return f"M{x} {y}{SHAPES[(shape - 1) % len(SHAPES)]}"


def _scale(domain: tuple[float, float], span: tuple[float, float]) -> Callable[[float], float]:
    (low, high), (start, end) = domain, span
    return lambda value: round(start + (value - low) / (high - low) * (end - start), 1)


def _ticks(low: float, high: float, *, whole: bool = False, about: int = 4) -> list[float]:
    """Round numbers that enclose low..high; never a single one."""
    size = max(abs(low), abs(high), 1e-9)
    if high - low < size * 1e-9:  # one value: room around it, and no division by rounding dust
        margin = size * 0.1 if size > 1e-9 else 1.0
        low, high = (low, low + 1) if whole else (low - margin, high + margin)
    step = _round_step((high - low) / about)
    if whole:
        step = max(1.0, step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def _round_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
