"""Base against result: figures by hand, and reports of real runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.contracts import ReplyFields, StimulusInput
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.preference_files import sha256_file, write_pairs
from inference.training.asking import Answered, Asking
from inference.training.config import TrainingConfig
from inference.training.held_out import HeldOut, held_out
from inference.training.progress import Progress, StopRequest
from inference.training.report import make
from inference.training.report_figures import NO_SPREAD, NOTHING, ONE_SESSION, change, mean, ratio
from inference.training.report_measures import divergences, log_probabilities
from inference.training.report_parts import Preferences, Reconstruction, label_changes
from inference.training.rewards.contract import Said
from inference.training.run import run
from inference.training.targets import response_tokens
from tests.inference.training.pair_release import events, make_pair

MakeConfig = Callable[..., TrainingConfig]


def start(config: TrainingConfig) -> dict[str, Any]:
    assert run(config, Progress(config.output), StopRequest())
    return report_of(config)


def report_of(config: TrainingConfig) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((config.output / "report.json").read_text())
    return report


# Figures


def test_a_mean_counts_answers_and_its_interval_draws_sessions() -> None:
    """Two sessions: a resample holds one of them twice (1/4 each) or both (1/2), so the means 0.2,
    0.6 and 1 occur, and 95 % of resamples lie from the least to the greatest."""
    values = [0.2, 0.2, 1.0, 1.0]
    figure = mean(values, ["a", "a", "b", "b"])
    assert (figure.n, figure.sessions) == (4, 2)
    assert figure.value == pytest.approx(0.6)
    assert figure.low == pytest.approx(0.2)
    assert figure.high == pytest.approx(1.0)
    shuffled = mean([1.0, 0.2, 1.0, 0.2], ["b", "a", "b", "a"])
    assert shuffled == figure


def test_a_ratio_is_of_sums() -> None:
    assert ratio([1.0, 5.0], [1.0, 2.0], ["a", "a"]).value == 2.0
    assert ratio([1.0, 5.0], [1.0, 2.0], ["a", "a"]).no_interval_because == ONE_SESSION


def test_a_figure_without_interval_says_why() -> None:
    assert mean([], []).no_interval_because == NOTHING
    assert mean([], []).value is None
    assert mean([1.0, 1.0], ["a", "b"]).no_interval_because == NO_SPREAD
    assert mean([1.0, 1.0], ["a", "b"]).low is None
    with pytest.raises(ValueError, match="1 sessions"):
        mean([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="not a number"):
        mean([math.nan], ["a"])


def test_a_change_is_paired() -> None:
    changed = change([0.0, 0.5, 1.0], [0.25, 0.75, 1.25], ["a", "b", "c"])
    assert changed.before.value == 0.5
    assert changed.difference.value == 0.25
    # Every stimulus changed alike: no spread, however different the stimuli are.
    assert changed.difference.no_interval_because == NO_SPREAD
    assert changed.before.low is not None


def answered(emotion: str | None, strategy: str | None) -> Answered:
    reply = ReplyFields(emotion, None, strategy, "I hear you.")
    return Answered(Said("", reply), {}, torch.zeros(0, dtype=torch.long))


def test_a_label_that_cannot_be_read_is_wrong_and_one_that_is_not_known_is_not_counted() -> None:
    def stimulus(session: str, labels: ReplyFields | None) -> HeldOut:
        return HeldOut(StimulusInput("", "", (), ()), session, labels)

    found = [
        stimulus("a", ReplyFields("joy", None, "advisement", "")),
        stimulus("b", ReplyFields("fear", None, None, "")),
        stimulus("c", None),
    ]
    before = [answered("joy", "approval"), answered(None, None), answered("joy", None)]
    after = [answered("joy", "advisement"), answered("fear", None), answered("joy", None)]
    changes = label_changes(found, before, after)
    assert set(changes) == {"client_emotion", "strategy"}
    emotion, strategy = changes["client_emotion"], changes["strategy"]
    assert (emotion.before.n, emotion.before.value, emotion.after.value) == (2, 0.5, 1.0)
    assert (strategy.before.n, strategy.before.value, strategy.after.value) == (1, 0.0, 1.0)


def test_preferences_are_how_much_more_the_chosen_reply_gained() -> None:
    pairs = [replace(make_pair(number), group=f"g{number}") for number in range(4)]
    before = [(-5.0, -4.0), (-5.0, -6.0), (-3.0, -3.5), (-2.0, -1.0)]
    after = [(-3.0, -4.0), (-5.0, -8.0), (-3.0, -3.25), (-2.0, -1.0)]
    found = Preferences.of(pairs, before, after, "validation", beta=0.5)
    # Margins: 2, 2, -0.25 and 0, which counts half.
    assert found.accuracy.value == 0.625
    assert found.reward_margin.value == pytest.approx(0.5 * 3.75 / 4)
    assert (found.likelier.before.value, found.likelier.after.value) == (0.5, 0.75)
    assert found.accuracy.sessions == 4


def test_reconstruction_is_of_tokens_and_gains_from_the_right_history() -> None:
    found = Reconstruction.of(
        ["a", "b"], before=[(10, 2), (20, 8)], after=[(4, 2), (6, 8)], others=[(8, 2), (12, 8)]
    )
    assert found.before.value == 3.0
    assert found.after.value == 1.0
    assert found.gain is not None
    assert found.gain.value == 1.0
    alone = Reconstruction.of(["a"], [(1.0, 1)], [(1.0, 1)], None)
    assert alone.gain is alone.after_other_history is None


# Divergence


def test_divergence_is_the_mean_log_ratio_of_answers_that_are_sampled(
    base: Path, processor: MultiMoodProcessor, corpus: Path, tmp_path: Path
) -> None:
    """Against the plain definition, over every token that can be said; and none from itself."""
    old = MultiMoodForConditionalGeneration.from_pretrained(base).eval()
    new = MultiMoodForConditionalGeneration.from_pretrained(base).eval()
    torch.nn.init.normal_(
        new.model.norm.weight, 1.0, 0.2, generator=torch.Generator().manual_seed(1)
    )
    config = TrainingConfig("sft", base, corpus, tmp_path, eval_split="rate")
    asking = Asking(config, processor, processor.load_clip)
    (one,) = asking.answers(new, held_out(config), 1.0)
    row = {**one.prompt, "input_ids": torch.cat([one.prompt["input_ids"], one.ids])}
    batch = processor.collate([row])  # type: ignore[list-item]
    places = processor.config.placeholders
    said = [i for i in range(processor.config.vocab_size) if i not in vars(places).values()]
    with torch.no_grad():
        shares = [model(**batch).logits[0, :, said].double().softmax(-1) for model in (new, old)]
    length = len(one.ids)
    p, q = (share[-length - 1 : -1] for share in shares)
    expected = float((p * (p / q).log()).sum())
    (found,) = divergences(new, old, processor, [one], lambda done: None)
    assert expected > 0.1
    assert found == pytest.approx(expected, rel=1e-4)
    assert divergences(old, old, processor, [one], lambda done: None) == [0.0]


# Runs


@pytest.fixture
def sft_config(base: Path, corpus: Path, tmp_path: Path) -> MakeConfig:
    def make_config(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": "sft",
            "base": base,
            "dataset": corpus,
            "output": tmp_path / "run",
            "max_steps": 3,
            "learning_rate": 3e-3,
            "batch_size": 2,
            "save_steps": 3,
            "eval_split": "rate",
            "sample_stimuli": 0,
            "device": "cpu",
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make_config


def test_fine_tuning_is_reported_with_answers_before_and_after(sft_config: MakeConfig) -> None:
    config = sft_config(max_steps=25, lora=True, lora_rank=32, learning_rate=1e-2)
    report = start(config)
    assert (report["method"], report["steps"]) == ("sft", 25)
    answers = report["answers"]
    assert answers["ended"]["before"] == {
        "n": 1,
        "sessions": 1,
        "value": 0.0,
        "low": None,
        "high": None,
        "no_interval_because": ONE_SESSION,
    }
    assert answers["tokens"]["before"]["value"] == 160
    assert answers["labels"]["client_emotion"]["before"]["value"] == 0.0
    assert set(answers["labels"]) == {"client_emotion", "therapist_emotion", "strategy"}
    assert report["divergence"]["per_token"]["value"] > 0.1
    (example,) = report["examples"]
    assert example["key"] == "d2:1"
    assert example["client"] == "She left.\nI miss her."
    assert example["before"] != example["after"]
    assert report["preferences"] is None
    stages = [event.get("stage") for event in events(config.output)]
    assert "report" in stages
    assert events(config.output)[-1]["event"] == "end"


def test_preferences_are_reported_on_pairs_that_were_held_out(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    splits = ("train", "train", "train", "train", "validation", "validation", "test")
    pairs = [
        replace(make_pair(number), split=split, group=f"g{number}")
        for number, split in enumerate(splits)
    ]
    file = tmp_path / "pairs.jsonl"
    write_pairs(file, pairs, {path.name: sha256_file(path) for path in media.iterdir()})
    config = dpo_config(dataset=file, max_steps=6, lora=True, learning_rate=1e-2, sample_stimuli=0)
    report = start(config)
    preferences = report["preferences"]
    assert preferences["split"] == "validation"
    assert preferences["accuracy"]["n"] == 2
    # The same replies as in training, to other clients.
    assert preferences["accuracy"]["value"] == 1.0
    assert preferences["reward_margin"]["value"] > 0.1
    assert preferences["beta"] == config.beta
    assert report["answers"]["labels"] == {}
    assert len(report["examples"]) == 2
    evaluated = [e["values"] for e in events(config.output) if "eval_loss" in e.get("values", {})]
    # What the trainer measures of the same pairs.
    assert preferences["reward_margin"]["value"] == pytest.approx(
        evaluated[-1]["eval_reward_margin"], rel=1e-3
    )


def test_pairs_are_measured_as_they_were_trained_and_from_all_sessions(
    dpo_config: MakeConfig, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float32, where changes are smaller than bfloat16 can tell apart, and a token."""
    monkeypatch.setattr("inference.training.report.MOST_PAIRS", 2)
    groups = {4: "g4", 5: "g4", 6: "g6"}
    pairs = [
        replace(make_pair(n), split="validation" if n > 3 else "train", group=groups.get(n, "g"))
        for n in range(7)
    ]
    file = tmp_path / "pairs.jsonl"
    write_pairs(file, pairs, {path.name: sha256_file(path) for path in media.iterdir()})
    changes: dict[str, Any] = {"precision": "bfloat16", "length_normalised": True, "max_steps": 1}
    config = dpo_config(dataset=file, learning_rate=1e-6, modality="text", **changes)
    preferences = start(replace(config, sample_stimuli=0))["preferences"]
    margin = preferences["reward_margin"]
    assert (margin["n"], margin["sessions"]) == (2, 2)

    processor = MultiMoodProcessor.from_pretrained(config.base)
    summed = Asking(replace(config, length_normalised=False), processor, processor.load_clip)
    base, result = (
        MultiMoodForConditionalGeneration.from_pretrained(folder).eval()
        for folder in (config.base, config.output / "final")
    )
    margins = []
    for pair in pairs[4:]:
        lengths = [response_tokens(processor, reply) for reply in (pair.chosen, pair.rejected)]
        before, after = (
            log_probabilities(model, [pair], summed, lambda done: None)[0]
            for model in (base, result)
        )
        gained = [(b - a) / n for a, b, n in zip(before, after, lengths, strict=True)]
        margins.append(config.beta * (gained[0] - gained[1]))
    first, second, other = margins
    expected = [(first + other) / 2, (second + other) / 2]
    assert min(map(abs, expected)) > 1e-5
    assert any(margin["value"] == pytest.approx(one, rel=0.02) for one in expected)


