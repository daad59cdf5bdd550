"""Cells of CSV and Parquet: JSON within a text, and characters that no database text can hold."""

from __future__ import annotations

import json
from typing import Any

from inference.corpora.errors import Place
from inference.corpora.json_text import MAX_DEPTH, depth, unstorable


def json_cell(text: str, field: str, place: Place) -> Any:
    """The list or object that a cell spells; the text itself where it spells none."""
    if text[:1] not in ("[", "{"):
        return text
    if depth(text) > MAX_DEPTH:
        raise place.error(
            field, f"it is nested deeper than {MAX_DEPTH} levels", "Check how it was exported"
        )
    try:
        value = json.loads(text)
    except ValueError:
        return text
    refuse_unstorable(value, field, place)
    return value if isinstance(value, list | dict) else text


def refuse_unstorable(value: Any, field: str, place: Place) -> None:
    if unstorable(value):
        raise place.error(
            field,
            "it has a NUL or half of a surrogate pair, which stands for no character",
            "Remove it or write the character itself",
        )
