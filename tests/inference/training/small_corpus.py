"""A corpus of two dialogues, one of them held out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.factories import clip_bytes

TURNS: list[dict[str, Any]] = [
    {"speaker": "therapist", "text": "Welcome.", "emotion": "neutral", "strategy": "others"},
    {"speaker": "client", "text": "She left.", "emotion": "fear", "clip": "one.mp4"},
    {"speaker": "client", "text": "I miss her.", "emotion": "sadness"},
    {
        "speaker": "therapist",
        "text": "You miss her.",
        "emotion": "sadness",
        "strategy": "restatement",
    },
    {"speaker": "client", "text": "Yet I sang today!", "emotion": "joy", "clip": "two.mp4"},
    {"speaker": "therapist", "text": "What did you sing?", "strategy": "open question"},
    {"speaker": "client", "text": "Nothing new.", "emotion": "neutral", "clip": "one.mp4"},
]


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    for name in ("one.mp4", "two.mp4"):
        (folder / name).write_bytes(clip_bytes(1.0))
    rows = [
        {"id": "d1", "session": "s1", "split": "train", "situation": "Alone.", "turns": TURNS},
        {"id": "d2", "session": "s2", "split": "rate", "turns": TURNS[:4]},
    ]
    file = folder / "dialogues.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file
