"""Passages that a judge quotes, found in the text: models copy words well and count badly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from annotations.answers import UnreadableAnswerError

ALIKE = ("'’‘‚`", '"“”„«»', "-‐‑–—")  # noqa: RUF001
"""Signs that a model may write for one another."""


def passages(quoted: Sequence[Any], marked: str) -> Iterator[dict[str, Any]]:
    """As annotations/answers.py writes them; what does not stand in the text is refused."""
    for one in quoted:
        quote = {"passage": one} if isinstance(one, str) else one
        if not isinstance(quote, dict):
            raise UnreadableAnswerError("a passage is given by its words")
        start, end = place_of(quote.get("passage"), quote.get("occurrence"), marked)
        note = quote.get("note")
        yield {"start": start, "end": end, "note": "" if note is None else note}


def place_of(passage: Any, occurrence: Any, marked: str) -> tuple[int, int]:
    """In code points."""
    number = 1 if occurrence is None else occurrence
    if not isinstance(passage, str) or not passage or type(number) is not int or number < 1:
        raise UnreadableAnswerError("a passage is given by its words and the number of the place")
    for pattern in (re.escape(passage), loosely(passage)):
        places = [match.span(1) for match in re.finditer(f"(?=({pattern}))", marked)]
        if places and number <= len(places):
            return places[number - 1]
        if places:
            break
    raise UnreadableAnswerError(f"“{passage[:60]}” does not stand there {number} times")


def loosely(passage: str) -> str:
    """White space of any length, and signs that look alike; nothing where no words are left."""
    words = [loose_word(word) for word in passage.split()]
    return r"\s+".join(words) if words else r"(?!)"


def loose_word(word: str) -> str:
    return "".join(loose_sign(sign) for sign in word)


def loose_sign(sign: str) -> str:
    if sign == "…":
        return r"(?:…|\.\.\.)"
    alike = next((signs for signs in ALIKE if sign in signs), "")
    return f"[{re.escape(alike)}]" if alike else re.escape(sign)
