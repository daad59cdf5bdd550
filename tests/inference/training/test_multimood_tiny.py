"""The committed small model does what its card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.multimood.generation import MultiMoodGenerator
from inference.preference_files import sha256_file
from inference.training.evaluate import (
    CONDITIONS,
    HEADLINE,
    Condition,
    Share,
    answers_to,
    has_four_lines,
    held_out_lessons,
    majority_share,
)
from inference.training.sft import Lesson

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "demo" / "models" / "multimood-tiny"
CORPUS = ROOT / "demo" / "corpus" / "dialogues.jsonl"
SUBSET = 24


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((MODEL / "metrics.json").read_text())
    return told


@pytest.fixture(scope="module")
def generator() -> MultiMoodGenerator:
    return MultiMoodGenerator.load(MODEL, device="cpu")


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    return held_out_lessons(CORPUS)


def test_is_small_enough_to_be_committed() -> None:
    assert sum(file.stat().st_size for file in MODEL.iterdir()) <= 8_000_000


def test_was_trained_on_this_corpus(metrics: dict[str, Any]) -> None:
    assert metrics["corpus_sha256"] == sha256_file(CORPUS)


def test_reads_the_clip_well_above_chance_and_majority(
    metrics: dict[str, Any], lessons: list[Lesson]
) -> None:
    told = metrics["held_out"][HEADLINE.name]["client_emotion"]
    assert Condition("av", words=False) == HEADLINE
    assert told["n"] == len(lessons)
    assert metrics["majority"]["share"] == pytest.approx(majority_share(lessons)[1], abs=1e-4)
    assert told["low"] > 2 * max(metrics["chance"], metrics["majority"]["share"])


def test_answers_as_its_card_says(
    metrics: dict[str, Any], generator: MultiMoodGenerator, lessons: list[Lesson]
) -> None:
    subset = lessons[:: len(lessons) // SUBSET][:SUBSET]
    answers = answers_to(generator, subset, HEADLINE)
    told = metrics["predictions"][HEADLINE.name]
    same = [
        answer.client_emotion == told[lesson.stimulus.key]
        for answer, lesson in zip(answers, subset, strict=True)
    ]
    # Another processor may round the closest calls the other way.
    assert sum(same) >= SUBSET - 1
    assert sum(map(has_four_lines, answers)) >= SUBSET - 1


def test_without_clip_and_words_it_can_only_guess(metrics: dict[str, Any]) -> None:
    """Otherwise the prompt would give the emotion away, and the other figures mean nothing."""
    blind = metrics["held_out"][Condition("text", words=False).name]["client_emotion"]
    assert blind["low"] <= metrics["majority"]["share"] + 0.05


def test_card_states_every_figure(metrics: dict[str, Any]) -> None:
    card = (MODEL / "README.md").read_text()
    assert "fit for nothing clinical" in card
    for condition in CONDITIONS:
        share = metrics["held_out"][condition.name]["client_emotion"]["share"]
        assert f"| {condition.name} | 100 | {share:.1%} |" in card


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_interval_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    share = Share.of(hits, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-4)
