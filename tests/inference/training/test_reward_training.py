"""Reward models learn what raters preferred, and what they scored."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.contracts import ReplyFields
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.reward_model import MultiMoodForReward
from inference.preference_files import (
    CODEBOOK_FILE,
    MANIFEST_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
    reply_row,
    sha256_file,
    stimulus_row,
    write_pairs,
    write_rows,
)
from inference.reward_files import criteria_of
from inference.training.config import ConfigError, RewardTerm, TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.rated_replies import load_rated
from inference.training.reward import reads_of
from inference.training.reward_objectives import (
    Criteria,
    Pairs,
    bradley_terry_loss,
    correlation,
    present_squared_error,
    ranked_right,
)
from inference.training.rewards import load_rewards
from inference.training.rewards.contract import Asked, Said
from inference.training.run import run
from tests.inference.training.pair_release import (
    COLD,
    KIND,
    events,
    make_pair,
    released,
    write_release,
)

MakeConfig = Callable[..., TrainingConfig]
NAN = math.nan


@pytest.fixture
def reward_config(base: Path, release: Path, media: Path, tmp_path: Path) -> MakeConfig:
    def make(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "method": "reward",
            "base": base,
            "dataset": release,
            "media_root": media,
            "output": tmp_path / "run",
            "max_steps": 6,
            "learning_rate": 1e-3,
            "batch_size": 4,
            "save_steps": 100,
            "device": "cpu",
            "sample_stimuli": 0,
            "report": False,
        }
        config = TrainingConfig(**values | changes)
        config.output.mkdir(exist_ok=True)
        return config

    return make


def start(config: TrainingConfig) -> list[dict[str, Any]]:
    assert run(config, Progress(config.output), StopRequest())
    return events(config.output)


def write_rated(folder: Path, media: Path, replies: int = 12) -> Path:
    """Kind replies score high on empathy and low on coldness, which is reverse-scored; every third
    has no score on coldness. The last quarter is held out."""
    folder.mkdir()
    hashes = {path.name: sha256_file(path) for path in media.iterdir()}
    pairs = [make_pair(number) for number in range(replies)]
    write_pairs(folder / PAIRS_FILE, pairs, hashes)
    stimuli, responses = [], []
    for number, pair in enumerate(pairs):
        about = {"group": "demo/s1", "split": "train" if 4 * number < 3 * replies else "validation"}
        stimuli.append(stimulus_row(pair.stimulus, hashes) | about)
        kind = number % 2 == 0
        scores = {"empathy": scored(6 if kind else 2, 1, 6)}
        if number % 3:
            scores["coldness"] = scored(0 if kind else 4, 0, 4)
        response = {
            "response_id": number,
            "stimulus": pair.stimulus.key,
            "reply": reply_row(pair.chosen if kind else pair.rejected),
            "scores": scores,
            "judge_scores": {"empathy": scored(3, 1, 6)},
        }
        responses.append(response | about)
    write_rows(folder / STIMULI_FILE, stimuli)
    write_rows(folder / RESPONSES_FILE, responses)
    with (folder / CODEBOOK_FILE).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("variable", "reverse_scored"))
        rows.writerows([("score", ""), ("empathy", "no"), ("coldness", "yes")])
    seal(folder)
    return folder


def scored(mean: float, low: float, high: float) -> dict[str, float]:
    return {"mean": mean, "n": 2, "min": mean, "max": mean, "low": low, "high": high}


def seal(folder: Path) -> None:
    files = {
        path.name: sha256_file(path) for path in folder.iterdir() if path.name != MANIFEST_FILE
    }
    (folder / MANIFEST_FILE).write_text(json.dumps({"files": files}))


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory, media: Path) -> Path:
    return write_rated(tmp_path_factory.mktemp("rated") / "r", media)


def test_the_loss_of_pairs_by_hand() -> None:
    loss = bradley_terry_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))
    # -log sigmoid(1) = 0.313262, -log sigmoid(-2) = 2.126928
    assert loss.item() == pytest.approx((0.313262 + 2.126928) / 2, abs=1e-6)
    assert ranked_right(torch.tensor([2.0, 0.0, -1.0])).tolist() == [1, 0.5, 0]


def test_the_gradient_of_pairs_by_hand() -> None:
    chosen, rejected = torch.tensor([1.0], requires_grad=True), torch.tensor([0.0])
    torch.autograd.backward(bradley_terry_loss(chosen, rejected))
    assert chosen.grad is not None
    assert chosen.grad.item() == pytest.approx(-(1 - 0.731059), abs=1e-6)  # -(1 - sigmoid(1))


def test_the_loss_of_scores_counts_what_is_there_only() -> None:
    scores = torch.tensor([[0.5, 0.2], [1.0, 0.0]], requires_grad=True)
    targets = torch.tensor([[1.0, NAN], [0.5, 0.4]])
    loss = present_squared_error(scores, targets)
    assert loss.item() == pytest.approx((0.25 + 0.25 + 0.16) / 3)
    torch.autograd.backward(loss)
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad, torch.tensor([[-1.0, 0.0], [1.0, -0.8]]) / 3)
    nothing = present_squared_error(torch.zeros(1, 2), torch.full((1, 2), NAN))
    assert nothing.item() == 0


def test_figures_of_pairs_by_hand() -> None:
    figures = Pairs().figures(
        np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[4, 2], [0, 2], [2, 2]])
    )
    assert figures["accuracy"] == pytest.approx(0.5)
    assert figures["reward_margin"] == pytest.approx(0)
    assert figures["length_correlation"] == pytest.approx(1)
    assert figures["pairs"] == 3


def test_figures_of_criteria_leave_out_what_nobody_scored() -> None:
    predictions = np.array([[0.1, 0.5], [0.2, 0.5], [0.3, 0.5], [9.0, 0.5]])
    known = np.array([[0.3, 1, 5], [0.2, 0, 5], [0.1, 1, 5], [NAN, 0, 5]])
    figures = Criteria(("empathy", "safety")).figures(predictions, known)
    assert figures["correlation_empathy"] == pytest.approx(-1)
    # Constant predictions and constant lengths have no correlation.
    assert set(figures) == {"replies", "correlation_empathy"}
    assert correlation("c", np.array([1.0, 2.0]), np.array([1.0, 2.0])) == {}


@pytest.mark.parametrize("lora", [False, True])
def test_learns_what_was_preferred(reward_config: MakeConfig, media: Path, lora: bool) -> None:
    config = reward_config(lora=lora, max_steps=10, learning_rate=3e-3 if lora else 1e-3)
    told = start(config)
    logs = [event["values"] for event in told if event["event"] == "log"]
    assert {"loss", "reward_margin", "accuracy", "reward_chosen", "reward_rejected"} <= set(logs[0])
    assert logs[-1]["loss"] < logs[0]["loss"]
    values = told[-1]["values"]
    assert values["accuracy"] == 1.0
    assert values["pairs"] == 12
    assert abs(values["reward_chosen"] + values["reward_rejected"]) < 1e-3, "zero is the mean"
    final = config.output / "final"
    assert criteria_of(final) == ()
    rewards = load_rewards([RewardTerm("model", path=final)])
    asked = [Asked(stimulus_with(media, number)) for number in (0, 2)]
    kind = [Said("", ReplyFields(None, None, None, KIND[n])) for n in (0, 2)]
    cold = [Said("", ReplyFields(None, None, None, COLD[n])) for n in (0, 2)]
    good, bad = rewards.score(asked, kind).total, rewards.score(asked, cold).total
    for one, other in zip(good, bad, strict=True):
        assert one is not None
        assert other is not None
        assert 0 <= other < one <= 1


def stimulus_with(media: Path, number: int) -> Any:
    stimulus = make_pair(number).stimulus
    clips = tuple(media / clip for clip in stimulus.clip_paths)
    return type(stimulus)(**{**vars(stimulus), "clip_paths": clips})


def test_everything_but_the_towers_learns(reward_config: MakeConfig, base: Path) -> None:
    config = reward_config(max_steps=2)
    start(config)
    before = MultiMoodForConditionalGeneration.from_pretrained(base).model.state_dict()
    after = MultiMoodForReward.from_pretrained(config.output / "final").model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("layers.") for name in moved)
    assert any(name.startswith("mm_projector.") for name in moved)
    assert any(name.startswith("mamba_compressor.") for name in moved)
    assert not any("_tower." in name for name in moved)


def test_held_out_pairs_are_measured_and_never_learned(
    reward_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = write_release(tmp_path / "split", media, pairs=8)
    hashes = {path.name: sha256_file(path) for path in media.iterdir()}
    pairs = [make_pair(number) for number in range(8)]
    halves = [
        type(pair)(**{**vars(pair), "split": "train" if n < 4 else "validation"})
        for n, pair in enumerate(pairs)
    ]
    write_pairs(release / PAIRS_FILE, halves, hashes)
    seal(release)
    told = start(reward_config(dataset=release, max_steps=2, eval_steps=1))
    evaluations = [e["values"] for e in told if e["event"] == "log" and "eval_loss" in e["values"]]
    assert len(evaluations) >= 2
    assert {"eval_accuracy", "eval_reward_margin", "eval_length_correlation"} <= set(evaluations[0])
    assert evaluations[0]["eval_pairs"] == 4
    assert told[-1]["values"]["pairs"] == 4
    assert told[-1]["values"]["eval_pairs"] == 4


def test_ties_are_learned_and_not_measured(
    reward_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    tie = replace(make_pair(10), weight=0.5)
    back = replace(tie, pair_id="tie-back", chosen=tie.rejected, rejected=tie.chosen)
    pairs = [tie, back, *map(make_pair, range(4))]
    told = start(reward_config(dataset=released(tmp_path / "tied", pairs, media), max_steps=1))
    assert told[-1]["values"]["pairs"] == 4


def test_scores_come_in_the_unit_interval_and_turned_where_low_is_better(
    reward_config: MakeConfig, rated: Path
) -> None:
    found = load_rated(reward_config(dataset=rated, reward_target="criteria"))
    assert found.criteria == ("coldness", "empathy")
    assert [reply.response_id for reply in found.trained] == list(map(str, range(9)))
    assert [reply.response_id for reply in found.held_out] == ["9", "10", "11"]
    assert found.trained[0].scores == {"empathy": 1.0}
    assert found.trained[1].scores == {"empathy": pytest.approx(0.2), "coldness": 0.0}
    assert found.trained[2].scores == {"empathy": 1.0, "coldness": 1.0}


def test_learns_what_was_scored(reward_config: MakeConfig, rated: Path, media: Path) -> None:
    config = reward_config(dataset=rated, reward_target="criteria", max_steps=24)
    told = start(config)
    logs = [e["values"]["loss"] for e in told if e["event"] == "log" and "loss" in e["values"]]
    assert sum(logs[-3:]) < sum(logs[:3]) / 2
    values = told[-1]["values"]
    assert values["correlation_empathy"] > 0.9
    assert values["replies"] == 9
    assert values["eval_replies"] == 3
    final = config.output / "final"
    assert criteria_of(final) == ("coldness", "empathy")
    asked = [Asked(stimulus_with(media, 0))] * 2
    said = [Said("", ReplyFields(None, None, None, text)) for text in (KIND[0], COLD[1])]
    for heads in ((), ("empathy",)):
        kind, cold = (
            load_rewards([RewardTerm("model", path=final, criteria=heads)]).score(asked, said).total
        )
        assert kind is not None
        assert cold is not None
        assert 0 <= cold < kind <= 1
    with pytest.raises(ConfigError, match=r"entry 1: criteria: .* has no head for warmth"):
        load_rewards([RewardTerm("model", path=final, criteria=("warmth",))])


def test_refuses_scores_that_are_not_there(
    reward_config: MakeConfig, rated: Path, release: Path
) -> None:
    def refused(told: str, **changes: Any) -> None:
        with pytest.raises(ConfigError, match=told):
            load_rated(reward_config(reward_target="criteria", **changes))

    refused(
        "did not score warmth in .*, only coldness, empathy", dataset=rated, criteria=("warmth",)
    )
    refused(r"codebook\.csv does not exist", dataset=release)
    refused("no scored reply in “test”, only in train, validation", dataset=rated, split="test")
    refused("media_root: missing", dataset=rated, media_root=None)


def test_a_score_off_its_scale_is_refused_with_its_place(
    reward_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    folder = write_rated(tmp_path / "off", media, replies=4)
    path = folder / RESPONSES_FILE
    path.write_text(path.read_text().replace('"mean":2', '"mean":7', 1))
    seal(folder)
    with pytest.raises(ConfigError, match=r"responses\.jsonl, line 2: scores\.empathy: 7 is not"):
        load_rated(reward_config(dataset=folder, reward_target="criteria"))
    path.write_text("{}\n")
    seal(folder)
    with pytest.raises(ConfigError, match=r"responses\.jsonl, line 1: field 'reply' is missing"):
        load_rated(reward_config(dataset=folder, reward_target="criteria"))


@pytest.mark.parametrize(
    ("shown", "reads"), [("beside", "all"), ("after", "response"), ("hidden", "response")]
)
def test_labels_are_read_only_where_raters_saw_them(
    media: Path, tmp_path: Path, shown: str, reads: str
) -> None:
    release = write_release(tmp_path / "release", media, pairs=2)
    manifest = json.loads((release / MANIFEST_FILE).read_text())
    (release / MANIFEST_FILE).write_text(json.dumps(manifest | {"fields_shown": shown}))
    assert reads_of(release) == reads
    assert reads_of(release / PAIRS_FILE) == reads
