from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from inference.contracts import TurnText
from inference.corpora import generic
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt import HISTORY
from inference.multimood.splice import IGNORED, memory_counts
from inference.training.compressor import (
    INSTRUCTION,
    Reading,
    Readings,
    dialogue_readings,
    evaluation_readings,
    fitting,
    from_other_dialogues,
)
from inference.training.config import ConfigError, TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from tests.inference.training.pair_release import events

MakeConfig = Callable[..., TrainingConfig]
COMPRESSOR = "model.mamba_compressor."
SAID = (
    ("My sister left.", "You miss her."),
    ("I sang today!", "What did you sing?"),
    ("Nothing helps.", "I hear you."),
    ("The dog is ill.", "That is sad."),
)


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """Four dialogues to train on and, with the same words, four held out; and two without a
    history."""
    rows = []
    for split in ("train", "validation"):
        for number, (client, therapist) in enumerate(SAID):
            turns = [
                {"speaker": "client", "text": client},
                {"speaker": "therapist", "text": therapist},
                {"speaker": "client", "text": "Yes."},
            ]
            name = f"{split}-{number}"
            rows.append({"id": name, "session": name, "split": split, "turns": turns})
        turns = [{"speaker": "client", "text": "Hello."}]
        rows.append({"id": f"{split}-x", "session": "x", "split": split, "turns": turns})
    file = tmp_path / "talks.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def make_config(base: Path, talks: Path, tmp_path: Path) -> MakeConfig:
    def make(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": "compressor",
            "base": base,
            "dataset": talks,
            "output": tmp_path / "run",
            "max_steps": 2,
            "learning_rate": 3e-3,
            "batch_size": 4,
            "save_steps": 1000,
            "sample_stimuli": 0,
            "report": False,
            "device": "cpu",
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make


def text_of(processor: MultiMoodProcessor, ids: torch.Tensor) -> str:
    return str(processor.tokenizer.decode(ids))


def test_the_history_alone_is_learned_from_its_memories(processor: MultiMoodProcessor) -> None:
    turns = (TurnText("client", "My sister left."), TurnText("therapist", "You miss her."))
    sample = Readings([Reading("d", "s", turns)], processor)[0]
    places = processor.config.placeholders
    assert int((sample["input_ids"] == places.history).sum()) == 2
    assert memory_counts(processor.config, sample["history_input_ids"][None]) == [2]
    learned = sample["labels"] != IGNORED
    words = "Client: My sister left.\nTherapist: You miss her."
    assert text_of(processor, sample["labels"][learned]) == words
    prompt = text_of(processor, sample["input_ids"][~learned])
    assert prompt == f"{HISTORY}{HISTORY}\n{INSTRUCTION}\n"


def test_a_pass_draws_how_much_of_a_history_is_shown(processor: MultiMoodProcessor) -> None:
    turns = tuple(TurnText("client", word) for word in ("one", "two", "three"))
    rows = Readings([Reading("d", "s", turns)], processor, seed=0)

    def shown(epoch: int) -> int:
        rows.epoch = epoch
        sample = rows[0]
        told = text_of(processor, sample["labels"][sample["labels"] != IGNORED])
        [count] = memory_counts(processor.config, sample["history_input_ids"][None])
        # The newest, and as many of them as there are memories.
        assert told == "\n".join(f"Client: {turn.text}" for turn in turns[-count:])
        return count

    counts = [shown(epoch) for epoch in range(60)]
    assert min(counts.count(number) for number in (1, 2, 3)) >= 8
    assert counts == [shown(epoch) for epoch in range(60)]


def test_what_the_compressor_does_not_take_whole_is_not_asked_for(
    base: Path,
) -> None:
    processor = MultiMoodProcessor.from_pretrained(base)
    turns = tuple(TurnText("client", "word " * count) for count in (1, 30, 2, 3))
    processor.config.max_history_tokens = 400
    assert fitting(processor, turns) == turns
    processor.config.max_history_tokens = 40
    assert fitting(processor, turns) == turns[2:]
    assert fitting(processor, turns[:2]) == ()
    processor.config.max_history_tokens, processor.config.max_text_tokens = 400, 40
    assert fitting(processor, turns) == turns[2:]
    processor.config.max_history_tokens = 40
    sample = Readings([Reading("d", "s", turns)], processor)[0]
    assert len(sample["history_input_ids"]) <= 40
    assert text_of(processor, sample["history_input_ids"]).startswith("Client: word word")


def test_dialogues_without_a_history_are_left_out(
    make_config: MakeConfig, talks: Path, processor: MultiMoodProcessor
) -> None:
    dialogues = list(generic.read([talks]))
    assert [len(list(dialogue_readings(d))) for d in dialogues] == [1, 1, 1, 1, 0] * 2
    held_out = evaluation_readings(make_config(), processor)
    assert [reading.dialogue for reading in held_out] == [f"validation-{n}" for n in range(4)]
    assert evaluation_readings(make_config(eval_split="train"), processor) == []


def test_another_history_is_of_another_dialogue_and_as_long_where_there_is_one() -> None:
    def reading(dialogue: str, turns: int) -> Reading:
        return Reading(dialogue, "s", (TurnText("client", dialogue),) * turns)

    a1, a3, b2, c3 = reading("a", 1), reading("a", 3), reading("b", 2), reading("c", 3)
    assert from_other_dialogues([a1, a3, b2, c3]) == [b2, c3, c3, a3]
    assert from_other_dialogues([a3, b2]) == [b2, a3]


def test_only_the_compressor_changes(make_config: MakeConfig, base: Path) -> None:
    config = make_config()
    assert run(config, Progress(config.output), StopRequest())
    before = load_file(base / "model.safetensors")
    after = load_file(config.output / "final" / "model.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name in before if before[name].ne(after[name]).any()}
    assert f"{COMPRESSOR}memory_projection.weight" in moved
    assert any(name.startswith(f"{COMPRESSOR}mamba.") for name in moved)
    assert all(name.startswith(COMPRESSOR) for name in moved)


def test_learns_to_say_of_a_history_what_another_does_not(make_config: MakeConfig) -> None:
    config = make_config(max_steps=60, learning_rate=1e-2, logging_steps=60)
    assert run(config, Progress(config.output), StopRequest())
    measured = [e["values"] for e in events(config.output) if "eval_loss" in e.get("values", {})]
    told = measured[-1]
    assert told["eval_loss"] < told["eval_other_history_loss"] - 0.1


def test_refuses_a_base_without_memories_and_a_corpus_without_histories(
    make_config: MakeConfig, talks: Path, tmp_path: Path, base: Path
) -> None:
    config = make_config(split="test")
    with pytest.raises(ConfigError, match="no history to learn from in 'test'"):
        run(config, Progress(config.output), StopRequest())
    other = tmp_path / "other"
    other.mkdir()
    for file in base.iterdir():
        (other / file.name).symlink_to(file)
    described = json.loads((base / "config.json").read_text())
    (other / "config.json").unlink()
    (other / "config.json").write_text(json.dumps({**described, "mem_token_id": None}))
    config = make_config(base=other, output=tmp_path / "none")
    with pytest.raises(ConfigError, match="no mem_token_id"):
        run(config, Progress(config.output), StopRequest())
