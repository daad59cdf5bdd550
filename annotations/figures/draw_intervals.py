"""Values with intervals, one a row: forest, caterpillar, leave one rater out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from annotations.figures.canvas import (
    EDGE,
    GAP,
    WIDTH,
    panel,
    sheet,
    shorten,
    span,
    text_width,
    widest,
    write,
    x_axis,
)
from annotations.figures.specs import Caterpillar, Forest, Influence, Mark
from annotations.figures.style import (
    ACCENT,
    BODY,
    INK,
    INK_SOFT,
    LINE,
    PAPER,
    SMALL,
    WARM,
    WARM_SOFT,
    interval_text,
)

LABEL_LIMIT = 210.0
NOTE_LIMIT = 130.0
HEADER = 30.0
FOOTER = 52.0


@dataclass(frozen=True)
class _Rows:
    """What the three kinds have in common, measured."""

    marks: Sequence[Mark]
    measure: str
    second: str
    digits: int
    pitch: float
    labels: float = field(init=False)
    numbers: float = field(init=False)
    notes: float = field(init=False)

    def __post_init__(self) -> None:
        texts = [text for mark in self.marks for text in self.texts(mark)]
        labels = widest([mark.label for mark in self.marks])
        notes = widest([mark.note for mark in self.marks], SMALL)
        for name, width in (
            ("labels", min(labels, LABEL_LIMIT)),
            ("numbers", max(widest(texts, SMALL), text_width("value [interval]", SMALL))),
            ("notes", min(notes, NOTE_LIMIT)),
        ):
            object.__setattr__(self, name, width)

    def texts(self, mark: Mark) -> list[str]:
        values = [(mark.value, mark.low, mark.high)]
        if self.second:
            values.append((mark.second_value, mark.second_low, mark.second_high))
        return [
            "" if value is None else interval_text(value, low, high, self.digits)
            for value, low, high in values
        ]

    @property
    def left(self) -> float:
        return EDGE + self.labels + GAP

    @property
    def note_x(self) -> float:
        return WIDTH - EDGE - self.notes

    @property
    def number_x(self) -> float:
        return self.note_x - (GAP + 6 if self.notes else 0)

    @property
    def width(self) -> float:
        return self.number_x - self.numbers - 2 * GAP - self.left

    @property
    def height(self) -> float:
        return max(len(self.marks), 1) * self.pitch

    @property
    def offsets(self) -> tuple[float, ...]:
        """Of the first and the second mark from the middle of the row, in rows."""
        return (-0.19, 0.19) if self.second else (0.0,)


def draw_forest(spec: Forest) -> Figure:
    rows = _rows(spec.marks, spec.measure, spec.second_measure, spec.digits)
    extra = [] if spec.reference is None else [spec.reference]
    figure, axes = _draw_rows(rows, spec.x_label, extra)
    if spec.reference is not None:
        axes.axvline(spec.reference, color=INK_SOFT, lw=1, zorder=1)
    return figure


def draw_caterpillar(spec: Caterpillar) -> Figure:
    ordered = sorted(spec.marks, key=lambda m: (m.value is None, -(m.value or 0.0)))
    rows = _rows(ordered, spec.measure, "", spec.digits)
    figure, axes = _draw_rows(rows, "", [0.0])
    y = HEADER + rows.height + FOOTER - 14
    x_label = shorten(spec.x_label, rows.width * 0.6)
    write(figure, rows.left + rows.width / 2, y, x_label, ha="center")
    ends = {"fontsize": SMALL, "color": INK_SOFT}
    room = (rows.width - text_width(x_label)) / 2 - GAP
    low_end = shorten(f"\u2190 {spec.low_end}", room, SMALL)
    high_end = shorten(f"{spec.high_end} \u2192", room, SMALL)
    write(figure, rows.left, y, low_end, **ends)
    write(figure, rows.left + rows.width, y, high_end, ha="right", **ends)
    axes.axvline(0, color=INK_SOFT, lw=1, zorder=1)
    return figure


def draw_influence(spec: Influence) -> Figure:
    ordered = sorted(spec.marks, key=lambda m: (m.value is None, -(m.value or 0.0)))
    rows = _rows(ordered, spec.measure, "", spec.digits)
    full = spec.full
    figure, axes = _draw_rows(rows, spec.x_label, _known((full.value, full.low, full.high)))
    if full.value is None:
        words = f"{full.label}: undefined"
    else:
        axes.axvline(full.value, color=WARM, lw=1.4, dashes=(5, 3), zorder=1)
        words = f"{full.label}: {interval_text(full.value, full.low, full.high, spec.digits)}"
    if full.low is not None and full.high is not None:
        axes.axvspan(full.low, full.high, facecolor=WARM_SOFT, lw=0, zorder=-1)
    words = shorten(words, rows.width, SMALL)
    write(figure, rows.left, HEADER / 2, words, fontsize=SMALL, color=WARM)
    return figure


def _rows(marks: Sequence[Mark], measure: str, second: str, digits: int) -> _Rows:
    crowded = len(marks) > 30
    return _Rows(marks, measure, second, digits, 40.0 if second else 21.0 if crowded else 27.0)


def _draw_rows(rows: _Rows, x_label: str, extra: Sequence[float]) -> tuple[Figure, Axes]:
    figure = sheet(HEADER + rows.height + FOOTER)
    axes = panel(figure, rows.left, HEADER, rows.width, rows.height)
    axes.set_ylim(max(len(rows.marks), 1) - 0.5, -0.5)
    values = [v for mark in rows.marks for v in _values(mark, bool(rows.second))]
    x_axis(axes, *span([*values, *extra]), x_label)
    for i in range(1, len(rows.marks)):
        axes.axhline(i - 0.5, color=LINE, lw=0.6, zorder=0)
    for place, colour, hollow in zip(rows.offsets, (ACCENT, WARM), (False, True), strict=False):
        _draw_marks(axes, rows, place, colour, hollow)
    _write_columns(figure, rows)
    if rows.second:
        _write_legend(figure, rows)
    return figure, axes


def _draw_marks(axes: Axes, rows: _Rows, place: float, colour: str, hollow: bool) -> None:
    triples = [_triple(mark, hollow) for mark in rows.marks]
    spans = [
        (i, low, high)
        for i, (_, low, high) in enumerate(triples)
        if low is not None and high is not None
    ]
    axes.hlines(
        [i + place for i, _, _ in spans],
        [low for _, low, _ in spans],
        [high for _, _, high in spans],
        colors=colour,
        lw=1.6,
        zorder=2,
    )
    known = [(i, value) for i, (value, _, _) in enumerate(triples) if value is not None]
    axes.plot(
        [value for _, value in known],
        [i + place for i, _ in known],
        "o",
        ms=6.5,
        mec=colour,
        mew=1.5,
        mfc=PAPER if hollow else colour,
        clip_on=False,
        zorder=3,
    )


def _write_columns(figure: Figure, rows: _Rows) -> None:
    head = {"fontsize": SMALL, "color": INK_SOFT}
    write(figure, rows.number_x, HEADER / 2, "value [interval]", ha="right", **head)
    colours = (ACCENT, WARM) if rows.second else (INK,)
    for i, mark in enumerate(rows.marks):
        y = HEADER + (i + 0.5) * rows.pitch
        label = shorten(mark.label, LABEL_LIMIT)
        write(figure, rows.left - GAP, y, label, ha="right", fontsize=BODY)
        for place, text, colour in zip(rows.offsets, rows.texts(mark), colours, strict=True):
            at = y + place * rows.pitch
            if not text:
                _write_undefined(figure, rows.left + 5, at, colour)
            write(figure, rows.number_x, at, text, ha="right", fontsize=SMALL, color=colour)
        note = shorten(mark.note, NOTE_LIMIT, SMALL)
        write(figure, rows.note_x, y, note, fontsize=SMALL, color=INK_SOFT)


def _write_undefined(figure: Figure, x: float, y: float, colour: str) -> None:
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
    style = {"fontsize": SMALL, "style": "italic", "color": colour, "bbox": paper}
    write(figure, x, y, "undefined", **style)


def _write_legend(figure: Figure, rows: _Rows) -> None:
    x = rows.left
    room = (rows.width + rows.numbers - text_width("value [interval]", SMALL)) / 2 - 34
    for name, colour, fill in ((rows.measure, ACCENT, ACCENT), (rows.second, WARM, PAPER)):
        name = shorten(name, room, SMALL)
        _dot(figure, x + 5, fill, colour)
        write(figure, x + 16, HEADER / 2, name, fontsize=SMALL, color=colour)
        x += 16 + text_width(name, SMALL) + 18


def _dot(figure: Figure, x: float, fill: str, edge: str) -> None:
    dot = panel(figure, x - 6, HEADER / 2 - 6, 12, 12)
    dot.plot([0], [0], "o", ms=6.5, mec=edge, mew=1.5, mfc=fill, clip_on=False)


def _triple(mark: Mark, second: bool) -> tuple[float | None, float | None, float | None]:
    if second:
        return mark.second_value, mark.second_low, mark.second_high
    return mark.value, mark.low, mark.high


def _values(mark: Mark, second: bool) -> list[float]:
    return _known(_triple(mark, False)) + (_known(_triple(mark, True)) if second else [])


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
