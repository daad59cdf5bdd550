"""Writes demo/corpus: a clip for every client turn and the JSON Lines file that names them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from demo.build.clip import Take, film
from demo.build.script import Script, read_scripts

FOLDER = Path(__file__).parent.parent / "corpus"
LICENCE = "CC BY 4.0"


def write_corpus(folder: Path = FOLDER, *, jobs: int = 1) -> int:
    """Renders everything again; returns the number of clips."""
    scripts = read_scripts()
    takes = [
        (folder / "clips" / name, take) for script in scripts for name, take in takes_of(script)
    ]
    wanted = {path for path, _ in takes}
    for stale in set((folder / "clips").glob("*.mp4")) - wanted:
        stale.unlink()
    with ProcessPoolExecutor(jobs) as pool:
        heard = dict(pool.map(_film_one, takes, chunksize=4))
    dialogues = [dialogue_of(script, heard) for script in scripts]
    text = "".join(json.dumps(dialogue, ensure_ascii=False) + "\n" for dialogue in dialogues)
    (folder / "dialogues.jsonl").write_text(text, encoding="utf-8")
    return len(takes)


def takes_of(script: Script) -> Iterator[tuple[str, Take]]:
    """The clips of a dialogue: every client turn has one."""
    person = script.client()
    for number, line in enumerate(script.lines):
        if line.speaker == "client":
            name = script.clip_name(number)
            yield name, Take(person=person, emotion=line.emotion, line=line.text, seed=name)


def _film_one(job: tuple[Path, Take]) -> tuple[str, str]:
    path, take = job
    return path.name, film(take, path)


def dialogue_of(script: Script, heard: Mapping[str, str]) -> dict[str, Any]:
    """`heard`: clip name -> the words its voice says, which may end before the line does."""
    turns: list[dict[str, Any]] = []
    for number, line in enumerate(script.lines):
        turn: dict[str, Any] = {
            "id": f"t{number:02d}",
            "speaker": line.speaker,
            "text": line.text,
            "emotion": line.emotion,
        }
        if line.strategy:
            turn["strategy"] = line.strategy
        else:
            name = script.clip_name(number)
            turn["clip"] = f"clips/{name}"
            if heard[name] != line.text:
                turn["extra"] = {"heard": heard[name]}
        turns.append(turn)
    return {
        "id": script.id,
        "session": script.session,
        "split": script.split,
        "problem_type": script.problem,
        "situation": script.situation,
        "licence": LICENCE,
        "turns": turns,
    }
