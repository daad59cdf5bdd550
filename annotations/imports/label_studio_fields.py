"""Which data fields of a Label Studio task hold what, guessed from their names or named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from annotations.imports.answers import ReadOptions
from annotations.imports.messages import messages_of
from annotations.imports.pairs import slug_of
from annotations.imports.rows import text_field
from inference.corpora.errors import Place

Side = Literal["left", "right", "tie", "neither"]
STEMS = ("response", "answer", "reply", "completion", "output", "text", "txt", "option")
PAIRS_OF_NAMES = (
    *(
        (f"{stem}{dash}{first}", f"{stem}{dash}{second}")
        for stem in STEMS
        for first, second in (("a", "b"), ("1", "2"), ("left", "right"), ("one", "two"))
        for dash in ("_", "-", "")
    ),
    ("left", "right"),
    ("a", "b"),
    ("A", "B"),
    ("chosen", "rejected"),
)
SINGLE_NAMES = ("response", "reply", "answer", "completion", "output")
CONTEXT_NAMES = (
    *("context", "prompt", "dialogue", "dialog", "conversation", "messages", "history"),
    *("question", "client", "client_turn", "instruction", "input", "text"),
)
ABOUT_NAMES = ("group", "session", "conversation_id", "split", "corpus")
ENDS = {"left": ("a", "1", "left", "one"), "right": ("b", "2", "right", "two")}
SIDES: tuple[Side, Side] = ("left", "right")
TIES = ("tie", "equal", "same", "both", "no preference", "both equal", "equally good", "draw")
NEITHER = ("neither", "neither acceptable", "both bad", "none")


@dataclass(frozen=True)
class Fields:
    context: str
    responses: tuple[str, ...]
    """One or two."""
    about: tuple[str, ...] = ()
    """Fields about the prompt, such as its session."""

    def reply(self, data: Mapping[str, Any], name: str, place: Place) -> str:
        value = data.get(name)
        if isinstance(value, list | dict):
            return "\n".join(message.text for message in messages_of(value, name, place))
        return text_field(data, name, place)


def fields_of(data: Mapping[str, Any], options: ReadOptions, place: Place) -> Fields:
    responses = _responses(data, options, place)
    context = options.context or next(
        (name for name in CONTEXT_NAMES if name in data and name not in responses), ""
    )
    if not context or context not in data:
        raise place.error(
            options.context or "context",
            f"no field holds what is answered; the task has {_names(data)}",
            "Say which field it is",
        )
    return Fields(context, responses, tuple(name for name in ABOUT_NAMES if name in data))


def _responses(data: Mapping[str, Any], options: ReadOptions, place: Place) -> tuple[str, ...]:
    named = tuple(filter(None, (options.first, options.second)))
    if named:
        for name in named:
            if name not in data:
                raise place.error(
                    name, f"the task has no such field, it has {_names(data)}", "Correct the name"
                )
        return named
    for pair in PAIRS_OF_NAMES:
        if all(name in data for name in pair):
            return pair
    single = next((name for name in SINGLE_NAMES if name in data), "")
    if not single:
        raise place.error(
            "data",
            f"no fields such as response_a and response_b; the task has {_names(data)}",
            "Say which fields hold the responses",
        )
    return (single,)


def _names(data: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, data)))[:200] or "none"


def sides_of(control: str, about: str, fields: Fields) -> tuple[int | None, str]:
    """(which response, criterion) of a rating; None where neither tells.

    `about` is the name of a text on the page, which mostly is that of its field or of its end;
    a control per response is told by the end of its name, which is not the criterion's.
    """
    stem, end = _stem_and_end(control)
    by_control = _side(end) if stem else None
    criterion = slug_of(stem if by_control is not None else control)
    if len(fields.responses) == 1:
        return 0, slug_of(control)
    about = about if "," not in about else ""
    if about in fields.responses:
        return fields.responses.index(about), criterion
    by_about = _side(_stem_and_end(about)[1]) if about else by_control
    return by_about, criterion


def _stem_and_end(name: str) -> tuple[str, str]:
    """A word of one part is an end without a stem."""
    parts = re.split(r"[_\-\s]+", name.strip().lower())
    return "_".join(parts[:-1]), parts[-1]


def _side(end: str) -> int | None:
    return next((n for n, ends in enumerate(ENDS.values()) if end in ends), None)


def choice_value(words: tuple[str, ...], fields: Fields) -> Side | None:
    """left, right, a tie, or neither; None for words that name none of them."""
    if len(words) != 1:
        return None
    word = re.sub(r"[\s_\-]+", " ", words[0].strip().lower()).rstrip(".!")
    if word in TIES:
        return "tie"
    if word in NEITHER:
        return "neither"
    for number, name in enumerate(fields.responses):
        if word == re.sub(r"[\s_\-]+", " ", name.lower()):
            return "left" if number == 0 else "right"
    bare = re.sub(r"\b(response|answer|reply|option|model|is|the|better|preferred)\b", "", word)
    side = _side(bare.strip())
    return None if side is None else SIDES[side]
