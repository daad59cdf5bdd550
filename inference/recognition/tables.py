"""The matrix and the single predictions as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from inference.recognition.confusion import UNREAD, Confusion

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def confusion_rows(confusion: Confusion) -> Iterator[Sequence[object]]:
    yield ["corpus label", *confusion.labels, UNREAD]
    for label, counts in zip(confusion.labels, confusion.counts.tolist(), strict=True):
        yield [label, *counts]


class _Line:
    """Hands each written line back to whoever writes it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A text that a spreadsheet would run as a formula begins with an apostrophe."""
    writer = csv.writer(_Line())
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> object:
    return marked(value) if isinstance(value, str) else value


def marked(text: str) -> str:
    """Behind an apostrophe, if a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def unmarked(text: str) -> str:
    """As it was before `marked`."""
    return text[1:] if text[:1] == "'" and text.startswith(FORMULA_STARTS, 1) else text
