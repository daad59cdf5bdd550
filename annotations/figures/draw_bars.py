"""Counts as bars: how often each score, how each rater spreads, who wins how often."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from annotations.figures.canvas import (
    EDGE,
    GAP,
    WIDTH,
    boxes,
    legend,
    panel,
    sheet,
    shorten,
    text_width,
    widest,
    write,
    y_axis,
)
from annotations.figures.specs import Bars, StackedBars, WinTieLoss
from annotations.figures.style import (
    ACCENT,
    INK_SOFT,
    PAPER,
    SMALL,
    ramp,
    text_on,
)

LABEL_LIMIT = 170.0
NOTE_LIMIT = 180.0
TALL, LOW = 38.0, 28.0
HEADER = 40.0
TOP, HEIGHT = 16.0, 230.0
STEPS = (1, 2, 5, 10, 20, 25, 50, 100)
TIE, LOSS = "#e9edeb", "#d3a068"
"""With the accent for wins they differ in lightness too: dark, light, in between."""


def draw_stacked_bars(spec: StackedBars) -> Figure:
    last = max(len(spec.categories) - 1, 1)
    colours = [ramp(i / last) for i in range(len(spec.categories))]
    totals = [f"n = {sum(bar.counts):,}" for bar in spec.bars]
    left = EDGE + min(widest([bar.label for bar in spec.bars]), LABEL_LIMIT) + GAP
    width = WIDTH - EDGE - GAP - widest(totals, SMALL) - left
    figure = sheet(HEADER + TALL * max(len(spec.bars), 1) + 34)
    axes = _shares_panel(figure, left, width, len(spec.bars), TALL)
    for i, bar in enumerate(spec.bars):
        y = HEADER + (i + 0.5) * TALL
        label = shorten(bar.label, LABEL_LIMIT)
        write(figure, left - GAP, y, label, ha="right")
        write(figure, WIDTH - EDGE, y, totals[i], ha="right", fontsize=SMALL, color=INK_SOFT)
        _draw_segments(axes, i, bar.counts, colours)
        for x, count, k in _segments(bar.counts):
            _label_category(figure, left, width, y, (x, count), spec.categories[k], colours[k])
        if sum(bar.counts) == 0:
            _nothing(figure, left, y, "ratings")
    _category_legend(figure, left, width, spec, colours)
    return figure


def draw_win_tie_loss(spec: WinTieLoss) -> Figure:
    colours = (ACCENT, TIE, LOSS)
    sides = [[pair.first for pair in spec.pairs], [pair.second for pair in spec.pairs]]
    notes = [pair.note for pair in spec.pairs]
    note_width = min(max(widest(notes, SMALL), text_width(spec.note_label, SMALL)), NOTE_LIMIT)
    limit = 130.0 if note_width else LABEL_LIMIT
    first, second = (min(widest(side), limit) for side in sides)
    left = EDGE + first + GAP
    note_x = WIDTH - EDGE - note_width
    width = note_x - (GAP + 4 if note_width else 0) - second - GAP - left
    figure = sheet(HEADER + LOW * max(len(spec.pairs), 1) + 34)
    axes = _shares_panel(figure, left, width, len(spec.pairs), LOW)
    for i, pair in enumerate(spec.pairs):
        y = HEADER + (i + 0.5) * LOW
        counts = (pair.wins, pair.ties, pair.losses)
        write(figure, left - GAP, y, shorten(pair.first, limit), ha="right")
        write(figure, left + width + GAP, y, shorten(pair.second, limit))
        note = shorten(pair.note, NOTE_LIMIT, SMALL)
        write(figure, note_x, y, note, fontsize=SMALL, color=INK_SOFT)
        _draw_segments(axes, i, counts, colours)
        for x, share, k in _segments(counts):
            at = left + width * (x + share / 2)
            _label_share(figure, at, y, width * share, (counts[k], share), colours[k])
        if sum(counts) == 0:
            _nothing(figure, left, y, "comparisons")
    words = ("the left one wins", "tie", "the right one wins")
    legend(figure, left, HEADER / 2 - 2, list(zip(words, colours, strict=True)))
    label = shorten(spec.note_label, NOTE_LIMIT, SMALL)
    write(figure, note_x, HEADER / 2 - 2, label, fontsize=SMALL, color=INK_SOFT)
    return figure


def draw_bars(spec: Bars) -> Figure:
    """Each bar carries its count and share; where they are too many, a scale says it instead."""
    figure = sheet(TOP + HEIGHT + 54)
    slots = max(len(spec.labels), 1)
    total, highest = sum(spec.counts) or 1, max(spec.counts, default=0) or 1
    texts = [(f"{count:,}", _percent(count / total)) for count in spec.counts]
    labelled = widest([part for pair in texts for part in pair], SMALL) < WIDTH / slots - 4
    left = EDGE if labelled else 70.0
    width = WIDTH - 2 * EDGE - left
    axes = panel(figure, left, TOP, width, HEIGHT)
    axes.set_xlim(-0.5, slots - 0.5)
    if labelled:
        axes.set_ylim(0, highest * 1.2)
        heights = [HEIGHT * count / (highest * 1.2) for count in spec.counts]
        _write_counts(figure, texts, heights, width / slots)
    else:
        y_axis(axes, 0, highest * 1.04, spec.y_label)
    corners = [(i - 0.36, 0, i + 0.36, count) for i, count in enumerate(spec.counts)]
    boxes(axes, corners, facecolors=ACCENT, linewidths=0, zorder=2)
    _name_bars(axes, spec, width / slots)
    return figure


def _write_counts(
    figure: Figure, texts: Sequence[tuple[str, str]], heights: Sequence[float], room: float
) -> None:
    style = {"ha": "center", "fontsize": SMALL, "color": INK_SOFT}
    for i, (pair, height) in enumerate(zip(texts, heights, strict=True)):
        for text, above in zip(pair, (26, 11), strict=True):
            write(figure, EDGE + room * (i + 0.5), TOP + HEIGHT - height - above, text, **style)


def _name_bars(axes: Axes, spec: Bars, room: float) -> None:
    every = next((n for n in STEPS if widest(spec.labels, SMALL) < n * room - 4), STEPS[-1])
    shown = range(0, len(spec.labels), every if len(spec.labels) > 12 else 1)
    width = room * (every if len(spec.labels) > 12 else 1) - 4
    words = [shorten(spec.labels[i], width, SMALL) for i in shown]
    axes.set_xticks(list(shown), words)
    axes.set_xlabel(shorten(spec.x_label, axes.bbox.width), labelpad=8)
    axes.spines["bottom"].set_visible(True)


def _shares_panel(figure: Figure, left: float, width: float, bars: int, pitch: float) -> Axes:
    height = max(bars, 1) * pitch
    axes = panel(figure, left, HEADER, width, height)
    axes.set_xlim(0, 1)
    axes.set_ylim(max(bars, 1) - 0.5, -0.5)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.tick_params(axis="x", length=4, width=0.8)
    return axes


def _segments(counts: Sequence[int]) -> list[tuple[float, float, int]]:
    """Where each begins and how long it is, as shares, with its place among the categories."""
    total, done = sum(counts), 0
    found = []
    for k, count in enumerate(counts):
        if count:
            found.append((done / total, count / total, k))
        done += count
    return found


def _draw_segments(axes: Axes, i: int, counts: Sequence[int], colours: Sequence[str]) -> None:
    segments = _segments(counts)
    boxes(
        axes,
        [(x, i - 0.42, x + share, i + 0.42) for x, share, _ in segments],
        facecolors=[colours[k] for _, _, k in segments],
        edgecolors=PAPER,
        linewidths=0.8,
    )


def _label_category(
    figure: Figure,
    left: float,
    width: float,
    y: float,
    segment: tuple[float, float],
    category: str,
    colour: str,
) -> None:
    """The category and below it the share, each where there is room."""
    x, share = segment
    lines = [category, _percent(share)]
    fitting = [line for line in lines if text_width(line, SMALL) < width * share - 2]
    if fitting[:1] != [category]:
        return
    style = {"ha": "center", "fontsize": SMALL, "color": text_on(colour)}
    middle = left + width * (x + share / 2)
    for k, line in enumerate(fitting):
        weight = "bold" if k == 0 else "normal"
        at = y + (k - (len(fitting) - 1) / 2) * 14
        write(figure, middle, at, line, weight=weight, **style)


def _label_share(
    figure: Figure, x: float, y: float, room: float, value: tuple[int, float], colour: str
) -> None:
    count, share = value
    for text in (f"{count:,} ({_percent(share)})", f"{count:,}"):
        if text_width(text, SMALL) < room - 4:
            style = {"ha": "center", "fontsize": SMALL, "color": text_on(colour)}
            write(figure, x, y, text, **style)
            return


def _category_legend(
    figure: Figure, left: float, width: float, spec: StackedBars, colours: Sequence[str]
) -> None:
    """The categories in their order, as a key of equal steps."""
    name = shorten(spec.category_name, left - EDGE - GAP, SMALL)
    write(figure, left - GAP, 16, name, ha="right", fontsize=SMALL, color=INK_SOFT)
    count = max(len(spec.categories), 1)
    axes = panel(figure, left, 6, width, 20)
    axes.set(xlim=(0, count), ylim=(0, 1))
    boxes(axes, [(k, 0, k + 1, 1) for k in range(count)], facecolors=colours, linewidths=0)
    for k, category in enumerate(spec.categories):
        text = shorten(category, width / count - 4, SMALL)
        style = {"ha": "center", "fontsize": SMALL, "color": text_on(colours[k])}
        write(figure, left + (k + 0.5) * width / count, 16, text, **style)


def _nothing(figure: Figure, left: float, y: float, what: str) -> None:
    style = {"fontsize": SMALL, "style": "italic", "color": INK_SOFT}
    write(figure, left + 4, y, f"undefined: no {what}", **style)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