def test_the_compressor_is_reported_by_its_losses(
    sft_config: MakeConfig, corpus: Path, base: Path
) -> None:
    turns = [
        {"speaker": "client", "text": "Hello there."},
        {"speaker": "therapist", "text": "Welcome back."},
        {"speaker": "client", "text": "Thank you."},
    ]
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    rows.append({"id": "d3", "session": "s3", "split": "rate", "turns": turns})
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = sft_config(method="compressor", max_steps=4)
    report = start(config)
    told = report["reconstruction"]
    assert told["before"]["n"] == told["after"]["n"] == 2
    assert told["after"]["value"] < told["before"]["value"]
    assert told["gain"]["sessions"] == 2
    assert report["answers"] is None


def test_a_run_with_nothing_held_out_says_so(sft_config: MakeConfig) -> None:
    config = sft_config(eval_split="validation", max_steps=1)
    report = start(config)
    assert report["answers"] is report["preferences"] is None
    assert "Nothing was held out" in report["notes"][0]


def test_a_finished_run_without_its_report_makes_it(sft_config: MakeConfig) -> None:
    config = sft_config(max_steps=1, report=False)
    assert run(config, Progress(config.output), StopRequest())
    assert not (config.output / "report.json").exists()
    weights = (config.output / "final" / "model.safetensors").stat().st_mtime_ns

    asked = replace(config, report=True)
    stop = StopRequest()
    stop.asked = True
    assert not run(asked, Progress(asked.output), stop)
    assert not (asked.output / "report.json").exists()
    assert events(asked.output)[-1] == {"event": "stopped", "step": 1}

    report = start(asked)
    assert report["examples"]
    assert (config.output / "final" / "model.safetensors").stat().st_mtime_ns == weights
    begun = [event for event in events(asked.output) if event["event"] == "begin"]
    assert begun[-1] == {"event": "begin", "step": 1, "max_steps": 1}
    made = (config.output / "report.json").stat().st_mtime_ns
    assert start(asked) == report
    assert (config.output / "report.json").stat().st_mtime_ns == made


def test_the_same_run_has_the_same_report(sft_config: MakeConfig) -> None:
    config = sft_config(max_steps=1, report=False)
    assert run(config, Progress(config.output), StopRequest())
    reports = []
    for _ in range(2):
        assert make(config, Progress(config.output), StopRequest())
        reports.append(report_of(config))
    assert reports[0] == reports[1]
