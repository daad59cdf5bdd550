"""CSV read row by row, each with the line it starts on, and again from a row met before."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.corpora.errors import Place
from inference.corpora.files import Line, text_lines

LONGEST_VALUE = 2**20
"""Characters: above what any column may hold, whose own limit is then named, and little enough to
keep in memory."""
csv.field_size_limit(LONGEST_VALUE)


@dataclass(frozen=True)
class Row:
    place: Place
    start: Line
    values: dict[str, str]


class CsvFile:
    """A file whose first row names its columns."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        _, names = next(_records(path, None), (None, []))
        self.header = [name.strip() for name in names]
        place = Place(path, 1)
        for column in columns:
            if column not in self.header:
                raise place.error(
                    column,
                    f"the column is missing; the file has: {', '.join(self.header)[:200]}",
                    f"The first line must name the columns {', '.join(columns)}",
                )
        if len(set(self.header)) < len(self.header):
            raise place.error(None, "two columns have the same name", "Rename one of them")

    def rows(self, since: Line | None = None) -> Iterator[Row]:
        records = _records(self.path, since)
        if since is None:
            next(records)
        for start, values in records:
            if not values:
                continue
            place = Place(self.path, start.number)
            if len(values) != len(self.header):
                raise place.error(
                    None,
                    f"the row has {len(values)} values for {len(self.header)} columns",
                    "Check the commas and the quotation marks of this row",
                )
            yield Row(place, start, dict(zip(self.header, values, strict=True)))


def _records(path: Path, since: Line | None) -> Iterator[tuple[Line, list[str]]]:
    """The parsed records with the line each begins on; a quoted value may run over lines."""
    taken: list[Line] = []

    def feed() -> Iterator[str]:
        for line in text_lines(path, since):
            if not taken:
                taken.append(line)
            yield line.text

    reader = csv.reader(feed(), strict=True)
    while True:
        taken.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Place(path, taken[0].number if taken else None).error(
                None, f"the CSV is broken: {error}", "Check the quotation marks of this row"
            ) from error
        yield taken[0], values
