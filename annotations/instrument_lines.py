"""Tables as people type them: a number, "=" and words, one a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms

LINE = re.compile(r"(-?[0-9]{1,4})\s*[=:]\s*(.+)")


def pairs_in(lines: str) -> Iterator[tuple[int, str]]:
    for line in filter(None, map(str.strip, lines.splitlines())):
        found = LINE.fullmatch(line)
        if found is None:
            raise forms.ValidationError(f"“{line}” is not a number, “=”, and words.")
        yield int(found[1]), found[2].strip()


def anchors_in(lines: str) -> dict[str, str]:
    pairs = list(pairs_in(lines))
    anchors = {str(score): words for score, words in pairs}
    if len(anchors) < len(pairs):
        raise forms.ValidationError("A point is described twice. Keep one of the lines.")
    return anchors


def options_in(lines: str) -> list[dict[str, Any]]:
    return [{"value": value, "label": label} for value, label in pairs_in(lines)]


def numbers_in(words: str) -> list[int]:
    given = [word for word in re.split(r"[\s,;]+", words) if word]
    wrong = [word for word in given if not re.fullmatch(r"-?[0-9]{1,4}", word)]
    if wrong:
        raise forms.ValidationError(f"“{wrong[0]}” is not a whole number.")
    return [int(word) for word in given]


def write_anchors(anchors: Mapping[str, str]) -> str:
    return "\n".join(f"{score} = {words}" for score, words in anchors.items())


def write_options(options: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(f"{option['value']} = {option['label']}" for option in options)
