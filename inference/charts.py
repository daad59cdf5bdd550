"""Geometry of the small charts on pages: numbers in, coordinates of an SVG out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40


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
class LineChart:
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    points: str
    """For a polyline: "x,y x,y ..."."""
    last: tuple[float, float]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str


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
    points: Sequence[tuple[float, float]], name: str, width: int = 340, height: int = 200
) -> LineChart | None:
    """(step, value) in order; None when there is nothing to draw."""
    drawn = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not drawn:
        return None
    x_ticks = _ticks(0, max(x for x, _ in drawn), whole=True)
    y_ticks = _ticks(min(y for _, y in drawn), max(y for _, y in drawn))
    left, right, top, bottom = LEFT, width - RIGHT, TOP, height - BOTTOM
    place_x = _scale((x_ticks[0], x_ticks[-1]), (left, right))
    place_y = _scale((y_ticks[0], y_ticks[-1]), (bottom, top))
    placed = [(place_x(x), place_y(y)) for x, y in drawn]
    return LineChart(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        points=" ".join(f"{x},{y}" for x, y in placed),
        last=placed[-1],
        x_ticks=tuple(Tick(place_x(x), f"{x:g}") for x in x_ticks),
        y_ticks=tuple(Tick(place_y(y), f"{y:.4g}") for y in y_ticks),
        summary=(
            f"{name} from {drawn[0][1]:.4g} at step {drawn[0][0]:g} "
            f"to {drawn[-1][1]:.4g} at step {drawn[-1][0]:g}"
        ),
    )


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
