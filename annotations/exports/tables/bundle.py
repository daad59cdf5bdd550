"""The tables for R and SPSS in one zip: long, wide, a codebook, and what reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotations.exports.codebook import HEAD, NO, YES, listed_values
from annotations.exports.formats.archives import Entry, gathered, zip_chunks
from annotations.exports.tables.columns import COLUMNS
from annotations.exports.tables.long import LONG, Row, long_rows
from annotations.exports.tables.questions import Questions, read_codebook
from annotations.exports.tables.r_script import r_script
from annotations.exports.tables.spelling import AsCsv
from annotations.exports.tables.spss import spss_syntax
from annotations.exports.tables.variables import OTHER, Variable, missing_codes
from annotations.exports.tables.wide import Shape, Wide, design_of
from inference.preference_files import ANSWERS_FILE, CODEBOOK_FILE, RESPONSES_FILE, read_rows

LONG_FILE = "long.csv"
BYTE_ORDER_MARK = "\ufeff".encode()


@dataclass(frozen=True)
class Source:
    rows: Callable[[], Iterable[Row]]
    """The table of answers, from the beginning whenever asked."""
    questions: Questions
    models: Mapping[str, str]
    """Response -> model."""


@dataclass
class Tables:
    source: Source
    mark: bool = False
    """Tables begin with a byte order mark, by which Excel and older SPSS know UTF-8."""
    shapes: dict[str, Shape] = field(default_factory=dict)
    """Design -> what its wide table holds; whole once the long table is written."""

    def __post_init__(self) -> None:
        self.codes = missing_codes(self.source.questions.lowest)

    def zip(self) -> Iterator[bytes]:
        return zip_chunks(self.entries())

    def long(self) -> Iterator[bytes]:
        rows = long_rows(self._seen(), self.codes, self.source.questions.marked)
        return self._csv(LONG, rows)

    def entries(self) -> Iterator[Entry]:
        """The answers are read once for the long table, and once for each design."""
        yield Entry(LONG_FILE, self.long())
        tables: list[tuple[str, Sequence[Variable]]] = [(LONG_FILE, LONG)]
        for design, shape in sorted(self.shapes.items()):
            wide = Wide(design, shape, self.source.questions, self.codes, self.source.models)
            tables.append((wide.file, wide.variables()))
            yield Entry(wide.file, self._csv(wide.variables(), wide.rows(self.source.rows())))
        slugs = list(dict.fromkeys(slug for one in self.shapes.values() for slug in one.questions))
        by_number = {str(self.codes[reason]): label for reason, label in self._meanings().items()}
        yield Entry(CODEBOOK_FILE, self._csv(HEAD, _codebook(tables, by_number)))
        yield Entry("read.sps", _text(spss_syntax(tables, by_number)))
        yield Entry(
            "read.R", _text(r_script(tables, self.source.questions, slugs, self._meanings()))
        )

    def _meanings(self) -> dict[str, str]:
        return {
            reason: self.source.questions.reasons.get(
                reason, "Another reason" if reason == OTHER else reason
            )
            for reason in self.codes
        }

    def _seen(self) -> Iterator[Row]:
        for row in self.source.rows():
            self.shapes.setdefault(design_of(row), Shape()).see(row)
            yield row

    def _csv(
        self, columns: Sequence[Variable] | Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> Iterator[bytes]:
        spelling = AsCsv()
        names = [one if isinstance(one, str) else one.name for one in columns]

        def lines() -> Iterator[bytes]:
            yield (BYTE_ORDER_MARK if self.mark else b"") + (",".join(names) + "\r\n").encode()
            for row in rows:
                yield (spelling.part(names, row) + "\r\n").encode()

        return gathered(lines())


def _text(pieces: Iterable[str]) -> Iterator[bytes]:
    yield "".join(pieces).encode()


def _codebook(
    tables: Iterable[tuple[str, Sequence[Variable]]], reasons: Mapping[str, str]
) -> Iterator[Sequence[str]]:
    """reasons: number of a missing answer -> label."""
    for file, variables in tables:
        for one in variables:
            values = {**one.values, **(reasons if one.missing or one.is_reason else {})}
            asked = one.instrument or one.question
            yield (
                *(one.name, file, one.label, one.kind, listed_values(values), one.level),
                *((YES if one.reverse_scored else NO) if asked else "", one.instrument),
                one.question,
            )


def release_tables(folder: Path, rows: Callable[[], Iterable[Row]] | None = None) -> Tables:
    """Of a release, whose files were checked before. rows: of its answers, if not all of them."""
    source = Source(
        rows=rows or (lambda: read_rows(folder / ANSWERS_FILE)),
        questions=read_codebook(folder / CODEBOOK_FILE, COLUMNS),
        models={
            str(row["response_id"]): row["model"] for row in read_rows(folder / RESPONSES_FILE)
        },
    )
    return Tables(source)
