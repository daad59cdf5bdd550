"""Clips beyond the corpus: invented people say everyday sentences with emotions drawn evenly.

The sentence is drawn apart from the emotion, so only face and voice tell it. No person of the
corpus appears: towers trained on these clips have seen nobody of the rate and fresh sessions.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from demo.build.clip import Take, film
from demo.build.expression import EMOTIONS
from demo.build.people import cast, seeded

SENTENCES = tuple(
    (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8").splitlines()
)
TAKES_A_PERSON = 7
FPS = 4
"""A model samples eight frames a clip, and nobody watches these."""


def extra_take(number: int, seed: int) -> Take:
    """Every person is filmed once with each emotion, in a drawn order."""
    who, turn = divmod(number, TAKES_A_PERSON)
    group = seeded(f"extra {seed} person {who}")
    order = group.sample(EMOTIONS, len(EMOTIONS))
    person = cast(
        f"extra {seed} {who}",
        feminine=group.random() < 0.5,
        age=group.choice(("young", "adult", "older")),
    )
    name = f"extra {seed} {number}"
    return Take(person=person, emotion=order[turn], line=seeded(name).choice(SENTENCES), seed=name)


def write_extra(folder: Path, count: int, *, seed: int, jobs: int = 1) -> None:
    """`folder`/x00000.mp4 ... and manifest.jsonl: clip, emotion, text, person."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool:
        rows = pool.map(_film_one, [(folder, number, seed) for number in range(count)], chunksize=8)
        with (folder / "manifest.jsonl").open("w", encoding="utf-8") as manifest:
            for row in rows:
                manifest.write(json.dumps(row, ensure_ascii=False) + "\n")


def _film_one(job: tuple[Path, int, int]) -> dict[str, str | int]:
    folder, number, seed = job
    take = extra_take(number, seed)
    name = f"x{number:05d}.mp4"
    return {
        "clip": name,
        "emotion": take.emotion,
        "text": film(take, folder / name, FPS),
        "person": number // TAKES_A_PERSON,
        "seed": seed,
    }
