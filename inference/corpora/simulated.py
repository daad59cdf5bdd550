"""Conversations of seeker simulators as a corpus; alternatives and preferences stay with turns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.corpora.conversations import Conversation, SimulatedTurn, conversations
from inference.corpora.fields import Spelling, collapsed
from inference.corpora.records import CorpusInfo, DialogueRecord, Json, TurnRecord
from inference.labels import EMOTIONS, STRATEGIES

INFO = CorpusInfo(
    name="Simulated conversations",
    licence="",
    citation="",
    note=(
        "The seeker is a model that plays a person: what it says is no client's, and its replies "
        "to support are what its maker trained it to find supportive. Conversations of one persona "
        "are kept in one session. Licences are stated by the file, conversation by conversation."
    ),
    replies_by="models",
)
KEPT = ("model", "values", "chain", "alternatives", "preferred", "preferences")
"""Of a turn, in its `extra`."""


def read(paths: Sequence[Path]) -> Iterator[DialogueRecord]:
    spelling = Spelling()
    for conversation in conversations(paths):
        yield record_of(conversation, spelling)


def record_of(conversation: Conversation, spelling: Spelling) -> DialogueRecord:
    return DialogueRecord(
        external_id=conversation.id,
        session=conversation.session or session_of(conversation),
        split=conversation.split,
        problem_type=spelling(conversation.problem_type),
        problem_type_original=conversation.problem_type,
        situation=conversation.situation,
        licence=conversation.licence,
        turns=tuple(_turn(turn, index) for index, turn in enumerate(conversation.turns)),
        extra=conversation.extra,
    )


def session_of(conversation: Conversation) -> str:
    """Conversations of one persona belong together: splits must not divide them."""
    if conversation.persona:
        text = collapsed(conversation.persona).casefold()
        return f"persona-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    digest = hashlib.sha256(conversation.id.encode()).hexdigest()[:16]
    return conversation.id if len(conversation.id) <= 120 else f"conversation-{digest}"


def _turn(turn: SimulatedTurn, index: int) -> TurnRecord:
    kept: dict[str, Json] = {
        key: turn.record[key] for key in KEPT if turn.record.get(key) is not None
    }
    given = turn.record.get("extra")
    return TurnRecord(
        index=index,
        external_id=str(index),
        speaker=turn.speaker,
        text=turn.text,
        emotion=_as_ours(turn.emotion, EMOTIONS),
        emotion_original=turn.emotion,
        strategy=_as_ours(turn.strategy, STRATEGIES),
        strategy_original=turn.strategy,
        extra={**(given if isinstance(given, dict) else {}), **kept},
    )


def _as_ours(written: str | None, labels: Sequence[str]) -> str | None:
    """In MultiMood's spelling where it is one of its labels; simulators have sets of their own."""
    key = collapsed(written or "").casefold()
    return next((label for label in labels if label == key), written)
