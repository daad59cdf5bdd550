from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from inference.contracts import GenerationOptions
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt_file import shipped
from inference.multimood.splice import IGNORED
from inference.training.config import ConfigError, TrainingConfig
from inference.training.modality import MODALITIES, choose_modality
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from inference.training.sft import Lessons, corpus_lessons, evaluation_lessons
from tests.inference.training.pair_release import events

TEMPLATE = shipped("full")
LLM_LINEAR = re.compile(r"model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


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


def test_random_media_are_sound_video_or_both_and_never_words_alone() -> None:
    drawn = [choose_modality("random_media", 0, epoch, "d1:1") for epoch in range(300)]
    assert set(drawn) == {"av", "a", "v"}
    assert min(drawn.count(modality) for modality in set(drawn)) >= 70


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


@pytest.mark.parametrize("projectors", ["train", "frozen"])
def test_adapters_are_merged_into_the_layers_they_were_trained_for(
    sft_config: Callable[..., TrainingConfig], base: Path, projectors: str
) -> None:
    config = sft_config(lora=True, projectors=projectors, max_steps=2)
    assert run(config, Progress(config.output), StopRequest())
    before, after = (weights(folder) for folder in (base, config.output / "final"))
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    in_layers = {name for name in before if LLM_LINEAR.fullmatch(name)}
    assert in_layers <= moved
    beside = {name.split(".")[1] for name in moved - in_layers}
    trained = {"mm_projector", "mm_projector_a", "mamba_compressor"}
    assert beside == (trained if projectors == "train" else set())


def test_adapters_learn_and_go_on_from_a_checkpoint(
    sft_config: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"lora": True, "max_steps": 8, "save_steps": 4, "logging_steps": 1}
    whole = sft_config(**changes)
    assert run(whole, Progress(whole.output), StopRequest())
    losses = [e["values"]["loss"] for e in events(whole.output) if e["event"] == "log"]
    assert losses[-1] < losses[0] - 0.2
    broken = sft_config(**changes, output=tmp_path / "broken")
    shutil.copytree(whole.output / "checkpoint-4", broken.output / "checkpoint-4")
    shutil.copy(whole.output / "run.json", broken.output)
    described = json.loads((broken.output / "run.json").read_text())
    described["output"] = str(broken.output)
    (broken.output / "run.json").write_text(json.dumps(described))
    assert run(broken, Progress(broken.output), StopRequest())
    assert [e["step"] for e in events(broken.output) if e["event"] == "begin"] == [4]
    expected = weights(whole.output / "final")
    for name, tensor in weights(broken.output / "final").items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-5, rtol=1e-4, msg=name)


def test_what_is_held_out_is_measured_and_not_learned(
    sft_config: Callable[..., TrainingConfig], corpus: Path
) -> None:
    held_out = evaluation_lessons(sft_config(eval_split="rate"))
    assert [lesson.stimulus.key for lesson in held_out] == ["d2:1"]
    assert evaluation_lessons(sft_config(eval_split="train")) == []
    assert evaluation_lessons(sft_config(eval_split="rate", split="")) == []
    assert evaluation_lessons(sft_config()) == []


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
