"""Files of cells between commas, semicolons or tabs, read column by column as codes.

A column is kept as its different words and one number a row, because a file of a million ratings
has few raters, criteria and scores: that is small, and each word is looked at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.ratings import RatingsError

DELIMITERS = (",", ";", "\t")
AT_A_TIME = 50_000
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Column:
    name: str
    words: tuple[str, ...]
    """The different cells, without blanks around them, in the order in which they first come."""
    codes: Codes
    """Per row, an index into `words`."""

    def word(self, row: int) -> str:
        return self.words[int(self.codes[row])]

    def first_row(self, code: int) -> int:
        return int(np.argmax(self.codes == code))


@dataclass(frozen=True, eq=False)
class Sheet:
    file: str
    delimiter: str
    columns: tuple[Column, ...]
    lines: Codes
    """Per row, the line on which it starts; the header stands on an earlier one."""

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def error(self, what: str, row: int | None = None, column: str | None = None) -> RatingsError:
        """To be raised; `what` says the remedy too."""
        line = None if row is None else int(self.lines[row])
        return file_error(self.file, what, line, column)

    def again(self, one: int, two: int, what: str) -> RatingsError:
        """Of two rows that cannot both be."""
        return RatingsError(f"{self.file}, lines {self.lines[one]} and {self.lines[two]}: {what}")


def file_error(
    file: str, what: str, line: int | None = None, column: str | None = None
) -> RatingsError:
    where = [file]
    where += [f"line {line}"] if line is not None else []
    where += [f"column “{column}”"] if column is not None else []
    return RatingsError(f"{', '.join(where)}: {what}")


def read_sheet(path: Path) -> Sheet:
    """A header and one row or more. UTF-8, with or without a byte order mark; blank lines do not
    count; a cell in quotation marks may hold anything.

    Raises RatingsError, which names file, line, column and remedy.
    """
    text = _text(path)
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    if not first:
        raise file_error(path.name, "the file is empty: it needs a header and one row or more.")
    delimiter = _delimiter(first)
    chunks = _chunks(path.name, text, delimiter)
    lines_of_header, (cells,) = next(chunks)
    header = _checked_header(path.name, cells, int(lines_of_header[0]))
    lines, words, codes = _encoded(path.name, chunks, header)
    if not lines:
        raise file_error(path.name, "there is a header and nothing below it.")
    columns = [_column(*column) for column in zip(header, words, codes, strict=True)]
    return Sheet(path.name, delimiter, tuple(columns), np.concatenate(lines))


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise file_error(str(path), f"the file cannot be read: {error.strerror}.") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise file_error(
            path.name, "the file is not UTF-8: save it again as “CSV UTF-8”.", line
        ) from error


def _delimiter(line: str) -> str:
    """The one that the header has most of, outside quotation marks."""
    outside = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _chunks(file: str, text: str, delimiter: str) -> Iterator[tuple[Codes, list[list[str]]]]:
    """Starting lines and cells of the rows that are not blank, many at a time; first the header."""
    reader = _reader(text, delimiter)
    line, size = 1, 1
    while True:
        try:
            rows = list(islice(reader, size))
        except csv.Error as error:
            raise file_error(
                file,
                f"the quotation marks do not fit ({error}): close each one that opens a cell, and "
                "write one inside a cell twice.",
                _line_of_bad_quotes(text, delimiter),
            ) from error
        if not rows:
            return
        lines = np.arange(line, line + len(rows))
        if reader.line_num + 1 - line > len(rows):  # cells that run over several lines
            more = [sum(cell.count("\n") for cell in row) for row in rows[:-1]]
            lines[1:] += np.cumsum(more)
        line = reader.line_num + 1
        full = [any(cell and not cell.isspace() for cell in row) for row in rows]
        if not all(full):
            rows, lines = list(compress(rows, full)), lines[full]
        if rows:
            yield lines, rows
            size = AT_A_TIME


def _reader(text: str, delimiter: str) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _line_of_bad_quotes(text: str, delimiter: str) -> int:
    """Where the row starts: a mark that is never closed shows at the end of the file only."""
    reader, line = _reader(text, delimiter), 1
    with suppress(csv.Error):
        for _ in reader:
            line = reader.line_num + 1
    return line


def _checked_header(file: str, cells: list[str], line: int) -> list[str]:
    header = [name.strip() for name in cells]
    if len(header) == 1:
        raise file_error(
            file,
            f"there is only one column, “{header[0]}”: separate columns by comma, semicolon or "
            "tab.",
            line,
        )
    seen: set[str] = set()
    for name in header:
        if name.casefold() in seen and name:
            raise file_error(file, "two columns have this name: rename or remove one.", line, name)
        seen.add(name.casefold())
    return header


class _Codes(dict[str, int]):
    """Word -> its number, which a new word gets when it is looked up."""

    def __missing__(self, word: str) -> int:
        self[word] = code = len(self)
        return code


def _encoded(
    file: str, chunks: Iterator[tuple[Codes, list[list[str]]]], header: Sequence[str]
) -> tuple[list[Codes], list[_Codes], list[list[Codes]]]:
    """Of every chunk the lines; of every column its words, and of every chunk their numbers."""
    lines: list[Codes] = []
    words = [_Codes() for _ in header]
    codes: list[list[Codes]] = [[] for _ in header]
    width = len(header)
    for starts, rows in chunks:
        if set(map(len, rows)) != {width}:
            wrong = next(place for place, row in enumerate(rows) if len(row) != width)
            raise file_error(
                file,
                f"{len(rows[wrong])} cells, where the header has {width}: add what is missing, or "
                "put a cell that holds a separator into quotation marks.",
                int(starts[wrong]),
            )
        lines.append(starts)
        for known, found, cells in zip(words, codes, zip(*rows, strict=True), strict=True):
            found.append(np.fromiter(map(known.__getitem__, cells), np.int64, len(cells)))
    return lines, words, codes


def _column(name: str, words: _Codes, codes: list[Codes]) -> Column:
    """Words that differ in the blanks around them are one."""
    known = _Codes()
    merged = np.array([known[word.strip()] for word in words], dtype=np.int64)
    return Column(name, tuple(known), merged[np.concatenate(codes)])
