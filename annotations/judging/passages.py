"""Passages that a judge quotes, found in the text: models copy words well and count badly."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from annotations.answers import UnreadableAnswerError

ALIKE = ("'’‘‚`", '"“”„«»', "-‐‑–—")  # noqa: RUF001
"""Signs that a model may write for one another."""
Place = tuple[int, int]
"""In code points."""


def passages(quoted: Sequence[Any], marked: str) -> Iterator[dict[str, Any]]:
    """As annotations/answers.py writes them; what does not stand in the text is refused."""
    taken: set[Place] = set()
    for one in quoted:
        quote = {"passage": one} if isinstance(one, str) else one
        if not isinstance(quote, dict):
            raise UnreadableAnswerError("a passage is given by its words")
        place = place_of(quote.get("passage"), quote.get("occurrence"), marked, taken)
        taken.add(place)
        note = "" if quote.get("note") is None else quote["note"]
        if not isinstance(note, str):
            raise UnreadableAnswerError("the note on a passage is no text")
        yield {"start": place[0], "end": place[1], "note": note}


def place_of(passage: Any, occurrence: Any, marked: str, taken: Collection[Place]) -> Place:
    """Without an occurrence the first place that is not yet taken."""
    if not isinstance(passage, str) or not passage:
        raise UnreadableAnswerError("a passage is given by its words")
    places = places_of(passage, marked)
    if occurrence is None:
        places, occurrence = [place for place in places if place not in taken], 1
    if type(occurrence) is not int or not 1 <= occurrence <= len(places):
        raise UnreadableAnswerError(f"“{passage[:60]}” does not stand in the response there")
    return places[occurrence - 1]


def places_of(passage: str, marked: str) -> list[Place]:
    return found(re.escape(passage), marked) or found(loosely(passage), marked, re.IGNORECASE)


def found(pattern: str, marked: str, flags: int = 0) -> list[Place]:
    """Also those that overlap."""
    return [match.span(1) for match in re.finditer(f"(?=({pattern}))", marked, flags)]


def loosely(passage: str) -> str:
    """White space of any length, and signs that look alike; nothing where no words are left."""
    words = ["".join(map(loose_sign, word)) for word in passage.split()]
    return r"\s+".join(words) if words else r"(?!)"


def loose_sign(sign: str) -> str:
    alike = next((signs for signs in ALIKE if sign in signs), "")
    return f"[{re.escape(alike)}]" if alike else re.escape(sign)
