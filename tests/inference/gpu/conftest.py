"""Tests that need a GPU; where there is none they are skipped.

On a machine with PyTorch and transformers alone, without Django and its database:

    python -m pytest -c /dev/null --rootdir . --confcutdir tests/inference/gpu tests/inference/gpu
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.preference_files import PAIRS_FILE, sha256_file, write_pairs
from inference.training.config import Method, RewardTerm, TrainingConfig
from inference.training.sft import Lesson, corpus_lessons
from tests.inference.training.pair_release import make_pair
from tests.processes import PROJECT

CORPUS = PROJECT / "demo" / "corpus"
TINY = PROJECT / "demo" / "models" / "multimood-tiny"
PAIRS = 24


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="no GPU"))


@pytest.fixture(scope="session")
def lessons() -> list[Lesson]:
    found = corpus_lessons(CORPUS / "dialogues.jsonl", "train")
    return [lesson for lesson in found if lesson.whole and lesson.stimulus.clip_paths]


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, lessons: list[Lesson]) -> Path:
    """Pairs of the demo corpus, with clips and histories: each reply before the next one's."""
    chosen = lessons[: 4 * PAIRS : 4]
    pairs = [
        replace(
            make_pair(number),
            stimulus=replace(
                lesson.stimulus,
                clip_paths=tuple(p.relative_to(CORPUS) for p in lesson.stimulus.clip_paths),
                earlier_clip_paths=(),
            ),
            chosen=lesson.reply,
            rejected=chosen[number - 1].reply,
        )
        for number, lesson in enumerate(chosen)
    ]
    clips = {path for pair in pairs for path in pair.stimulus.clip_paths}
    hashes = {path.as_posix(): sha256_file(CORPUS / path) for path in clips}
    folder = tmp_path_factory.mktemp("release")
    write_pairs(folder / PAIRS_FILE, pairs, hashes)
    return folder / PAIRS_FILE


OF_METHOD: dict[Method, dict[str, Any]] = {
    "sft": {"modality": "random"},
    "compressor": {},
    "reward": {},
    "dpo": {},
    "ppo": {"rewards": (RewardTerm("function", name="names_the_feeling"),), "max_new_tokens": 32},
    "grpo": {"rewards": (RewardTerm("function", name="names_the_feeling"),), "max_new_tokens": 32},
}


@pytest.fixture
def config(release: Path, tmp_path: Path) -> Callable[..., TrainingConfig]:
    def make(method: Method, name: str, **changes: Any) -> TrainingConfig:
        on_corpus = method in ("sft", "compressor", "ppo", "grpo")
        values: dict[str, Any] = {
            "method": method,
            "base": TINY,
            "dataset": CORPUS / "dialogues.jsonl" if on_corpus else release,
            "media_root": None if on_corpus else CORPUS,
            "output": tmp_path / name,
            "max_steps": 4,
            "learning_rate": 1e-3,
            "batch_size": 4,
            "save_steps": 2,
            "report": False,
            "sample_stimuli": 0,
            **OF_METHOD[method],
        }
        made = TrainingConfig(**values | changes)
        made.output.mkdir(exist_ok=True)
        return made

    return make
