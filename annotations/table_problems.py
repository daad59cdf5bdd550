"""What is wrong with a cell of a table that somebody uploads, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    line: int
    column: str
    """Empty: the whole line."""
    message: str
    """What is wrong, and what to do about it."""

    def __str__(self) -> str:
        where = f"Line {self.line}, column {self.column}" if self.column else f"Line {self.line}"
        return f"{where}: {self.message}"
