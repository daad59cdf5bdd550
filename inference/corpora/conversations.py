"""Conversations between a simulated seeker and a supporter, with what else could have been said.

The project's own JSON Lines, one conversation a line; docs/corpus_format.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.corpora.errors import Place
from inference.corpora.fields import (
    Once,
    label_of,
    object_of,
    objects_of,
    optional_text,
    refuse_unknown_keys,
    text_of,
)
from inference.corpora.json_text import json_lines
from inference.corpora.records import Json, Speaker
from inference.labels import CHAIN

CONVERSATION = "conversation"
CONVERSATION_KEYS = (
    *("id", "session", "split", "problem_type", "situation", "licence", "persona"),
    *("seeker_model", "supporter_model", "turns", "extra"),
)
TURN_KEYS = (
    *("speaker", "text", "emotion", "strategy", "model", "values", "chain"),
    *("alternatives", "preferred", "preferences", "extra"),
)
OF_SUPPORTERS = ("strategy", "chain", "alternatives", "preferred", "preferences")
ALTERNATIVE_KEYS = ("text", "model", "strategy", "values", "chain")
PREFERENCE_KEYS = ("better", "worse", "tie", "criterion", "strength", "rater", "rater_kind")
SPEAKERS: dict[str, Speaker] = {
    **dict.fromkeys(("seeker", "client"), "client"),
    **dict.fromkeys(("supporter", "therapist"), "therapist"),
}
MOST_ALTERNATIVES = 100
RaterKind = Literal["person", "llm"]


@dataclass(frozen=True)
class Reply:
    text: str
    model: str
    strategy: str | None


@dataclass(frozen=True)
class Preferred:
    """Replies by their number: 0 is the one that was given, 1 the first alternative."""

    better: int
    worse: int
    tie: bool = False
    criterion: str = ""
    """Empty: taken together."""
    strength: int = 1
    """2: clearly."""
    rater: str = ""
    rater_kind: RaterKind = "llm"


@dataclass(frozen=True)
class SimulatedTurn:
    speaker: Speaker
    text: str
    emotion: str | None
    strategy: str | None
    model: str
    replies: tuple[Reply, ...]
    """Of a supporter: what was said, then its alternatives."""
    preferences: tuple[Preferred, ...]
    record: Mapping[str, Json]
    """As it stands in the file."""
    place: Place


@dataclass(frozen=True)
class Conversation:
    id: str
    session: str
    split: str | None
    problem_type: str
    situation: str
    licence: str
    persona: str
    supporter_model: str
    turns: tuple[SimulatedTurn, ...]
    extra: Mapping[str, Json]
    place: Place


def conversations(paths: Sequence[Path]) -> Iterator[Conversation]:
    once = Once("id")
    for path in paths:
        for place, value in json_lines(path, CONVERSATION):
            conversation = conversation_of(value, place)
            once.check(conversation.id, place)
            yield conversation


def conversation_of(value: Mapping[str, Json], place: Place) -> Conversation:
    refuse_unknown_keys(value, CONVERSATION_KEYS, place)
    id = text_of(value, "id", place, longest=200)
    said = {
        key: text
        for key in ("persona", "seeker_model", "supporter_model")
        if (text := optional_text(value, key, place))
    }
    supporter = said.get("supporter_model", "")
    return Conversation(
        id=id,
        session=optional_text(value, "session", place, longest=120) or "",
        split=optional_text(value, "split", place, longest=20),
        problem_type=optional_text(value, "problem_type", place, longest=200) or "",
        situation=optional_text(value, "situation", place) or "",
        licence=optional_text(value, "licence", place, longest=200) or "",
        persona=said.get("persona", ""),
        supporter_model=supporter,
        turns=tuple(
            _turn(turn, supporter, place.turn(number))
            for number, turn in enumerate(objects_of(value, "turns", place), 1)
        ),
        extra={**object_of(value, "extra", place), **said},
        place=place,
    )


def _turn(value: Mapping[str, Json], supporter: str, place: Place) -> SimulatedTurn:
    refuse_unknown_keys(value, TURN_KEYS, place)
    name = label_of(text_of(value, "speaker", place), tuple(SPEAKERS), "speaker", place)
    speaker = SPEAKERS[name]
    for key in OF_SUPPORTERS if speaker == "client" else ():
        if value.get(key) is not None:
            raise place.error(key, "a seeker's turn has none", "Remove it or correct the speaker")
    check_chain(value, place)
    check_values(value, place)
    model = optional_text(value, "model", place, longest=200) or ""
    replies: tuple[Reply, ...] = ()
    if speaker == "therapist":
        replies = (_reply(value, supporter, place), *_alternatives(value, supporter, place))
    return SimulatedTurn(
        speaker=speaker,
        text=text_of(value, "text", place),
        emotion=optional_text(value, "emotion", place, longest=60),
        strategy=optional_text(value, "strategy", place, longest=80),
        model=model,
        replies=replies,
        preferences=tuple(_preferences(value, len(replies), place)),
        record=value,
        place=place,
    )


def _reply(value: Mapping[str, Json], supporter: str, place: Place) -> Reply:
    return Reply(
        text=text_of(value, "text", place),
        model=optional_text(value, "model", place, longest=200) or supporter,
        strategy=optional_text(value, "strategy", place, longest=80),
    )


def _alternatives(value: Mapping[str, Json], supporter: str, place: Place) -> Iterator[Reply]:
    for at, entry in _entries(value, "alternatives", place):
        refuse_unknown_keys(entry, ALTERNATIVE_KEYS, at)
        check_chain(entry, at)
        check_values(entry, at)
        yield _reply(entry, supporter, at)


def _preferences(value: Mapping[str, Json], replies: int, place: Place) -> Iterator[Preferred]:
    best = value.get("preferred")
    if best is not None and value.get("preferences") is not None:
        raise place.error(
            "preferred", "preferences are there, too", "Say it once: preferred, or preferences"
        )
    if best is not None:
        number = _number(value, "preferred", replies, place)
        for other in range(replies):
            if other != number:
                yield Preferred(number, other)
        return
    for at, entry in _entries(value, "preferences", place):
        refuse_unknown_keys(entry, PREFERENCE_KEYS, at)
        yield _preference(entry, replies, at)


def _preference(entry: Mapping[str, Json], replies: int, place: Place) -> Preferred:
    better, worse = (_number(entry, name, replies, place) for name in ("better", "worse"))
    if better == worse:
        raise place.error("worse", f"both are reply {better}", "Name two different replies")
    tie = entry.get("tie", False)
    if not isinstance(tie, bool):
        raise place.error("tie", "true or false was expected", "Write true for a tie")
    strength = entry.get("strength", 1)
    if isinstance(strength, bool) or strength not in (1, 2):
        raise place.error("strength", "it is 1 (slightly) or 2 (clearly)", "Write 1 or 2")
    kind = optional_text(entry, "rater_kind", place) or "llm"
    if kind not in ("person", "llm"):
        raise place.error("rater_kind", f"{kind[:40]!r} is not known", "Write person or llm")
    return Preferred(
        better=better,
        worse=worse,
        tie=tie,
        criterion=optional_text(entry, "criterion", place, longest=60) or "",
        strength=int(strength),
        rater=optional_text(entry, "rater", place, longest=120) or "",
        rater_kind="person" if kind == "person" else "llm",
    )


def _number(entry: Mapping[str, Json], name: str, replies: int, place: Place) -> int:
    number = entry.get(name)
    if replies < 2:
        raise place.error(name, "there is no other reply to compare with", "Add alternatives")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < replies:
        raise place.error(
            name,
            f"there is no reply {str(number)[:20]} in this turn",
            f"Write 0 for the reply given, or 1 to {replies - 1} for an alternative",
        )
    return number


def _entries(
    value: Mapping[str, Json], key: str, place: Place
) -> Iterator[tuple[Place, dict[str, Json]]]:
    entries = value.get(key)
    if entries is None:
        return
    if not isinstance(entries, list) or len(entries) > MOST_ALTERNATIVES**2:
        raise place.error(key, "a list of objects was expected", "Write [{...}, ...]")
    if key == "alternatives" and len(entries) > MOST_ALTERNATIVES:
        raise place.error(key, f"more than {MOST_ALTERNATIVES} of them", "Keep fewer")
    for number, entry in enumerate(entries, 1):
        at = place.within(f"{key} {number}")
        if not isinstance(entry, dict):
            raise at.error(None, "an object was expected", "Write {...}")
        yield at, entry


def check_values(value: Mapping[str, Json], place: Place) -> None:
    """What a reply is to reinforce, or a seeker's turn expresses: names."""
    values = value.get("values")
    if values is not None and not (
        isinstance(values, list) and all(isinstance(name, str) for name in values)
    ):
        raise place.error("values", "a list of names was expected", 'Write ["...", ...]')


def check_chain(value: Mapping[str, Json], place: Place) -> None:
    """The reasoning behind a reply: known links, each a text."""
    at = place.within("chain")
    chain = object_of(value, "chain", place)
    refuse_unknown_keys(chain, CHAIN, at)
    for link in chain:
        text_of(chain, link, at)
