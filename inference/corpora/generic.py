"""The project's own format: JSON Lines, one dialogue a line, clips beside the file.

docs/corpus_format.md describes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from inference.corpora.errors import CorpusError, Place
from inference.corpora.fields import (
    Once,
    Spelling,
    label_of,
    object_of,
    objects_of,
    optional_text,
    refuse_unknown_keys,
    text_of,
)
from inference.corpora.json_text import json_lines
from inference.corpora.records import CorpusInfo, DialogueRecord, Json, Speaker, TurnRecord
from inference.labels import EMOTIONS, STRATEGIES

INFO = CorpusInfo(
    name="JSON Lines corpus",
    licence="",
    citation="",
    note="Licences are stated by the file, dialogue by dialogue.",
    has_clips=True,
)
DIALOGUE_KEYS = (
    "id",
    "session",
    "client",
    "split",
    "problem_type",
    "situation",
    "licence",
    "turns",
    "extra",
)
TURN_KEYS = ("id", "speaker", "text", "emotion", "strategy", "clip", "extra")
_SPEAKERS: dict[str, Speaker] = {"client": "client", "therapist": "therapist"}


def read(paths: Sequence[Path]) -> Iterator[DialogueRecord]:
    once = Once("id")
    spelling = Spelling()
    for path in paths:
        for place, value in json_lines(path):
            dialogue = _dialogue(value, place, spelling)
            once.check(dialogue.external_id, place)
            yield dialogue


def _dialogue(value: Mapping[str, Json], place: Place, spelling: Spelling) -> DialogueRecord:
    refuse_unknown_keys(value, DIALOGUE_KEYS, place)
    problem = optional_text(value, "problem_type", place, longest=200) or ""
    return DialogueRecord(
        external_id=text_of(value, "id", place, longest=200),
        session=text_of(value, "session", place, longest=120),
        split=optional_text(value, "split", place, longest=20),
        problem_type=spelling(problem),
        problem_type_original=problem,
        situation=optional_text(value, "situation", place) or "",
        licence=optional_text(value, "licence", place, longest=200) or "",
        turns=_turns(objects_of(value, "turns", place), place),
        extra=object_of(value, "extra", place),
        client=optional_text(value, "client", place, longest=120) or "",
        place=place,
    )


def _turns(values: Sequence[Mapping[str, Json]], place: Place) -> tuple[TurnRecord, ...]:
    once = Once("id")
    turns = []
    for index, value in enumerate(values):
        at = place.turn(index + 1)
        turn = _turn(value, index, at)
        once.check(turn.external_id, at)
        turns.append(turn)
    return tuple(turns)


def _turn(value: Mapping[str, Json], index: int, place: Place) -> TurnRecord:
    refuse_unknown_keys(value, TURN_KEYS, place)
    name = label_of(text_of(value, "speaker", place), tuple(_SPEAKERS), "speaker", place)
    emotion = optional_text(value, "emotion", place, longest=120)
    strategy = optional_text(value, "strategy", place, longest=120)
    if strategy and name == "client":
        raise place.error("strategy", "a client turn has none", "Remove it or correct the speaker")
    clip = optional_text(value, "clip", place)
    return TurnRecord(
        index=index,
        external_id=optional_text(value, "id", place, longest=200) or str(index),
        speaker=_SPEAKERS[name],
        text=text_of(value, "text", place),
        emotion=emotion and label_of(emotion, EMOTIONS, "emotion", place),
        emotion_original=emotion,
        strategy=strategy and label_of(strategy, STRATEGIES, "strategy", place),
        strategy_original=strategy,
        clip_path=None if clip is None else _clip(clip, place),
        extra=object_of(value, "extra", place),
    )


def _clip(name: str, place: Place) -> Path:
    """A file below the corpus file's own folder, wherever links may lead."""
    folder = place.file.resolve().parent
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise _outside(name, place)
    try:
        path = (folder / name).resolve()
        present = path.is_file() and path.stat().st_size > 0
    except (OSError, RuntimeError) as error:
        raise place.error(
            "clip", f"{name[:200]!r} cannot be read ({error})", "Correct the path or the link"
        ) from error
    if not path.is_relative_to(folder):
        raise _outside(name, place)
    if not present:
        raise place.error(
            "clip",
            f"there is no clip {name[:200]!r} beside {place.file.name}",
            "Put the clip there, or correct its path relative to the corpus file",
        )
    return path


def _outside(name: str, place: Place) -> CorpusError:
    return place.error(
        "clip",
        f"{name[:200]!r} does not stay inside the corpus file's folder",
        "Put the clip below that folder and write a relative path with /",
    )
