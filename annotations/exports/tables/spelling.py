"""How a row of a table is written: as an object of JSON, as CSV, or not at all.

A row comes in parts, and most parts stand in many rows: what each is written as is kept by whoever
reads, and a row is little more than their concatenation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from inference.recognition.tables import FORMULA_STARTS, marked

Part = TypeVar("Part")
Row_co = TypeVar("Row_co", covariant=True)
TO_QUOTE = re.compile(r'[",\r\n]')
json_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Spelling(Protocol[Part, Row_co]):
    def part(self, names: Sequence[str], cells: Sequence[Any]) -> Part: ...

    def rows(
        self, before: Sequence[Part], each: Sequence[tuple[Part, Part]], after: Part
    ) -> Sequence[Row_co]:
        """A row for every one in the middle."""
        ...


class AsDict:
    def part(self, names: Sequence[str], cells: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(names, cells, strict=True))

    def rows(
        self,
        before: Sequence[dict[str, Any]],
        each: Sequence[tuple[dict[str, Any], dict[str, Any]]],
        after: dict[str, Any],
    ) -> list[dict[str, Any]]:
        first = {name: cell for part in before for name, cell in part.items()}
        return [{**first, **one, **other, **after} for one, other in each]


class AsJson:
    def part(self, names: Sequence[str], cells: Sequence[Any]) -> str:
        return json_text(dict(zip(names, cells, strict=True)))[1:-1]

    def rows(
        self, before: Sequence[str], each: Sequence[tuple[str, str]], after: str
    ) -> tuple[str]:
        """All in one text."""
        return (_around("{" + ",".join(before) + ",", each, f",{after}}}\n"),)


class AsCsv:
    """Nothing where there is nothing, and lists and objects as JSON.

    for_spreadsheets: a text that one would run as a formula begins with an apostrophe. Otherwise
    every text is quoted, so that an empty one differs from nothing.
    """

    def __init__(self, *, for_spreadsheets: bool = True) -> None:
        self._text = harmless if for_spreadsheets else quoted

    def part(self, names: Sequence[str], cells: Sequence[Any]) -> str:
        return ",".join(map(self._cell, cells))

    def rows(
        self, before: Sequence[str], each: Sequence[tuple[str, str]], after: str
    ) -> tuple[str]:
        """All in one text."""
        return (_around(",".join(before) + ",", each, f",{after}\r\n"),)

    def _cell(self, cell: Any) -> str:
        if cell is None:
            return ""
        if isinstance(cell, str):
            return self._text(cell)
        return quoted(json_text(cell)) if isinstance(cell, list | dict) else str(cell)


def _around(before: str, each: Sequence[tuple[str, str]], after: str) -> str:
    return before + (after + before).join([f"{one},{other}" for one, other in each]) + after


def harmless(text: str) -> str:
    told = marked(text)
    return quoted(told) if TO_QUOTE.search(told) else told


def unmarked(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
