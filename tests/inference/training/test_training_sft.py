from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.contracts import GenerationOptions
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt_file import shipped
from inference.multimood.splice import IGNORED
from inference.training.config import ConfigError, TrainingConfig
from inference.training.modality import MODALITIES, choose_modality
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from inference.training.sft import Lessons, corpus_lessons
from tests.inference.training.pair_release import events

TEMPLATE = shipped("full")


@pytest.fixture
def sft_config(base: Path, corpus: Path, tmp_path: Path) -> Callable[..., TrainingConfig]:
    def make(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": "sft",
            "base": base,
            "dataset": corpus,
            "output": tmp_path / "run",
            "max_steps": 40,
            "learning_rate": 3e-3,
            "batch_size": 3,
            "save_steps": 100,
            "logging_steps": 10,
            "device": "cpu",
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make


def test_lessons_are_the_therapists_replies_of_the_split(corpus: Path) -> None:
    first, second, third = corpus_lessons(corpus, "train")
    assert [turn.text for turn in first.stimulus.client_turns] == ["She left.", "I miss her."]
    assert [turn.text for turn in first.stimulus.history] == ["Welcome."]
    assert [path.name for path in first.stimulus.clip_paths] == ["one.mp4"]
    # The emotion answered is the one the client ends with.
    assert first.reply.client_emotion == "sadness"
    assert TEMPLATE.reply_lines(second.reply) == (
        "Client's emotion: joy\nTherapist's strategy: open question\n"
        "Therapist's response: What did you sing?"
    )
    assert not third.whole
    assert third.reply.client_emotion == "neutral"
    assert len(corpus_lessons(corpus, "")) == 4


def test_a_turn_nobody_answers_teaches_the_emotion_line_only(
    sft_config: Callable[..., TrainingConfig], corpus: Path, processor: MultiMoodProcessor
) -> None:
    lessons = Lessons(corpus_lessons(corpus, "train"), processor, processor.load_clip, sft_config())
    labels = lessons[2]["labels"]
    learned = processor.tokenizer.decode(labels[labels != IGNORED])
    assert learned == "Client's emotion: neutral\n"


def test_words_are_hidden_in_the_asked_share_and_anew_each_epoch(
    sft_config: Callable[..., TrainingConfig], corpus: Path, processor: MultiMoodProcessor
) -> None:
    config = sft_config(text_dropout=0.5, modality="random")
    lessons = Lessons(corpus_lessons(corpus, "train"), processor, processor.load_clip, config)

    def text(epoch: int) -> str:
        lessons.epoch = epoch
        return str(processor.tokenizer.decode(lessons[1]["input_ids"]))

    texts = [text(epoch) for epoch in range(40)]
    hidden = [TEMPLATE.masked in shown for shown in texts]
    # Three of four modalities show a clip, and half of those hide the words.
    assert 6 <= sum(hidden) <= 24
    assert not any("sang" in shown for shown, masked in zip(texts, hidden, strict=True) if masked)
    assert texts == [text(epoch) for epoch in range(40)]


def test_random_modality_is_drawn_evenly_and_again_the_same() -> None:
    drawn = [choose_modality("random", 0, epoch, "d1:1") for epoch in range(400)]
    assert drawn == [choose_modality("random", 0, epoch, "d1:1") for epoch in range(400)]
    for modality in MODALITIES:
        assert 70 <= drawn.count(modality) <= 130
    assert choose_modality("a", 0, 1, "d1:1") == "a"


def test_learns_its_examples_by_heart(
    sft_config: Callable[..., TrainingConfig], corpus: Path
) -> None:
    config = sft_config()
    assert run(config, Progress(config.output), StopRequest())
    losses = [e["values"]["loss"] for e in events(config.output) if e["event"] == "log"]
    assert losses[-1] < 0.05 < losses[0]
    generator = MultiMoodGenerator.load(config.output / "final", device="cpu")
    lessons = [lesson for lesson in corpus_lessons(corpus, "train") if lesson.whole]
    # One lesson has no therapist's emotion, which constrained decoding would put in.
    options = GenerationOptions(max_new_tokens=120, constrain_labels=False)
    answers = generator.answer([lesson.stimulus for lesson in lessons], options)
    assert [answer.raw for answer in answers] == [
        TEMPLATE.reply_lines(lesson.reply) for lesson in lessons
    ]


def test_a_child_keeps_the_prompt_it_was_trained_with(
    sft_config: Callable[..., TrainingConfig],
) -> None:
    prompt = TEMPLATE.text.replace("Situation: {text}", "What happened: {text}")
    config = sft_config(max_steps=1, prompt=prompt)
    assert run(config, Progress(config.output), StopRequest())
    child = MultiMoodProcessor.from_pretrained(config.output / "final")
    assert child.template.text == prompt


def test_refuses_a_split_without_dialogues(sft_config: Callable[..., TrainingConfig]) -> None:
    config = sft_config(split="test")
    with pytest.raises(ConfigError, match="nothing to learn in 'test'"):
        run(config, Progress(config.output), StopRequest())


def test_refuses_a_broken_corpus(sft_config: Callable[..., TrainingConfig], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "d1"}\n')
    with pytest.raises(ConfigError, match="session"):
        run(config := sft_config(dataset=broken), Progress(config.output), StopRequest())
