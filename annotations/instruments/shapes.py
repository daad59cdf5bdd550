"""Fields of a file against those of a dataclass: unknown, missing, or of the wrong type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any

from annotations.instruments.problems import Problem


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def is_table(value: Any) -> bool:
    return isinstance(value, dict)


def is_table_of_texts(value: Any) -> bool:
    return is_table(value) and all(map(is_text, value.values()))


def is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


# By the annotation in the dataclass.
TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (is_text, 'a text in quotation marks, as "Empathy"'),
    "int": (is_whole, "a whole number, as 5"),
    "int | None": (is_whole, "a whole number, as 5"),
    "float": (is_number, "a number, as 0.4"),
    "float | None": (is_number, "a number, as 1.5"),
    "bool": (lambda value: isinstance(value, bool), "true or false, without quotation marks"),
    "tuple[str, ...]": (is_texts, 'a list of texts, as ["one", "two"]'),
    "dict[str, str]": (is_table_of_texts, 'a table of texts, as { 1 = "poor", 5 = "good" }'),
    "dict[str, Any]": (is_table, 'a table, as { criterion = "empathy", values = [1, 2] }'),
    "list[dict[str, Any]]": (is_tables, 'a list of tables, as [{ value = 0, label = "No" }]'),
}


def check_shape(
    content: Mapping[str, Any], schema: type, *, apart: Collection[str] = (), thing: str
) -> Iterator[Problem]:
    """apart: fields that are read elsewhere, as nested tables.

    thing: what has the fields, as "an instrument".
    """
    known = {each.name: each for each in fields(schema) if each.name not in apart}
    for name in content:
        if name not in known and name not in apart:
            yield Problem(str(name), unknown(str(name), [*known, *apart], thing))
    for name, each in known.items():
        if name not in content:
            if is_required(each):
                yield Problem(name, f"is missing. Add {name} = {example(str(each.type))}.")
            continue
        fits, words = TYPES[str(each.type)]
        if not fits(content[name]):
            yield Problem(name, f"has to be {words}.")


def fitting(content: Mapping[str, Any], schema: type) -> dict[str, Any]:
    """The fields that are of the right type, texts without white space around them."""
    types = {each.name: str(each.type) for each in fields(schema)}
    return {
        name: tidy(value)
        for name, value in content.items()
        if name in types and types[name] in TYPES and TYPES[types[name]][0](value)
    }


def tidy(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\r\n", "\n").strip()
        case list():
            return [tidy(each) for each in value]
        case dict():
            return {name: tidy(each) for name, each in value.items()}
        case _:
            return value


def is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def unknown(name: str, known: Collection[str], thing: str) -> str:
    close = get_close_matches(name, known, n=1)
    remedy = f"Did you mean {close[0]}?" if close else f"Remove it, or use: {', '.join(known)}."
    return f"{thing} has no such field. {remedy}"


def example(kind: str) -> str:
    return {"str": '"…"', "int": "1", "bool": "true", "float": "0.5"}.get(kind, "…")
