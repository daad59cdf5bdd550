"""Geometry and shading of the pictures on the recognition page; numbers in, nothing drawn here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inference.recognition.calibration import CoveragePoint, ReliabilityBin
from inference.recognition.confusion import UNREAD, Confusion

SHADES = 9
"""From 0, white, to this, full colour; the style sheet has one class for each."""
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 350, 260, 52, 24, 14, 44
TICKS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Cell:
    count: int
    percent: float | None
    """Of the row; None where the row is empty."""
    shade: int
    right: bool


@dataclass(frozen=True)
class MatrixRow:
    label: str
    n: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Matrix:
    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    shares: bool


def matrix_of(confusion: Confusion, *, shares: bool) -> Matrix:
    """Shaded by the share of the row, or by the count against the largest."""
    largest = int(confusion.counts.max(initial=0))
    rows = []
    for index, (label, counts) in enumerate(
        zip(confusion.labels, confusion.counts.tolist(), strict=True)
    ):
        n = sum(counts)
        whole = n if shares else largest
        cells = tuple(
            Cell(
                count=count,
                percent=100 * count / n if n else None,
                shade=math.ceil(SHADES * count / whole) if whole else 0,
                right=place == index,
            )
            for place, count in enumerate(counts)
        )
        rows.append(MatrixRow(label, n, cells))
    return Matrix((*confusion.labels, UNREAD), tuple(rows), shares)


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    low: float
    high: float
    """Ends of the interval on the y axis."""
    radius: float


@dataclass(frozen=True)
class Axis:
    position: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Both axes run from 0 to 100 %."""

    x_ticks: tuple[Axis, ...]
    y_ticks: tuple[Axis, ...]
    marks: tuple[Mark, ...]
    points: str
    """For a polyline: "x,y x,y ..."."""
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Chart | None:
    """How often the model is right where it gives a probability; None without any."""
    if not bins:
        return None
    most = max(entry.n for entry in bins)
    marks = tuple(
        Mark(
            x=_x(entry.confidence),
            y=_y(entry.accuracy),
            low=_y(entry.interval.low),
            high=_y(entry.interval.high),
            radius=round(3 + 5 * math.sqrt(entry.n / most), 1),
        )
        for entry in bins
    )
    summary = "; ".join(
        f"at {100 * entry.confidence:.0f} % confidence {100 * entry.accuracy:.0f} % right "
        f"({entry.n})"
        for entry in bins
    )
    return _chart(marks, summary)


def coverage_chart(points: Sequence[CoveragePoint]) -> Chart | None:
    """How often it is right when only its surest answers are taken; None with one point only."""
    if len(points) < 2:
        return None
    marks = tuple(Mark(_x(p.coverage), _y(p.accuracy), 0, 0, 3) for p in points)
    first, last = points[0], points[-1]
    return _chart(
        marks,
        f"{100 * first.accuracy:.0f} % right among the surest {100 * first.coverage:.0f} %, "
        f"{100 * last.accuracy:.0f} % among all",
    )


def _chart(marks: tuple[Mark, ...], summary: str) -> Chart:
    return Chart(
        x_ticks=tuple(Axis(_x(tick / 100), f"{tick} %") for tick in TICKS),
        y_ticks=tuple(Axis(_y(tick / 100), f"{tick} %") for tick in TICKS),
        marks=marks,
        points=" ".join(f"{mark.x},{mark.y}" for mark in marks),
        summary=summary,
    )


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - RIGHT - LEFT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)
