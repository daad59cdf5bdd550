"""What the columns of a ratings table may be called, and what may stand in them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.delimited import Column, Sheet
from annotations.statistics.ratings import RatingsError, Scale

ALIASES: Mapping[str, tuple[str, ...]] = {
    "item": ("item", "unit", "subject", "item_id", "unit_id", "subject_id", "target"),
    "rater": (
        "rater",
        "annotator",
        "coder",
        "observer",
        "judge",
        "rater_id",
        "annotator_id",
        "coder_id",
    ),
    "criterion": ("criterion", "criteria", "dimension", "question"),
    "value": ("value", "score", "rating", "answer", "label"),
    "cluster": ("cluster", "session", "dialogue"),
    "stimulus": ("stimulus", "prompt", "turn"),
    "order": ("order", "time", "timestamp"),
    "model": ("model", "system"),
    "kind": ("kind", "rater_kind"),
    "first": ("first",),
    "second": ("second",),
}
MISSING = ("", "na", "nan", ".")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
JUDGES = ("judge", "llm", "machine")
PEOPLE = ("person", "human", "people")


def named_columns(sheet: Sheet) -> dict[str, Column]:
    """Field -> its column; the field's own name goes before its aliases.

    Raises RatingsError where two columns could be one field.
    """
    found: dict[str, Column] = {}
    for column in sheet.columns:
        field = field_of(column.name)
        if field is None or (field in found and found[field].name.casefold() == field):
            continue
        if field in found and column.name.casefold() != field:
            raise sheet.error(
                f"“{found[field].name}” could be the {field} as well: call one of them “{field}”.",
                column=column.name,
            )
        found[field] = column
    return found


def field_of(name: str) -> str | None:
    word = name.casefold().replace(" ", "_")
    return next((field for field, aliases in ALIASES.items() if word in aliases), None)


def missing_column(sheet: Sheet, field: str, otherwise: str = "") -> RatingsError:
    others = ALIASES[field][1:]
    return sheet.error(
        f"there is no column for the {field}: name one “{field}”"
        f"{f' (or {listed(others)})' if others else ''}. There are "
        f"{', '.join(f'“{name}”' for name in sheet.header)}. {otherwise}".rstrip()
    )


def listed(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def is_missing(word: str) -> bool:
    return word.casefold() in MISSING


def check_names(sheet: Sheet, column: Column) -> None:
    """Raises RatingsError where a row does not say which item, rater, ... it is of."""
    if "" in column.words:
        row = column.first_row(column.words.index(""))
        raise sheet.error("the cell is empty: fill it in, or remove the row.", row, column.name)


def numbers(sheet: Sheet, column: Column) -> NDArray[np.float64]:
    """Per row, NaN where missing. With semicolons or tabs a decimal comma is read, too."""
    parsed = np.empty(len(column.words))
    for code, word in enumerate(column.words):
        number = _number(word, sheet.delimiter)
        if number is None:
            raise sheet.error(
                f"“{word}” is no number: code categories as numbers, and leave the cell empty (or "
                "NA) where there is none.",
                column.first_row(code),
                column.name,
            )
        parsed[code] = number
    return parsed[column.codes]


def times(sheet: Sheet, column: Column) -> NDArray[np.float64]:
    """Numbers, or dates and times as in 2024-05-01T10:30 as seconds; NaN where missing."""
    parsed = np.empty(len(column.words))
    for code, word in enumerate(column.words):
        number = _number(word, sheet.delimiter)
        if number is None:
            number = _seconds(word)
        if number is None:
            raise sheet.error(
                f"“{word}” is neither a number nor a date and time such as 2024-05-01T10:30.",
                column.first_row(code),
                column.name,
            )
        parsed[code] = number
    return parsed[column.codes]


def are_judges(sheet: Sheet, column: Column) -> NDArray[np.bool_]:
    """Per row. A cell that is missing is a person's."""
    judges = np.zeros(len(column.words), dtype=np.bool_)
    for code, word in enumerate(column.words):
        judges[code] = word.casefold() in JUDGES
        if not judges[code] and word.casefold() not in PEOPLE and not is_missing(word):
            raise sheet.error(
                f"“{word}” is neither person nor judge.", column.first_row(code), column.name
            )
    return judges[column.codes]


def check_on_scale(
    sheet: Sheet, column: Column, values: NDArray[np.float64], scale: Scale | None
) -> None:
    """Raises RatingsError for the first value outside the declared scale or between its steps."""
    if scale is None:
        return
    outside = (values < scale.low) | (values > scale.high)  # NaN is neither
    if scale.step:
        steps = (values - scale.low) / scale.step
        outside |= np.abs(steps - np.round(steps)) > 1e-9
    if outside.any():
        row = int(np.argmax(outside))
        steps_of = f" in steps of {scale.step:g}" if scale.step else ""
        raise sheet.error(
            f"{values[row]:g} is not on the scale from {scale.low:g} to {scale.high:g}{steps_of}: "
            "correct it, or declare another scale.",
            row,
            column.name,
        )


def first_repeat(key: NDArray[np.int64]) -> tuple[int, int] | None:
    """The first two places with one key; None where every key is there once."""
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if not again.size:
        return None
    at = again[np.argmin(order[again + 1])]
    return int(order[at]), int(order[at + 1])


def _number(word: str, delimiter: str) -> float | None:
    if is_missing(word):
        return math.nan
    if delimiter != "," and DECIMAL_COMMA.fullmatch(word):
        word = word.replace(",", ".")
    if not NUMBER.fullmatch(word):
        return None
    number = float(word)
    return number if math.isfinite(number) else None


def _seconds(word: str) -> float | None:
    try:
        when = datetime.fromisoformat(word)
    except ValueError:
        return None
    # Local times count as they stand: only their order within a rater is used.
    start = datetime(1970, 1, 1, tzinfo=when.tzinfo)
    return (when - start).total_seconds() if when.tzinfo is None else when.timestamp()
