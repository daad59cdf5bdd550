"""Why a file was not imported, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from inference.errors import DomainError


class CorpusError(DomainError):
    def __init__(
        self, *, file: Path, line: int | None, field: str | None, problem: str, remedy: str
    ) -> None:
        self.file = file
        self.line = line
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(file, line, field, problem, remedy)

    def __str__(self) -> str:
        where = [self.file.name or str(self.file)]
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.field:
            where.append(self.field)
        return f"{', '.join(where)}: {self.problem}. {self.remedy}"


@dataclass(frozen=True)
class Place:
    """Where in a file the reader is, so that a refusal can point there."""

    file: Path
    line: int | None = None
    part: str = ""
    """A part of a record that has no line of its own, such as `dialogue 3, turn 5`."""

    def turn(self, number: int) -> Place:
        return self.within(f"turn {number}")

    def within(self, part: str) -> Place:
        return replace(self, part=", ".join(filter(None, [self.part, part])))

    def error(self, field: str | None, problem: str, remedy: str) -> CorpusError:
        named = ", ".join(filter(None, [self.part, field])) or None
        return CorpusError(
            file=self.file, line=self.line, field=named, problem=problem, remedy=remedy
        )
