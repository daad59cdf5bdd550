from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.contracts import PreferencePair
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.preference_files import PAIRS_FILE
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo import check_attention, dpo_trainer, reference_copy
from inference.training.dpo_pairs import load_held_out, load_pairs
from inference.training.pair_rows import PairEncoder, PairRows
from inference.training.progress import Progress, StopRequest
from inference.training.reference import reference_log_probabilities
from inference.training.run import run
from inference.training.setup import Setup
from inference.training.trainers import trainer_arguments
from tests.inference.training.pair_release import events, make_pair, released, write_release

MakeConfig = Callable[..., TrainingConfig]
ALONE: dict[str, Any] = {"report": False, "sample_stimuli": 0}
"""Only training is looked at."""


def start(config: TrainingConfig) -> bool:
    return run(config, Progress(config.output), StopRequest())


@pytest.mark.parametrize("lora", [False, True])
def test_raises_the_margin_on_its_training_pairs(dpo_config: MakeConfig, lora: bool) -> None:
    config = dpo_config(lora=lora, max_steps=8, learning_rate=3e-3 if lora else 1e-3)
    assert start(config)
    told = events(config.output)
    begins = [event for event in told if event["event"] == "begin"]
    assert begins == [{"event": "begin", "step": 0, "max_steps": 8}]
    logs = [event["values"] for event in told if event["event"] == "log"]
    assert len(logs) == 8
    # Policy and reference are the same before the first step.
    assert logs[0]["reward_margin"] == pytest.approx(0, abs=1e-4)
    assert logs[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    end = told[-1]
    assert end["event"] == "end"
    assert end["values"]["reward_margin"] > 0.5
    assert end["values"]["accuracy"] == 1.0
    assert end["values"]["pairs"] == 12


@pytest.mark.parametrize("lora", [False, True])
def test_final_checkpoint_is_whole_and_differs_only_where_it_was_trained(
    dpo_config: MakeConfig, base: Path, lora: bool
) -> None:
    config = dpo_config(lora=lora, max_steps=2)
    assert start(config)
    final = config.output / "final"
    before = MultiMoodForConditionalGeneration.from_pretrained(base).state_dict()
    after = MultiMoodForConditionalGeneration.from_pretrained(final).state_dict()
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(".layers." in name for name in moved)
    assert any(".mm_projector." in name for name in moved)
    assert not any("_tower." in name for name in moved)
    answer = MultiMoodGenerator.load(final).processor.encode(make_pair(0).stimulus)
    assert answer["input_ids"].numel()


def test_batch_holds_both_replies_after_one_prompt_and_its_media_once(
    dpo_config: MakeConfig, processor: MultiMoodProcessor
) -> None:
    pairs, rows = pair_rows(dpo_config(), processor)
    batch = rows.collate([rows[1], rows[2]])
    assert batch["input_ids"].shape[0] == 2
    assert batch["video_values"].shape[0] == 3  # one clip, then two
    assert batch["history_input_ids"].shape[0] == 1  # only the first has one
    decode = processor.tokenizer.decode
    learned = [decode(ids).strip() for ids in batch["targets"].split(batch["lengths"].tolist())]
    wanted = [pairs[1].chosen, pairs[1].rejected, pairs[2].chosen, pairs[2].rejected]
    assert learned == [reply.text + "<eos>" for reply in wanted]


def test_trains_all_four_lines_on_request(
    dpo_config: MakeConfig, processor: MultiMoodProcessor
) -> None:
    _, rows = pair_rows(dpo_config(trains="all"), processor)
    batch = rows.collate([rows[0]])
    chosen = batch["targets"][: batch["lengths"][0]]
    assert processor.tokenizer.decode(chosen).startswith("Client's emotion:")


def pair_rows(
    config: TrainingConfig, processor: MultiMoodProcessor
) -> tuple[list[PreferencePair], PairRows]:
    pairs = load_pairs(config)
    encoder = PairEncoder(processor, processor.load_clip, config)
    return pairs, PairRows(pairs, encoder, reference=None)


def test_refuses_a_release_that_was_changed(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = write_release(tmp_path / "release", media, pairs=3)
    with (release / PAIRS_FILE).open("a") as file:
        file.write("\n")
    with pytest.raises(ConfigError, match="was changed after its release"):
        load_pairs(dpo_config(dataset=release))


def test_refuses_a_clip_that_is_not_the_released_one(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    other = tmp_path / "media"
    other.mkdir()
    (other / "one.mp4").write_bytes((media / "two.mp4").read_bytes())
    (other / "two.mp4").write_bytes((media / "two.mp4").read_bytes())
    with pytest.raises(ConfigError, match=r"one\.mp4 is not the clip that was released"):
        load_pairs(dpo_config(media_root=other))


def test_needs_the_clips_folder_unless_only_text_is_read(dpo_config: MakeConfig) -> None:
    with pytest.raises(ConfigError, match="media_root: missing"):
        load_pairs(dpo_config(media_root=None))
    assert len(load_pairs(dpo_config(media_root=None, modality="text"))) == 12


def test_refuses_a_release_without_pairs(dpo_config: MakeConfig, tmp_path: Path) -> None:
    empty = tmp_path / "pairs.jsonl"
    empty.write_text("")
    with pytest.raises(ConfigError, match="holds no pair"):
        load_pairs(dpo_config(dataset=empty))


def test_a_finished_run_is_not_trained_again(dpo_config: MakeConfig) -> None:
    config = dpo_config(max_steps=1)
    assert start(config)
    weights = (config.output / "final" / "model.safetensors").stat()
    assert start(config)
    assert (config.output / "final" / "model.safetensors").stat() == weights
    assert [event["event"] for event in events(config.output)][-2:] == ["begin", "end"]


def test_a_folder_belongs_to_one_configuration(dpo_config: MakeConfig) -> None:
    assert start(dpo_config(max_steps=1))
    with pytest.raises(ConfigError, match="learning_rate: changed since this run began"):
        start(dpo_config(max_steps=1, learning_rate=2e-3))
    with pytest.raises(ConfigError, match="holds checkpoints of an earlier run"):
        start(dpo_config(max_steps=1, resume=False))


def test_a_diverging_run_ends_with_the_reason(dpo_config: MakeConfig) -> None:
    with pytest.raises(RuntimeError, match="not a number at step"):
        start(dpo_config(learning_rate=1e30))


def test_run_file_describes_the_run(dpo_config: MakeConfig) -> None:
    config = dpo_config(max_steps=1)
    start(config)
    assert json.loads((config.output / "run.json").read_text()) == config.as_json()


def split_release(folder: Path, media: Path) -> Path:
    """Eight pairs to train on; of those that are held out one is a tie."""
    tie = replace(make_pair(10), weight=0.5, split="validation")
    back = replace(tie, pair_id="tie-back", chosen=tie.rejected, rejected=tie.chosen)
    trained = [replace(make_pair(number), split="train") for number in range(8)]
    held_out = [replace(make_pair(number), split="validation") for number in (8, 9)]
    tested = replace(make_pair(11), split="test")
    return released(folder, [*trained, *held_out, tie, back, tested], media)


def test_ties_are_trained_on_and_not_measured(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    tie = replace(make_pair(10), weight=0.5)
    back = replace(tie, pair_id="tie-back", chosen=tie.rejected, rejected=tie.chosen)
    pairs = [tie, back, *map(make_pair, range(4))]
    config = dpo_config(dataset=released(tmp_path / "tied", pairs, media), max_steps=1, **ALONE)
    assert start(config)
    assert events(config.output)[-1]["values"]["pairs"] == 4


@pytest.mark.parametrize("precompute", [True, False])
def test_measures_held_out_pairs_as_it_goes_and_at_the_end(
    dpo_config: MakeConfig, media: Path, tmp_path: Path, precompute: bool
) -> None:
    release = split_release(tmp_path / "release", media)
    config = dpo_config(
        dataset=release, eval_steps=4, lora=True, precompute_reference=precompute, **ALONE
    )
    assert start(config)
    evaluated = [
        (event["step"], event["values"])
        for event in events(config.output)
        if event["event"] == "log" and "eval_loss" in event["values"]
    ]
    assert [step for step, _ in evaluated] == [4, 6]
    names = {"eval_loss", "eval_accuracy", "eval_reward_margin"}
    for _, values in evaluated:
        assert names <= values.keys()
        assert values["eval_accuracy"] in (0.0, 0.5, 1.0)  # of two pairs: no tie, no test
    # Cold replies are alike in all splits, so what is held out follows.
    assert evaluated[-1][1]["eval_reward_margin"] > 0


@pytest.mark.parametrize("precompute", [True, False])
def test_rounded_and_recomputed_layers_leave_policy_and_reference_equal_at_first(
    dpo_config: MakeConfig, processor: MultiMoodProcessor, precompute: bool
) -> None:
    """As on a GPU: bfloat16, and layers computed anew for the gradient."""
    config = dpo_config(lora=True, precision="bfloat16", precompute_reference=precompute)
    setup = Setup.load(config, Progress(config.output), StopRequest(), None)
    pairs = load_pairs(config)
    encoder = PairEncoder(processor, setup.load_clip, config)
    reference = reference_log_probabilities(setup, encoder, pairs) if precompute else None
    arguments = {**trainer_arguments(config), "gradient_checkpointing": True}
    trainer = dpo_trainer(PairRows(pairs, encoder, reference), None, setup, arguments, [])
    trainer.train()
    logs = [log for log in trainer.state.log_history if "loss" in log]
    assert logs[0]["loss"] == pytest.approx(0.6931, abs=2e-3)
    assert logs[0]["grad_norm"] > 0
    assert logs[-1]["loss"] < logs[0]["loss"]


def test_what_is_held_out_is_neither_tied_nor_tested_nor_trained(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = split_release(tmp_path / "release", media)
    config = dpo_config(dataset=release)
    assert [pair.pair_id for pair in load_held_out(config)] == ["pair-008", "pair-009"]
    assert [pair.pair_id for pair in load_held_out(replace(config, eval_split="test"))] == [
        "pair-011"
    ]
    assert load_held_out(replace(config, split="")) == []
    assert load_held_out(replace(config, split="validation")) == []
    assert load_held_out(dpo_config()) == []


def test_two_small_batches_teach_as_much_as_one_large_one(
    dpo_config: MakeConfig, tmp_path: Path
) -> None:
    """Whatever the lengths of replies: a step averages over pairs."""
    logs = []
    for batch_size, accumulated in ((4, 1), (2, 2)):
        config = dpo_config(
            output=tmp_path / str(batch_size),
            batch_size=batch_size,
            gradient_accumulation=accumulated,
            max_steps=1,
            **ALONE,
        )
        assert start(config)
        (log,) = [e["values"] for e in events(config.output) if e["event"] == "log"]
        logs.append(log)
    assert logs[0]["grad_norm"] == pytest.approx(logs[1]["grad_norm"], rel=1e-3)
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], abs=1e-4)


@pytest.mark.parametrize(("loss", "first"), [("sigmoid", 0.6931), ("ipo", (1 / 0.4) ** 2)])
@pytest.mark.parametrize("length_normalised", [False, True])
def test_each_loss_begins_where_policy_and_reference_are_equal_and_falls(
    dpo_config: MakeConfig, loss: str, first: float, length_normalised: bool
) -> None:
    """All pairs at every step, in small steps."""
    config = dpo_config(
        **{"loss": loss, "length_normalised": length_normalised, "beta": 0.2, **ALONE},
        **{"batch_size": 12, "max_steps": 3, "learning_rate": 1e-4},
    )
    assert start(config)
    losses = [e["values"]["loss"] for e in events(config.output) if e["event"] == "log"]
    assert losses[0] == pytest.approx(first, rel=1e-3)
    assert losses[-1] < losses[0]


def test_a_base_with_a_sliding_window_is_refused(base: Path) -> None:
    model = MultiMoodForConditionalGeneration.from_pretrained(base)
    check_attention(model)
    model.config.layer_types = ["full_attention", "sliding_attention", "full_attention"]
    with pytest.raises(ConfigError, match="base: has layers of the kind sliding_attention"):
        check_attention(model)


def test_a_second_model_as_reference_is_not_sharded(dpo_config: MakeConfig, base: Path) -> None:
    model = MultiMoodForConditionalGeneration.from_pretrained(base)
    with pytest.raises(ConfigError, match=r"precompute_reference: is false.* Set it to true"):
        reference_copy(model, dpo_config(sharding="fsdp2", precompute_reference=False))


def test_a_frozen_copy_shares_what_is_not_trained(base: Path, dpo_config: MakeConfig) -> None:
    model = MultiMoodForConditionalGeneration.from_pretrained(base)
    model.model.train_towers(False)
    frozen = reference_copy(model, dpo_config())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    copies = dict(frozen.named_parameters())
    for name, parameter in model.named_parameters():
        assert (copies[name] is parameter) == ("_tower." in name), name
