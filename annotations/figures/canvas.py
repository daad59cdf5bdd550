"""A sheet of 720 px with its origin at the top left, and what all drawings put on it.

A px here is a typographic point of the file: 1/72 inch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from annotations.figures.style import (
    BODY,
    INK,
    INK_SOFT,
    LINE,
    PAPER,
    SANS,
    SMALL,
    number,
    one_line,
)

WIDTH = 720.0
EDGE = 8.0
GAP = 10.0
CAPITALS = 0.72
"""Their height in most fonts, as a share of the size."""


def sheet(height: float) -> Figure:
    return Figure(figsize=(WIDTH / 72, height / 72), dpi=72, facecolor=PAPER)


def size_of(figure: Figure) -> tuple[float, float]:
    width, height = figure.get_size_inches()
    return float(width * 72), float(height * 72)


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes without frame, ticks or background."""
    page_width, page_height = size_of(figure)
    axes = figure.add_axes(
        (
            left / page_width,
            1 - (top + height) / page_height,
            width / page_width,
            height / page_height,
        ),
        facecolor="none",
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """At x, y px from the top left; the middle of its capitals is at y, in whatever font."""
    page_width, page_height = size_of(figure)
    style = {"va": "baseline", "fontsize": BODY, "color": INK, **style}
    half = CAPITALS / 2 * style["fontsize"]
    x, y = (x + half, y) if style.get("rotation") == 90 else (x, y + half)
    figure.text(x / page_width, 1 - y / page_height, one_line(text), **style)


def box(figure: Figure, x: float, y: float, width: float, height: float, **style: Any) -> None:
    page_width, page_height = size_of(figure)
    corner = (x / page_width, 1 - (y + height) / page_height)
    figure.add_artist(Rectangle(corner, width / page_width, height / page_height, **style))


def boxes(axes: Axes, corners: Sequence[tuple[float, float, float, float]], **style: Any) -> None:
    """Each from x0, y0 to x1, y1 in the units of the axes."""
    shapes = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in corners]
    axes.add_collection(PolyCollection(shapes, clip_on=False, **style), autolim=False)


def text_width(text: str, size: float = BODY) -> float:
    """In px; by the font's own advances, because a browser's fonts are hardly ever wider."""
    return size * sum(_advance(character) for character in one_line(text))


def widest(texts: Sequence[str], size: float = BODY) -> float:
    return max((text_width(text, size) for text in texts), default=0.0)


@cache
def _advance(character: str) -> float:
    """In units of the size; 1.3 for a character that the font lacks, as wide as an emoji."""
    index = _font().get_char_index(ord(character))
    if index == 0:
        return 1.3
    glyph = _font().load_glyph(index, flags=LoadFlags.NO_SCALE)
    return glyph.horiAdvance / _font().units_per_EM


@cache
def _font() -> FT2Font:
    return get_font(findfont(FontProperties(family=[SANS])))


def shorten(text: str, width: float, size: float = BODY) -> str:
    """With an ellipsis where it would be wider."""
    text = one_line(text)
    if text_width(text, size) <= width:
        return text
    room = width - text_width("…", size)
    kept = 0
    while kept < len(text) and text_width(text[: kept + 1], size) <= room:
        kept += 1
    # A joiner or an accent that stands alone would be drawn on the ellipsis.
    return text[:kept].rstrip(" \u200d\ufe0f") + "…"


def ticks(low: float, high: float, most: int = 7) -> tuple[list[float], list[str]]:
    """Round values within low to high, all with as many digits as the step between them needs."""
    found = [
        float(value)
        for value in MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        if low <= value <= high
    ]
    step = min((b - a for a, b in pairwise(found)), default=1.0)
    digits = next((d for d in range(9) if math.isclose(step, round(step, d), rel_tol=1e-6)), 9)
    return found, [number(value, digits) for value in found]


def span(values: Sequence[float], *, around: float = 0.06) -> tuple[float, float]:
    """From the smallest to the largest with some room; 0 to 1 where there is no value."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    size = max(abs(low), abs(high), 1.0)
    # What differs by rounding alone is one value, which stands in the middle.
    room = (high - low) * around if high - low > 1e-6 * size else size / 2
    return low - room, high + room


def spread(wanted: Sequence[float], pitch: float, height: float) -> list[float]:
    """Ascending places at least one pitch apart within 0 to height, each close to what it wants.

    Names that would touch are gathered in a block about their mean, and blocks that would touch
    are joined in turn (pool adjacent violators).
    """
    blocks: list[tuple[float, int]] = []

    def middle(block: tuple[float, int]) -> float:
        half = block[1] * pitch / 2
        return min(max(block[0], half), max(height - half, half))

    def touch(before: tuple[float, int], after: tuple[float, int]) -> bool:
        return middle(before) + (before[1] + after[1]) * pitch / 2 > middle(after)

    for place in wanted:
        block = (place, 1)
        while blocks and touch(blocks[-1], block):
            mean, count = blocks.pop()
            total = count + block[1]
            block = ((mean * count + block[0] * block[1]) / total, total)
        blocks.append(block)
    return [
        middle(block) + (i - (block[1] - 1) / 2) * pitch
        for block in blocks
        for i in range(block[1])
    ]


def x_axis(axes: Axes, low: float, high: float, label: str) -> None:
    axes.set_xlim(low, high)
    ruled_x_axis(axes, *ticks(low, high), label)


def ruled_x_axis(axes: Axes, values: Sequence[float], labels: Sequence[str], label: str) -> None:
    axes.set_xticks(values, labels)
    axes.tick_params(axis="x", length=4, width=0.8)
    axes.spines["bottom"].set_visible(True)
    axes.set_xlabel(shorten(label, axes.bbox.width), labelpad=6)
    axes.vlines(values, 0, 1, transform=axes.get_xaxis_transform(), colors=LINE, lw=0.7, zorder=0)


def y_axis(axes: Axes, low: float, high: float, label: str) -> None:
    values, labels = ticks(low, high)
    axes.set_ylim(low, high)
    axes.set_yticks(values, labels)
    axes.set_ylabel(shorten(label, axes.bbox.height), labelpad=8)
    axes.hlines(values, 0, 1, transform=axes.get_yaxis_transform(), colors=LINE, lw=0.7, zorder=0)


def legend(figure: Figure, x: float, y: float, entries: Sequence[tuple[str, str]]) -> None:
    """Squares with their words, from x on; entries: words and colour."""
    for words, colour in entries:
        box(figure, x, y - 5.5, 11, 11, facecolor=colour, edgecolor=INK_SOFT, lw=0.6)
        write(figure, x + 16, y, words, fontsize=SMALL, color=INK_SOFT)
        x += 16 + text_width(words, SMALL) + 18
