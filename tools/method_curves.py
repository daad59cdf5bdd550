"""A short run of every training method on the demo model, and what each of them logged.

    python tools/method_curves.py [--methods sft ...] [--steps N] [--base FOLDER] [--write]

Each is `python -m inference.training CONFIG`, on the demo corpus, with adapters (LoRA), stopped
after a few steps: it shows that the method runs on a language model and in which direction its
curves go, not what it would reach. Preferences (reward, dpo): the reply that a client was given
before one that another client was given. PPO and GRPO: the rule of docs/learning.md and likeness to
the therapist's reply as reward.
--write puts what is stored in --work into docs/method_curves.md and its picture.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference.contracts import PreferencePair  # noqa: E402
from inference.demo_checkpoint import demo_checkpoint  # noqa: E402
from inference.training.config import METHODS, Method  # noqa: E402
from inference.training.sft import Lesson, corpus_lessons  # noqa: E402
from tools.learning_parts import runs  # noqa: E402
from tools.learning_parts.curves import write_page  # noqa: E402
from tools.learning_parts.raters import write_release  # noqa: E402

CORPUS = ROOT / "demo" / "corpus" / "dialogues.jsonl"
TRAIN, HELD_OUT = "train", "rate"
PAIRS = {TRAIN: 96, HELD_OUT: 32}
ADAPTERS = {"lora": True, "lora_rank": 8, "lora_alpha": 16}
REWARDS = [{"kind": "function", "name": "names_the_feeling"}, {"kind": "similarity"}]
RL = {"rewards": REWARDS, "max_new_tokens": 64, "eval_split": "", "schedule": "constant"}
SETTINGS: Mapping[Method, Mapping[str, Any]] = {
    "sft": {**ADAPTERS, "batch_size": 4, "learning_rate": 2e-4, "modality": "random"},
    "compressor": {"batch_size": 4, "learning_rate": 1e-3},
    "reward": {**ADAPTERS, "batch_size": 4, "learning_rate": 2e-4},
    "dpo": {**ADAPTERS, "batch_size": 4, "learning_rate": 2e-4},
    "ppo": {**ADAPTERS, **RL, "batch_size": 12, "learning_rate": 2e-4, "beta": 0.02, "updates": 2},
    "grpo": {**ADAPTERS, **RL, "batch_size": 4, "generations": 4, "learning_rate": 2e-4},
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--base", type=Path, help="another checkpoint than the demo model")
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "method-curves")
    parser.add_argument("--write", action="store_true", help="write docs/method_curves.md")
    given = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    base = given.base or demo_checkpoint(ROOT / "var" / "models")
    if base is None:
        print("The demo model is not here: make demo-model, or give --base.", file=sys.stderr)
        return 1
    release = given.work / "release"
    if not release.is_dir():
        write_release(release, pairs(), CORPUS.parent)
    for method in given.methods:
        done = runs.train(
            given.work / method,
            method=method,
            base=base,
            max_steps=given.steps,
            **data_of(method, release),
            **SETTINGS[method],
        )
        told = {"method": method, "seconds": round(done.seconds), "curves": list(done.curves)}
        told |= {"base": base.name, "settings": {**SETTINGS[method], "max_steps": given.steps}}
        (given.work / method / "curves.json").write_text(json.dumps(told), encoding="utf-8")
        print(f"{method}: {given.steps} steps in {done.seconds:.0f} s", flush=True)
    if given.write:
        write_page(ROOT / "docs", given.work)
    return 0


def data_of(method: Method, release: Path) -> dict[str, Any]:
    if method in ("reward", "dpo"):
        return {"dataset": release, "media_root": CORPUS.parent}
    held_out = {} if method in ("ppo", "grpo") else {"eval_split": HELD_OUT}
    return {"dataset": CORPUS, "split": TRAIN, **held_out}


def pairs() -> Iterator[PreferencePair]:
    for split, count in PAIRS.items():
        lessons = [
            lesson
            for lesson in corpus_lessons(CORPUS, split)
            if lesson.whole and lesson.stimulus.clip_paths
        ]
        step = len(lessons) / count
        for number in range(count):
            place = int(number * step)
            yield pair(split, number, lessons[place], lessons[place - len(lessons) // 2])


def pair(split: str, number: int, lesson: Lesson, other: Lesson) -> PreferencePair:
    return PreferencePair(
        pair_id=f"{split}-{number}",
        stimulus=lesson.stimulus,
        chosen=lesson.reply,
        rejected=other.reply,
        source="preference:overall",
        strength=1.0,
        meta={"rule": "the reply that this client was given"},
        split="train" if split == TRAIN else "validation",
        group=f"demo/{lesson.stimulus.key.partition(':')[0]}",
    )


if __name__ == "__main__":
    sys.exit(main())
