"""The reference's log-probabilities: computed once, kept whole, and those of the base."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.multimood.processing import MultiMoodProcessor
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo_pairs import load_pairs
from inference.training.pair_rows import PairEncoder, PairRows
from inference.training.progress import Progress, StopRequest
from inference.training.reference import reference_key, reference_log_probabilities
from inference.training.run import run
from inference.training.setup import Setup
from inference.training.shared_prompts import SharedRow, score
from tests.inference.training.pair_release import events, make_pair, released

MakeConfig = Callable[..., TrainingConfig]


def load(config: TrainingConfig, stop: StopRequest | None = None) -> tuple[Setup, PairEncoder]:
    setup = Setup.load(config, Progress(config.output), stop or StopRequest(), None)
    return setup, PairEncoder(setup.processor, setup.load_clip, config)


def kept(config: TrainingConfig) -> Path:
    (file,) = config.output.glob("reference-*.json")
    return file


@pytest.mark.parametrize("modality", ["av", "random"])
def test_equals_a_forward_pass_of_the_base_over_each_pair(
    dpo_config: MakeConfig, modality: str
) -> None:
    config = dpo_config(modality=modality)
    setup, encoder = load(config)
    pairs = load_pairs(config)
    found = reference_log_probabilities(setup, encoder, pairs)
    assert found is not None
    rows = PairRows(pairs, encoder, None)
    for number, pair in enumerate(pairs):
        with torch.no_grad():
            alone = score(setup.model, rows.collate([rows[number]])).tolist()
        assert found[pair.pair_id] == pytest.approx(alone, abs=1e-3)


def test_is_read_back_exactly_and_not_computed_again(
    dpo_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = dpo_config()
    pairs = load_pairs(config)
    first = reference_log_probabilities(*load(config), pairs)
    assert not list(config.output.glob("*.part"))
    monkeypatch.delattr(PairEncoder, "row")  # nothing is encoded
    assert reference_log_probabilities(*load(config), pairs) == first
    assert json.loads(kept(config).read_text())["key"] == reference_key(config)


def test_replies_that_several_pairs_have_are_scored_once(
    dpo_config: MakeConfig, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = make_pair(1), make_pair(2)
    third = replace(one.rejected, text="Say that again?")
    pairs = [
        one,
        replace(one, pair_id="pair-b", rejected=third),
        replace(one, pair_id="pair-c", chosen=one.rejected, rejected=third),
        other,
    ]
    config = dpo_config(dataset=released(tmp_path / "release", pairs, media))
    encoded: list[int] = []
    row = PairEncoder.row

    def noting(self: PairEncoder, *prompt_and_replies: object) -> SharedRow:
        made = row(self, *prompt_and_replies)  # type: ignore[arg-type]
        encoded.append(len(made.lengths))
        return made

    monkeypatch.setattr(PairEncoder, "row", noting)
    found = reference_log_probabilities(*load(config), load_pairs(config))
    assert found is not None
    assert sorted(encoded) == [2, 3]
    assert found["pair-001"][0] == found["pair-b"][0]
    assert found["pair-001"][1] == found["pair-c"][0]
    assert found["pair-b"][1] == found["pair-c"][1]


@pytest.mark.parametrize(
    "change", [{"modality": "v"}, {"trains": "all"}, {"seed": 1}, {"precision": "bfloat16"}]
)
def test_belongs_to_one_way_of_showing_the_pairs(
    dpo_config: MakeConfig, change: dict[str, object]
) -> None:
    assert reference_key(dpo_config(**change)) != reference_key(dpo_config())


def test_belongs_to_one_base_and_one_dataset(
    dpo_config: MakeConfig, base: Path, release: Path, tmp_path: Path
) -> None:
    before = reference_key(dpo_config())
    copied = shutil.copytree(base, tmp_path / "copied")
    assert reference_key(dpo_config(base=copied)) == before
    weights = bytearray((copied / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copied / "model.safetensors").write_bytes(weights)
    assert reference_key(dpo_config(base=copied)) != before
    changed = shutil.copytree(release, tmp_path / "changed")
    with (changed / "pairs.jsonl").open("a") as file:
        file.write("\n")
    assert reference_key(dpo_config(dataset=changed)) != before


def test_what_lacks_a_pair_or_is_of_another_key_is_computed_anew(dpo_config: MakeConfig) -> None:
    config = dpo_config()
    pairs = load_pairs(config)
    whole = reference_log_probabilities(*load(config), pairs)
    assert whole is not None
    file = kept(config)
    stored = json.loads(file.read_text())
    del stored["log_probabilities"][pairs[0].pair_id]
    file.write_text(json.dumps(stored))
    assert reference_log_probabilities(*load(config), pairs) == whole
    file.write_text(json.dumps(stored | {"key": "another"}))
    assert reference_log_probabilities(*load(config), pairs) == whole
    assert json.loads(file.read_text())["key"] == reference_key(config)


def test_stopped_before_its_end_it_leaves_nothing(dpo_config: MakeConfig) -> None:
    config = dpo_config()
    stop = StopRequest()
    stop.asked = True
    assert reference_log_probabilities(*load(config, stop), load_pairs(config)) is None
    assert not list(config.output.glob("reference-*"))
    assert not run(config, Progress(config.output), stop)
    assert events(config.output)[-1] == {"event": "stopped", "step": 0}
    assert run(config, Progress(config.output), StopRequest())


def test_stopped_in_it_again_a_run_is_still_at_its_step(dpo_config: MakeConfig) -> None:
    config = dpo_config(max_steps=6, save_steps=3)
    assert run(config, Progress(config.output), StopRequest())
    shutil.rmtree(config.output / "final")
    kept(config).unlink()
    stop = StopRequest()
    stop.asked = True
    assert not run(config, Progress(config.output), stop)
    assert events(config.output)[-1] == {"event": "stopped", "step": 6}


@pytest.mark.timeout(600)
def test_two_processes_divide_the_prompts_and_find_the_same(
    dpo_config: MakeConfig, tmp_path: Path
) -> None:
    """Twelve prompts by five each: the second process has none of the last batch."""
    alone = dpo_config(output=tmp_path / "alone")
    expected = reference_log_probabilities(*load(alone), load_pairs(alone))
    assert expected is not None
    config = dpo_config(processes=2, batch_size=5, max_steps=1)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config.as_json()))
    rendezvous = ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]
    command = ["-m", "torch.distributed.run", "--nproc_per_node", "2", *rendezvous]
    done = subprocess.run(
        [sys.executable, *command, "-m", "inference.training", str(file)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(kept(config).read_text())["log_probabilities"]
    assert found.keys() == expected.keys()
    for pair_id, values in expected.items():
        assert found[pair_id] == pytest.approx(values, abs=1e-3)
    told = [e["done"] for e in events(config.output) if e.get("stage") == "reference"]
    assert told == [0, 10]


def test_tells_how_far_it_is(dpo_config: MakeConfig) -> None:
    config = dpo_config(batch_size=5)
    reference_log_probabilities(*load(config), load_pairs(config))
    told = [event for event in events(config.output) if event.get("stage") == "reference"]
    assert [(event["done"], event["total"]) for event in told] == [(0, 12), (5, 12), (10, 12)]


@pytest.mark.parametrize("lora", [False, True])
def test_training_with_it_is_training_with_a_reference_at_every_step(
    dpo_config: MakeConfig, tmp_path: Path, processor: MultiMoodProcessor, lora: bool
) -> None:
    logs = []
    for precomputed in (True, False):
        config = dpo_config(
            output=tmp_path / str(precomputed), precompute_reference=precomputed, lora=lora
        )
        assert run(config, Progress(config.output), StopRequest())
        logs.append([e["values"] for e in events(config.output) if e["event"] == "log"])
    assert len(logs[0]) == len(logs[1]) == 6
    for with_it, without in zip(*logs, strict=True):
        for name in ("loss", "reward_margin", "reward_chosen", "reward_rejected"):
            assert with_it[name] == pytest.approx(without[name], abs=2e-3), name


def test_half_a_tie_is_refused_before_anything_is_computed(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    half = replace(make_pair(0), weight=0.5)
    config = dpo_config(dataset=released(tmp_path / "release", [half, make_pair(1)], media))
    with pytest.raises(ConfigError, match="half of a tie"):
        run(config, Progress(config.output), StopRequest())
    assert not list(config.output.glob("reference-*"))
