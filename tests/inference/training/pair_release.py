"""A small release of preference pairs, and what a run has told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inference.contracts import PreferencePair, ReplyFields, StimulusInput, TurnText
from inference.preference_files import MANIFEST_FILE, PAIRS_FILE, sha256_file, write_pairs

KIND = (
    "I hear how painful this is.",
    "Would you like to talk about it?",
    "That sounds really hard.",
    "I am here with you.",
)
COLD = ("Whatever.", "Just get over it.", "Not my problem.", "So what?")


def make_pair(number: int) -> PreferencePair:
    """Some without a history, some without a clip, some with two."""
    clips = ((), ("one.mp4",), ("two.mp4", "one.mp4"))[number % 3]
    stimulus = StimulusInput(
        key=f"d{number}:1",
        situation="My brother moved out without a word.",
        history=(TurnText("therapist", "Good morning."),) if number % 2 else (),
        client_turns=(TurnText("client", f"He left me, number {number}."),),
        clip_paths=tuple(map(Path, clips)),
    )
    return PreferencePair(
        pair_id=f"pair-{number:03d}",
        stimulus=stimulus,
        chosen=ReplyFields("sadness", "neutral", "restatement", KIND[number % 4]),
        rejected=ReplyFields("anger", "joy", "advisement", COLD[number % 4]),
        source="preference:overall",
        strength=1.0,
    )


def write_release(folder: Path, media: Path, pairs: int) -> Path:
    return released(folder, map(make_pair, range(pairs)), media)


def released(folder: Path, pairs: Iterable[PreferencePair], media: Path, **manifest: Any) -> Path:
    folder.mkdir()
    hashes = {path.name: sha256_file(path) for path in media.iterdir()}
    write_pairs(folder / PAIRS_FILE, pairs, hashes)
    complete = {**manifest, "files": {PAIRS_FILE: sha256_file(folder / PAIRS_FILE)}}
    (folder / MANIFEST_FILE).write_text(json.dumps(complete))
    return folder


def events(output: Path) -> list[dict[str, Any]]:
    lines = (output / "progress.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
