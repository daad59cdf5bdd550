"""The answers in what a judge wrote: JSON objects among prose, fences and thoughts."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from annotations.answers import clean

THOUGHT_ENDS, THOUGHT_BEGINS = "</think>", "<think>"
FIRST_KEY = re.compile(r"""\s*["']?([^"':{}]{1,100})["']?\s*:""")
BEGIN = re.compile(r"\{(?=\s*[\"'}\w])")
MOST_FAILED = 300
"""Objects that cannot be read, until a text counts as broken altogether: nested by the thousand,
they would take minutes."""
DEEPEST = 3
"""Objects around the answers, such as {"result": {"answers": {...}}}."""
ANSWERS, RATIONALE = "answers", "rationale"


class Twice:
    """Stands for the values of a key that one object has with different values."""

    def __str__(self) -> str:
        return "a key with two values"


class Broken:
    """Stands for an object that begins as an answer does and is cut off or no JSON, and for a text
    of which this cannot be said any more."""


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        same = key not in found or same_json(found[key], value)
        found[key] = value if same else Twice()
    return found


def same_json(one: Any, other: Any) -> bool:
    """True and 1 are different."""
    return type(one) is type(other) and bool(one == other)


DECODER = json.JSONDecoder(
    strict=False, object_pairs_hook=without_doubles, parse_constant=refuse_constant
)


def after_thoughts(text: str) -> str:
    """What follows the thoughts of a model that writes these down; nothing while it thinks."""
    _, ended, rest = text.rpartition(THOUGHT_ENDS)
    if ended:
        return rest
    return "" if THOUGHT_BEGINS in text else text


def objects_in(text: str, names: Collection[str]) -> list[Mapping[str, Any] | Broken]:
    """From the left, none inside another.

    names: keys, in `plain` letters, with which an answer begins.
    """
    found: list[Mapping[str, Any] | Broken] = []
    failed = 0
    begin = BEGIN.search(text)
    while begin:
        end = begin.start() + 1
        try:
            value, end = DECODER.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            failed += 1
            match = FIRST_KEY.match(text, end)
            if failed > MOST_FAILED or (match and plain(match[1]) in names):
                found.append(Broken())
        else:
            found.append(value)
        begin = BEGIN.search(text, end) if failed <= MOST_FAILED else None
    return found


def answers_in(value: Mapping[str, Any], names: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """Objects that answer: under "answers", or with questions as keys; wherever they stand, so
    that two of them that do not agree are seen."""
    waiting = [(value, 0)]
    while waiting:
        outer, depth = waiting.pop(0)
        frame = (ANSWERS, RATIONALE) if isinstance(outer.get(ANSWERS), dict) else ()
        if frame:
            yield outer[ANSWERS]
        answered = {k: v for k, v in outer.items() if k not in frame and plain(k) in names}
        if answered:
            yield answered
        if depth < DEEPEST:
            others = [v for k, v in outer.items() if k not in frame and k not in answered]
            waiting += [(other, depth + 1) for other in others if isinstance(other, dict)]


def rationale_in(value: Mapping[str, Any]) -> str:
    said = value.get(RATIONALE)
    return clean(said).strip() if isinstance(said, str) else ""


def plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
