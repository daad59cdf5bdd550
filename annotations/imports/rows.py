"""Rows of the files people hand in, one at a time: JSON Lines, a JSON array, CSV, Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from annotations.imports.cells import json_cell
from annotations.imports.parquet import parquet_rows
from inference.corpora.csv_text import CsvFile
from inference.corpora.errors import Place
from inference.corpora.files import open_corpus_file
from inference.corpora.json_text import json_array, json_lines, parse_object

Row = dict[str, Any]
ROW = "row"
MOST_BYTES_WHOLE = 64 * 2**20
"""Of a file that cannot be read piece by piece."""


def rows_of(path: Path) -> Iterator[tuple[Place, Row]]:
    """Every row with its place; memory holds one row, or one batch of a Parquet file."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return parquet_rows(path)
    if suffix == ".csv":
        return _csv_rows(path)
    if suffix in (".json", ".jsonl", ".ndjson"):
        return json_array(path, ROW) if first_mark(path) == "[" else json_lines(path, ROW)
    raise Place(path).error(
        None,
        f"a file ending in {suffix or 'nothing'} is none that preferences are read from",
        "Hand in .jsonl, .json, .csv or .parquet",
    )


def first_row(path: Path) -> tuple[Place, Row]:
    for place, row in rows_of(path):
        return place, row
    raise Place(path).error(None, "the file holds no row", "Export it again")


def first_mark(path: Path) -> str:
    with open_corpus_file(path) as file:
        while chunk := file.read(1024):
            if text := chunk.lstrip():
                return text[:1].decode("latin-1")
    return ""


def whole_object(path: Path) -> Row:
    """A file that is one JSON object."""
    return parse_object(whole_text(path), Place(path, 1), "file")


def whole_text(path: Path) -> str:
    with open_corpus_file(path) as file:
        data = file.read(MOST_BYTES_WHOLE + 1)
    if len(data) > MOST_BYTES_WHOLE:
        raise Place(path).error(
            None,
            f"the file is larger than {MOST_BYTES_WHOLE // 2**20} MiB, and cannot be read in parts",
            "Divide it",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Place(path, line).error(
            None, f"byte 0x{data[error.start]:02x} is not valid UTF-8", "Save the file as UTF-8"
        ) from error


def _csv_rows(path: Path) -> Iterator[tuple[Place, Row]]:
    """Exports write lists and objects into cells as JSON; anything else is text."""
    for row in CsvFile(path, ()).rows():
        cells = row.values.items()
        yield row.place, {name: json_cell(value, name, row.place) for name, value in cells}


def text_field(row: Mapping[str, Any], name: str, place: Place) -> str:
    """A text that may be empty but must be there."""
    if name not in row or row[name] is None:
        raise place.error(name, "it is missing", f"Add the field {name!r} to every row")
    value = row[name]
    if not isinstance(value, str):
        raise place.error(name, f"a text was expected, not {shown(value)}", "Write a text")
    return value


def optional_text(row: Mapping[str, Any], *names: str) -> str:
    """The first of the fields that holds a text or a number; empty where none does."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


TRUTH = {
    **dict.fromkeys(("true", "1", "1.0"), True),
    **dict.fromkeys(("false", "0", "0.0"), False),
}


def truth_of(row: Mapping[str, Any], name: str, place: Place) -> bool | None:
    """As JSON, Parquet and CSV write true and false; None where the field says nothing."""
    value = row.get(name)
    if value is None or value == "":
        return None
    found = TRUTH.get(str(value).strip().lower()) if isinstance(value, int | float | str) else None
    if found is None:
        raise place.error(
            name, f"true or false was expected, not {shown(value)}", "Write true or false"
        )
    return found


def number_of(value: Any, name: str, place: Place) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(value)
    except (ValueError, OverflowError) as error:
        raise place.error(
            name, f"a number was expected, not {shown(value)}", "Write a number"
        ) from error
    return number


def shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) <= 60 else text[:57] + "...") if text.strip() else "blank"


def is_number(value: Any) -> bool:
    """Whether it is meant as one: `number_of` refuses whole numbers that are too large."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
