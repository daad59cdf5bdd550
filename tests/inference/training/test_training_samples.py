from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import nn

from inference.contracts import GenerationOptions, ReplyFields, StimulusInput
from inference.multimood.generation import MultiMoodGenerator
from inference.preference_files import sha256_file, write_pairs
from inference.training.asking import NEW_TOKENS, Asking
from inference.training.config import TrainingConfig
from inference.training.held_out import HeldOut, held_out, shown_modality, spread
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from inference.training.samples import answer_samples, answering, fixed_stimuli
from inference.training.setup import Setup
from inference.training.trainable import lora_config
from tests.factories import clip_bytes
from tests.inference.training.pair_release import events, make_pair
from tests.inference.training.small_corpus import TURNS

MakeConfig = Callable[..., TrainingConfig]


@pytest.fixture
def sft_config(base: Path, corpus: Path, tmp_path: Path) -> MakeConfig:
    def make(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": "sft",
            "base": base,
            "dataset": corpus,
            "output": tmp_path / "run",
            "max_steps": 4,
            "learning_rate": 3e-3,
            "batch_size": 2,
            "save_steps": 2,
            "eval_split": "rate",
            "report": False,
            "device": "cpu",
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make


def set_up(config: TrainingConfig) -> Setup:
    return Setup.load(config, Progress(config.output), StopRequest(), None)


def one(session: str, key: str) -> HeldOut:
    return HeldOut(StimulusInput(key, "", (), ()), session, None)


def keys(found: Sequence[HeldOut]) -> list[str]:
    return [one.stimulus.key for one in found]


def test_samples_are_spread_over_sessions_and_always_the_same() -> None:
    found = [one(f"s{i % 3}", f"s{i % 3}:{i}") for i in range(30)]
    chosen = spread(found, 7)
    sessions = [one.session for one in chosen]
    assert len(set(keys(chosen))) == 7
    assert [len(set(sessions[i : i + 3])) for i in (0, 3)] == [3, 3]
    assert keys(spread(found, 7)) == keys(chosen)
    assert keys(spread(found, 4)) == keys(chosen)[:4]
    assert len(spread(found, 100)) == 30
    assert spread([], 4) == []


def test_the_datasets_own_held_out_part_is_answered(sft_config: MakeConfig) -> None:
    (found,) = held_out(sft_config())
    assert found.stimulus.key == "d2:1"
    assert found.session == "s2"
    assert found.labels is not None
    assert found.labels.client_emotion == "sadness"
    assert found.labels.text == "You miss her."
    assert held_out(sft_config(eval_split="validation")) == ()
    assert held_out(sft_config(split="")) == ()


def test_a_session_that_is_trained_on_is_not_held_out(
    sft_config: MakeConfig, corpus: Path, tmp_path: Path
) -> None:
    """Told by its words: in another file its dialogues may have other names."""
    greeting = {"id": "g", "session": "s9", "turns": [TURNS[1]]}
    rows: list[dict[str, Any]] = [
        {"id": "x1", "session": "seen", "situation": "Alone.", "turns": TURNS[:4]},
        {"id": "x2", "session": "seen", "turns": [{"speaker": "client", "text": "New words."}]},
        {"id": "y", "session": "new", "situation": "Elsewhere.", "turns": TURNS[:4]},
        greeting,
    ]
    file = corpus.parent / "other.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert keys(held_out(sft_config(held_out=file))) == ["y:1", "g:0"]


def write_dialogues(file: Path, *rows: dict[str, Any]) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_nothing_of_the_further_corpus_is_held_out(sft_config: MakeConfig, tmp_path: Path) -> None:
    """All of it is trained on, whatever its splits are called."""
    said = {"speaker": "client", "text": "I won.", "emotion": "joy"}
    seen = {"session": "e", "split": "rate", "situation": "A race.", "turns": [said]}
    other = {"id": "y", "session": "new", "situation": "Another race.", "turns": [said]}
    taught = write_dialogues(tmp_path / "emotions.jsonl", {"id": "e1", **seen})
    file = write_dialogues(tmp_path / "held.jsonl", {"id": "x1", **seen}, other)
    assert keys(held_out(sft_config(held_out=file))) == ["x1:0", "y:0"]
    assert keys(held_out(sft_config(held_out=file, emotion_dataset=taught))) == ["y:0"]


def test_a_first_turn_is_known_by_its_words_and_clip(
    sft_config: MakeConfig, tmp_path: Path
) -> None:
    def first(name: str, clip: bytes | None) -> dict[str, Any]:
        turn = {"speaker": "client", "text": "Hello.", "emotion": "joy"}
        if clip is not None:
            (tmp_path / f"{name}.mp4").write_bytes(clip)
            turn["clip"] = f"{name}.mp4"
        return {"id": name, "session": name, "split": "train", "turns": [turn]}

    trained = write_dialogues(tmp_path / "trained.jsonl", first("t", clip_bytes(1.0)))
    rows = [first("same", clip_bytes(1.0)), first("other", clip_bytes(1.5)), first("none", None)]
    file = write_dialogues(tmp_path / "held.jsonl", *rows)
    assert keys(held_out(sft_config(dataset=trained, held_out=file))) == ["other:0", "none:0"]


def test_pairs_of_another_split_are_held_out(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    assert held_out(dpo_config()) == ()  # a release without splits is trained on whole
    splits = ("train", "validation", "test", "validation")
    pairs = [
        replace(make_pair(number), split=split, group=f"g{number}")
        for number, split in enumerate(splits)
    ]
    file = tmp_path / "pairs.jsonl"
    write_pairs(file, pairs, {path.name: sha256_file(path) for path in media.iterdir()})
    found = held_out(dpo_config(dataset=file))
    assert [one.session for one in found] == ["g1", "g3"]
    assert [one.labels for one in found] == [None, None]
    assert [path.parent for path in found[0].stimulus.clip_paths] == [media]


def test_random_media_are_all_shown_when_answers_are_compared(sft_config: MakeConfig) -> None:
    choices = ("av", "v", "text", "random", "random_media")
    shown = [shown_modality(sft_config(modality=choice)) for choice in choices]
    assert shown == ["av", "v", "text", "av", "av"]


def answers(setup: Setup, model: nn.Module) -> list[ReplyFields]:
    asking = Asking(setup.config, setup.processor, setup.load_clip)
    found = held_out(setup.config)
    return [one.said.reply for one in asking.answers(answering(model), found)]


def test_answers_as_a_generator_does_and_leaves_the_model_as_it_was(
    sft_config: MakeConfig, base: Path
) -> None:
    setup = set_up(sft_config())
    setup.model.train()
    state = torch.random.get_rng_state()
    (reply,) = answers(setup, setup.model)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert setup.model.training
    assert all(parameter.grad is None for parameter in setup.model.parameters())
    generator = MultiMoodGenerator.load(base, device="cpu")
    options = GenerationOptions(max_new_tokens=NEW_TOKENS, constrain_labels=False)
    (expected,) = generator.answer([one.stimulus for one in held_out(setup.config)], options)
    assert reply.text == expected.text
    assert reply.client_emotion == expected.client_emotion


def test_adapters_are_on_when_samples_are_answered(sft_config: MakeConfig) -> None:
    setup = set_up(sft_config(lora=True, lora_dropout=0.5))
    adapted = get_peft_model(setup.model, lora_config(setup.config))
    before = answers(setup, adapted)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(0))
    after = answers(setup, adapted)
    assert after != before
    # No dropout, and the whole model or the one inside: the same answer.
    assert answers(setup, setup.model) == after
    with adapted.disable_adapter():
        assert answers(setup, adapted) == before
    with pytest.raises(TypeError, match="Linear answers nothing"):
        answering(nn.Linear(1, 1))


def test_a_stimulus_whose_prompt_leaves_no_room_is_not_answered(sft_config: MakeConfig) -> None:
    setup = set_up(sft_config())
    setup.processor.config.max_position_embeddings = NEW_TOKENS + 10
    answer_samples(setup, setup.model, 0)
    (told,) = [event for event in events(setup.config.output) if event["event"] == "samples"]
    assert told["samples"] == []


def test_samples_come_before_the_first_step_at_evaluations_and_at_the_end(
    sft_config: MakeConfig,
) -> None:
    config = sft_config(eval_steps=2, max_steps=5)
    assert run(config, Progress(config.output), StopRequest())
    told = [event for event in events(config.output) if event["event"] == "samples"]
    assert [event["step"] for event in told] == [0, 2, 4, 5]
    for event in told:
        (sample,) = event["samples"]
        assert sample["key"] == "d2:1"
        assert sample["client"] == "She left.\nI miss her."
        assert set(sample) == {
            "key",
            "client",
            "client_emotion",
            "therapist_emotion",
            "strategy",
            "text",
        }


def test_samples_can_be_left_out(sft_config: MakeConfig) -> None:
    assert fixed_stimuli(sft_config(sample_stimuli=0)) == []
    assert len(fixed_stimuli(sft_config(sample_stimuli=3))) == 1
    setup = set_up(sft_config(sample_stimuli=0))
    answer_samples(setup, setup.model, 0)
    assert "samples" not in [event["event"] for event in events(setup.config.output)]


def test_sampling_changes_nothing_that_is_learned(sft_config: MakeConfig, tmp_path: Path) -> None:
    """Dropout of adapters draws from the same random numbers with and without samples."""
    changes: dict[str, Any] = {"lora": True, "lora_dropout": 0.3, "eval_steps": 2}
    without = sft_config(**changes, sample_stimuli=0, output=tmp_path / "without")
    sampled = sft_config(**changes)
    losses = []
    for config in (without, sampled):
        assert run(config, Progress(config.output), StopRequest())
        told = [e["values"] for e in events(config.output) if e["event"] == "log"]
        losses.append([values["loss"] for values in told if "loss" in values])
    assert losses[0] == losses[1]
