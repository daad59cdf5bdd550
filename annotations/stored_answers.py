"""Answers as the tables keep them: what a row of ratings or preferences holds, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from annotations.answers import (
    Answer,
    Choice,
    NoAnswer,
    Options,
    Ranks,
    Score,
    Span,
    Spans,
    Words,
)


class RatingFields(TypedDict):
    score: int | None
    content: Any
    cannot_rate: str


class PreferenceFields(TypedDict):
    preferred: int | None
    """Response id."""
    strength: int | None
    ranks: dict[str, int] | None
    tie_kind: str
    cannot_rate: str


def rating_fields(answer: Answer) -> RatingFields:
    fields = RatingFields(score=None, content=None, cannot_rate="")
    match answer:
        case Score(value):
            fields["score"] = value
        case Options(values):
            fields["content"] = list(values)
        case Words(text):
            fields["content"] = text
        case Spans(spans):
            fields["content"] = [
                {"start": s.start, "end": s.end, "text": s.text, "note": s.note} for s in spans
            ]
        case NoAnswer(reason):
            fields["cannot_rate"] = reason
        case _:
            raise TypeError(f"{answer!r} compares responses")
    return fields


def read_rating(kind: str, score: int | None, content: Any, cannot_rate: str) -> Answer:
    """kind: of the criterion."""
    if cannot_rate:
        return NoAnswer(cannot_rate)
    if score is not None:
        return Score(score)
    if kind == "text":
        return Words(str(content))
    if kind == "spans":
        return Spans(tuple(Span(**span) for span in content))
    return Options(tuple(content))


def preference_fields(answer: Answer, responses: Sequence[int]) -> PreferenceFields:
    """responses: ids in the order shown, the first is "A"."""
    fields = PreferenceFields(
        preferred=None, strength=None, ranks=None, tie_kind="", cannot_rate=""
    )
    match answer:
        case Choice(letter, strength, tie_kind):
            fields["preferred"] = responses[place(letter)] if letter else None
            fields["strength"], fields["tie_kind"] = strength, tie_kind
        case Ranks():
            fields["ranks"] = {
                str(responses[place(letter)]): rank for letter, rank in answer.by_letter().items()
            }
        case NoAnswer(reason):
            fields["cannot_rate"] = reason
        case _:
            raise TypeError(f"{answer!r} compares nothing")
    return fields


def read_preference(fields: PreferenceFields, responses: Sequence[int]) -> Answer:
    if fields["cannot_rate"]:
        return NoAnswer(fields["cannot_rate"])
    if fields["ranks"] is not None:
        return Ranks(places_of(fields["ranks"], responses))
    preferred = fields["preferred"]
    letter = "" if preferred is None else letter_at(responses.index(preferred))
    return Choice(letter, fields["strength"] or 0, fields["tie_kind"])


def places_of(ranks: Mapping[str, int], responses: Sequence[int]) -> tuple[str, ...]:
    letters: dict[int, str] = {}
    for at, response in enumerate(responses):
        rank = ranks[str(response)]
        letters[rank] = letters.get(rank, "") + letter_at(at)
    return tuple(letters[rank] for rank in sorted(letters))


def place(letter: str) -> int:
    return ord(letter) - ord("A")


def letter_at(at: int) -> str:
    return chr(ord("A") + at)
