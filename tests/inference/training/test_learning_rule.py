"""The proof of learning: scripted raters, what the start model learns, comparison by sessions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.contracts import Answer
from inference.preference_files import read_pairs, verify_release
from inference.training.rewards.functions import feelings_named
from tools.learning_parts.compare import by_session, compare, half_width, sign_flip
from tools.learning_parts.raters import Prompt, pairs_of, read_prompts, write_release
from tools.learning_parts.start import ADJECTIVES, NOUNS, SENTENCES, varied

CORPUS = Path(__file__).resolve().parents[3] / "demo" / "corpus" / "dialogues.jsonl"


@pytest.fixture(scope="module")
def prompts() -> list[Prompt]:
    return read_prompts(CORPUS)


def answer(text: str) -> Answer:
    return Answer("sadness", "neutral", "approval", text, text, 0.1, 10, 5)


def test_no_session_is_learned_from_and_held_out(prompts: list[Prompt]) -> None:
    learned = {prompt.session for prompt in prompts if not prompt.held_out}
    held_out = {prompt.session for prompt in prompts if prompt.held_out}
    assert (len(learned), len(held_out)) == (18, 12)
    assert not learned & held_out


def test_raters_prefer_the_answer_that_names_the_feeling(prompts: list[Prompt]) -> None:
    prompt = next(p for p in prompts if p.emotion == "anger")
    said = ["You are angry.", "You are sad.", "You are angry.", "Your rage is loud.", "Go on.", ""]

    def compared(others: int) -> list[tuple[str, str]]:
        pairs = pairs_of(prompt, list(map(answer, said)), others, seed=1)
        return [(pair.chosen.text, pair.rejected.text) for pair in pairs]

    one, two = "You are angry.", "Your rage is loud."
    assert compared(1) == [(one, "You are sad."), (two, "Go on.")]
    assert compared(3) == [(best, other) for best in (one, two) for other in said[1::3]]
    assert pairs_of(prompt, [answer("Go on."), answer("I see.")], 5, seed=1) == []


def test_a_release_of_scripted_raters_is_one(prompts: list[Prompt], tmp_path: Path) -> None:
    shown = [next(p for p in prompts if p.held_out is held_out) for held_out in (False, True)]
    pairs = [
        pair
        for prompt in shown
        for pair in pairs_of(
            prompt, [answer(f"You are {ADJECTIVES[prompt.emotion]}."), answer("Go on.")], 1, 3
        )
    ]
    assert write_release(tmp_path / "r", pairs, CORPUS.parent) == 2
    verify_release(tmp_path / "r")
    read = list(read_pairs(tmp_path / "r" / "pairs.jsonl", CORPUS.parent))
    assert sorted(pair.split for pair in read) == ["train", "validation"]
    assert {pair.stimulus for pair in read} == {
        replace(prompt.lesson.stimulus, earlier_clip_paths=()) for prompt in shown
    }
    assert all(clip.is_file() for pair in read for clip in pair.stimulus.clip_paths)


def test_sentences_of_the_start_model_name_the_feeling_they_are_for() -> None:
    for emotion, adjective in ADJECTIVES.items():
        for sentence in SENTENCES:
            text = sentence.format(adjective=adjective, noun=NOUNS[emotion])
            assert feelings_named(text) <= {emotion}
            assert feelings_named(text), text


def test_only_replies_to_a_labelled_client_are_varied() -> None:
    dialogue = json.loads(CORPUS.read_text().splitlines()[0])
    copies = [varied(dialogue, copy, seed=1) for copy in range(40)]
    assert copies[0] == varied(dialogue, 0, seed=1)
    assert len({copy["id"] for copy in copies}) == 40
    changed = set()
    for copy in copies:
        for number, (turn, before) in enumerate(zip(copy["turns"], dialogue["turns"], strict=True)):
            assert turn["text"].endswith(before["text"])
            if turn != before:
                changed.add(number)
    answered = {
        number
        for number, turn in enumerate(dialogue["turns"])
        if turn["speaker"] == "therapist" and number and turn.get("strategy")
    }
    assert changed == answered


def test_the_sign_flip_test_by_hand() -> None:
    # All eight patterns of (1, 2, 3): only +++ and --- are as far from 0 as 6.
    assert sign_flip(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 8)
    # (1, 1, -1): sums are 3, 1 (x3), -1 (x3), -3; all are at least as far from 0 as 1.
    assert sign_flip(np.array([1.0, 1.0, -1.0])) == 1
    # (3, 1, -1): sums 5, 3, 3, 1 and their opposites; 3 or more: 6 of 8.
    assert sign_flip(np.array([3.0, 1.0, -1.0])) == pytest.approx(6 / 8)
    assert sign_flip(np.full(12, 0.1)) == pytest.approx(2 / 4096)
    assert sign_flip(np.zeros(4)) == 1
    with pytest.raises(ValueError, match="21 sessions"):
        sign_flip(np.ones(21))


def test_the_interval_by_hand() -> None:
    # Mean 2, standard deviation 1, t(0.975, 2) = 4.302653: 4.302653 / sqrt(3).
    assert half_width(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.484138, abs=1e-6)


def test_sessions_count_alike_however_long_they_are() -> None:
    before = by_session(["a", "a", "a", "b"], [0, 0, 0, 1])
    after = by_session(["a", "a", "a", "b"], [1, 0, 1, 1])
    assert before == {"a": 0, "b": 1}
    found = compare(before, after)
    assert (found.before, found.sessions) == (0.5, 2)
    assert found.difference == pytest.approx(1 / 3)
    assert found.after == pytest.approx((2 / 3 + 1) / 2)
    assert found.p == 1  # (2/3, 0): no pattern is nearer to 0
    with pytest.raises(ValueError, match="not of the same sessions"):
        compare({"a": 0.0}, {"b": 0.0})
