"""ES-VR (Kim et al. 2025): conversations between a simulated seeker and a supporter.

The layout of the published files could not be seen. What is read here is what the paper says of
them (a persona, then turns of seeker and supporter) under the names that such files usually have;
whatever else stands there is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from inference.corpora.errors import Place
from inference.corpora.fields import Once, Spelling, collapsed, label_of, objects_of, text_of
from inference.corpora.json_text import json_objects
from inference.corpora.records import CorpusInfo, DialogueRecord, Json, Speaker, TurnRecord
from inference.corpora.splits import split_in_name

INFO = CorpusInfo(
    name="ES-VR",
    licence="none stated; research use",
    citation="Kim et al. 2025, Dialogue Systems for Emotional Support via Value Reinforcement, "
    "arXiv 2501.17182",
    note=(
        "Both sides are language models: the seeker plays a persona, so nothing here was said by "
        "a client. Conversations of one persona are kept in one session. The layout of the "
        "published files is assumed; see docs/corpus_format.md."
    ),
    replies_by="models",
)
TURNS = ("dialogue", "dialog", "conversation", "messages")
SPEAKER = ("role", "speaker")
TEXT = ("content", "text", "utterance")
IDS = ("id", "dialogue_id", "conversation_id")
SITUATION = ("situation", "context")
PROBLEM = ("problem_type", "problem")
PERSONA = "persona"
SPEAKERS: dict[str, Speaker] = {
    **dict.fromkeys(("seeker", "user", "client"), "client"),
    **dict.fromkeys(("supporter", "assistant", "therapist"), "therapist"),
}


def read(paths: Sequence[Path]) -> Iterator[DialogueRecord]:
    once = Once("id")
    spelling = Spelling()
    for path in paths:
        split = split_in_name(path)
        for place, value in json_objects(path):
            dialogue = _dialogue(value, split, place, spelling)
            once.check(dialogue.external_id, place)
            yield dialogue


def _dialogue(
    value: Mapping[str, Json], split: str | None, place: Place, spelling: Spelling
) -> DialogueRecord:
    persona = value.get(PERSONA)
    about = persona if isinstance(persona, dict) else {}
    turns_key = _name_of(value, TURNS, place)
    problem = _told(value, about, PROBLEM, place, longest=200)
    return DialogueRecord(
        external_id=_id(value),
        session=_session(value, persona),
        split=split,
        problem_type=spelling(problem),
        problem_type_original=problem,
        situation=_told(value, about, SITUATION, place),
        licence=INFO.licence,
        turns=tuple(
            _turn(turn, index, place.turn(index + 1))
            for index, turn in enumerate(objects_of(value, turns_key, place))
        ),
        extra={key: entry for key, entry in value.items() if key != turns_key},
    )


def _name_of(value: Mapping[str, Json], names: Sequence[str], place: Place) -> str:
    found = [name for name in names if value.get(name) is not None]
    if len(found) != 1:
        given = ", ".join(found) or "none"
        raise place.error(
            names[0],
            f"one of {', '.join(names)} was expected, and there is {given}",
            "Keep the one that holds what was said",
        )
    return found[0]


def _told(
    value: Mapping[str, Json],
    about: Mapping[str, Json],
    names: Sequence[str],
    place: Place,
    longest: int | None = None,
) -> str:
    """Of the conversation itself or of its persona; empty where neither says it."""
    for source in (value, about):
        for name in names:
            if source.get(name) is not None:
                return text_of(source, name, place, longest=longest)
    return ""


def _id(value: Mapping[str, Json]) -> str:
    for name in IDS:
        given = value.get(name)
        if isinstance(given, int | str) and not isinstance(given, bool) and str(given).strip():
            return f"esvr-{str(given).strip()}" if len(str(given)) <= 150 else _digest(value)
    return _digest(value)


def _digest(value: Json | Mapping[str, Json]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return f"esvr-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _session(value: Mapping[str, Json], persona: Json) -> str:
    if not persona:
        return _digest(value)
    said = collapsed(persona).casefold() if isinstance(persona, str) else persona
    return _digest(said).replace("esvr-", "persona-")


def _turn(value: Mapping[str, Json], index: int, place: Place) -> TurnRecord:
    speaker_key, text_key = _name_of(value, SPEAKER, place), _name_of(value, TEXT, place)
    name = label_of(text_of(value, speaker_key, place), tuple(SPEAKERS), speaker_key, place)
    written = value.get("strategy")
    strategy = None
    if SPEAKERS[name] == "therapist" and written is not None:
        strategy = text_of(value, "strategy", place, longest=80)
    used = {speaker_key, text_key, *(("strategy",) if strategy else ())}
    return TurnRecord(
        index=index,
        external_id=str(index),
        speaker=SPEAKERS[name],
        text=text_of(value, text_key, place),
        strategy=strategy,
        strategy_original=strategy,
        extra={key: entry for key, entry in value.items() if key not in used},
    )
