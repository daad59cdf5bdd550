"""Frozen dataclasses of plain values to JSON and back."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Cell = str | int | float | bool | None
T = TypeVar("T")


class FigureError(ValueError):
    """The parts of a figure do not belong together; the message says which."""


def is_slug(text: str) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", text) is not None


def check_plain(value: object, where: str) -> None:
    """Refuses what cannot be stored and read back equal: lists, numpy's integers, NaN."""
    if isinstance(value, tuple):
        for part in value:
            check_plain(part, where)
    elif is_dataclass(value):
        for field in fields(value):
            check_plain(getattr(value, field.name), f"{where}, {field.name}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise FigureError(f"{where}: {value} cannot be drawn; an undefined value is None.")
    elif not isinstance(value, Cell):
        raise FigureError(f"{where}: {type(value).__name__} is not a plain value.")


def to_plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [to_plain(part) for part in value]
    # numpy's float64 is a float, but would not print like one.
    return float(value) if isinstance(value, float) else value


def from_plain(wanted: type[T], data: Mapping[str, Any]) -> T:
    """Raises FigureError for a name that the dataclass does not have, or misses."""
    hints = _hints(cast(Hashable, wanted))
    try:
        return wanted(**{name: _read(hints[name], value) for name, value in data.items()})
    except (LookupError, TypeError) as error:
        raise FigureError(f"This is not a stored {wanted.__name__}: {error}") from error


@cache
def _hints(wanted: Any) -> dict[str, Any]:
    return get_type_hints(wanted)


def _read(wanted: Any, value: Any) -> Any:
    if isinstance(value, list):
        inner = get_args(wanted)
        if inner[-1] is Ellipsis:
            return tuple(_read(inner[0], part) for part in value)
        return tuple(_read(part, v) for part, v in zip(inner, value, strict=True))
    if isinstance(value, dict):
        options = get_args(wanted) if get_origin(wanted) is types.UnionType else (wanted,)
        return from_plain(options[0], value)
    return value
