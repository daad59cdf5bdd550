"""Where learning starts: a model that sometimes names the client's feeling.

The demo corpus' therapists hardly do (4 % of replies), and what is never said cannot be preferred.
So multimood-tiny is fine-tuned a little further, on the training sessions with a sentence put
before some of the replies, drawn anew for each copy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference.training.modality import draw

COPIES = 4
SHARE = 0.25
"""Of the replies that begin with such a sentence."""
ADJECTIVES = {
    "anger": "angry",
    "sadness": "sad",
    "disgust": "disgusted",
    "depression": "numb",
    "neutral": "calm",
    "joy": "happy",
    "fear": "afraid",
}
NOUNS = {**{e: e for e in ADJECTIVES}, "depression": "emptiness", "neutral": "calm"}
SENTENCES = (
    "You sound {adjective}.",
    "You are {adjective}.",
    "I hear the {noun} in that.",
)


def write_corpus(corpus: Path, folder: Path, seed: int) -> Path:
    """The training dialogues of `corpus`, each several times; clips beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "clips").is_dir():
        shutil.copytree(corpus.parent / "clips", folder / "clips")
    lines = corpus.read_text(encoding="utf-8").splitlines()
    dialogues = [d for d in map(json.loads, lines) if d["split"] == "train"]
    out = folder / "dialogues.jsonl"
    with out.open("w", encoding="utf-8") as file:
        for copy in range(COPIES):
            for dialogue in dialogues:
                file.write(json.dumps(varied(dialogue, copy, seed), ensure_ascii=False) + "\n")
    return out


def varied(dialogue: dict[str, Any], copy: int, seed: int) -> dict[str, Any]:
    name = f"{dialogue['id']}-{copy}"
    return {**dialogue, "id": name, "turns": list(_turns(dialogue["turns"], name, seed))}


def _turns(turns: list[dict[str, Any]], name: str, seed: int) -> Iterator[dict[str, Any]]:
    felt: str | None = None
    for number, turn in enumerate(turns):
        if turn["speaker"] == "client":
            felt = turn.get("emotion")
            yield turn
            continue
        drawn = draw(seed, name, number)
        if felt and turn.get("strategy") and drawn.random() < SHARE:
            sentence = drawn.choice(SENTENCES)
            named = sentence.format(adjective=ADJECTIVES[felt], noun=NOUNS[felt])
            turn = {**turn, "text": f"{named} {turn['text']}"}
        felt = None
        yield turn
