"""What every corpus reader yields, whatever the file looked like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from inference.corpora.errors import Place
from inference.corpora.files import file_sha256

Speaker = Literal["client", "therapist"]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class TurnRecord:
    index: int
    """Position in the dialogue, from 0."""
    external_id: str
    speaker: Speaker
    text: str
    emotion: str | None = None
    emotion_original: str | None = None
    strategy: str | None = None
    strategy_original: str | None = None
    cue: str = ""
    """Machine-written description of the video or sound, never part of the utterance."""
    start_ms: int | None = None
    end_ms: int | None = None
    clip_path: Path | None = None
    """Resolved and checked to lie inside the corpus' folder."""
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class DialogueRecord:
    external_id: str
    session: str
    """The sitting the dialogue was cut from: the unit of splits and of clusters."""
    split: str | None
    problem_type: str
    problem_type_original: str
    situation: str
    licence: str
    turns: tuple[TurnRecord, ...]
    extra: Mapping[str, Json] = field(default_factory=dict)
    client: str = ""
    """Pseudonym; the same in every dialogue of a session."""
    only_last: bool = False
    """The corpus asks for its last reply alone: only the client's turns right before the last
    turn are answered."""
    place: Place | None = field(default=None, compare=False)
    """Where it stands, for a refusal that only the database can give."""

    def fingerprint(self, sha256_of: Callable[[Path], str] = file_sha256) -> str:
        """SHA-256 over everything the dialogue says, its clips' bytes included, their names not."""
        content = {**vars(self), "turns": [_turn_content(turn, sha256_of) for turn in self.turns]}
        del content["place"]
        if not self.client:  # as before there were clients: stored dialogues keep their hash
            del content["client"]
        if not self.only_last:
            del content["only_last"]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _turn_content(turn: TurnRecord, sha256_of: Callable[[Path], str]) -> dict[str, object]:
    clip = None if turn.clip_path is None else sha256_of(turn.clip_path)
    return {**vars(turn), "clip_path": clip}


@dataclass(frozen=True)
class CorpusInfo:
    name: str
    licence: str
    citation: str
    note: str
    """What a reader of figures from this corpus must know."""
    replies_by: Literal["people", "models"] = "people"
    """Who wrote what stands there as replies; models: all of them, or with their help."""
    has_clips: bool = False
    """Its files name clips, whose bytes belong to what is imported."""
