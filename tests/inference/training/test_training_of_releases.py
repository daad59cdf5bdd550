"""What of a release is trained on: its split, its weights, and only what raters saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from inference.contracts import PreferencePair
from inference.preference_files import MANIFEST_FILE, PAIRS_FILE, sha256_file
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo_pairs import load_pairs
from inference.training.pair_rows import PairRow, PairRows
from inference.training.passes import TiesInTurn, whole_and_tied
from inference.training.progress import Progress, StopRequest
from inference.training.run import run
from tests.inference.training.pair_release import events, make_pair, released

MakeConfig = Callable[..., TrainingConfig]


def in_splits(*splits: str) -> list[PreferencePair]:
    return [replace(make_pair(number), split=split) for number, split in enumerate(splits)]


def test_pairs_held_out_are_never_trained_on(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    pairs = in_splits("train", "test", "validation", "train")
    release = released(tmp_path / "release", pairs, media)
    assert [pair.pair_id for pair in load_pairs(dpo_config(dataset=release))] == [
        "pair-000",
        "pair-003",
    ]
    assert len(load_pairs(dpo_config(dataset=release, split="test"))) == 1
    assert len(load_pairs(dpo_config(dataset=release, split=""))) == 4


def test_a_release_without_splits_is_trained_on_as_a_whole(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = released(tmp_path / "release", in_splits("", "", ""), media)
    assert len(load_pairs(dpo_config(dataset=release))) == 3


def test_a_release_of_the_first_format_is_trained_on_as_before(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = released(tmp_path / "release", in_splits("", ""), media)
    rows = [json.loads(line) for line in (release / PAIRS_FILE).read_text().splitlines()]
    for row in rows:
        del row["split"], row["group"], row["weight"]
    (release / PAIRS_FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {PAIRS_FILE: sha256_file(release / PAIRS_FILE)}
    old = {"format": "moodeval-preferences/1", "rules": "1. In words.", "files": files}
    (release / MANIFEST_FILE).write_text(json.dumps(old))
    pairs = load_pairs(dpo_config(dataset=release, media_root=None, modality="text"))
    assert pairs == in_splits("", "")


def test_a_release_whose_pairs_are_all_held_out_is_refused(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = released(tmp_path / "release", in_splits("test", "validation"), media)
    with pytest.raises(ConfigError, match=r"split: .* has no pair in “train”, only in test, valid"):
        load_pairs(dpo_config(dataset=release))


def test_clips_of_pairs_that_are_held_out_need_not_be_there(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    release = released(tmp_path / "release", in_splits("train", "test", "test"), media)
    (tmp_path / "none").mkdir()
    config = dpo_config(dataset=release, media_root=tmp_path / "none")
    assert [pair.split for pair in load_pairs(config)] == ["train"]
    with pytest.raises(ConfigError, match="there is no clip"):
        load_pairs(replace(config, split="test"))


def test_labels_that_raters_did_not_see_are_not_trained(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    hidden = released(tmp_path / "hidden", in_splits(""), media, fields_shown="hidden")
    with pytest.raises(ConfigError, match=r"trains: is “all”.*Set it to “response”"):
        load_pairs(dpo_config(dataset=hidden, trains="all"))
    with pytest.raises(ConfigError, match=r"trains: is “all”"):
        load_pairs(dpo_config(dataset=hidden / PAIRS_FILE, trains="all"))
    assert load_pairs(dpo_config(dataset=hidden))
    first_format = {"study": {"response_fields": "hidden"}}
    old = released(tmp_path / "old", in_splits(""), media, **first_format)
    with pytest.raises(ConfigError, match=r"trains: is “all”"):
        load_pairs(dpo_config(dataset=old, trains="all"))
    beside = released(tmp_path / "beside", in_splits(""), media, fields_shown="beside")
    assert load_pairs(dpo_config(dataset=beside, trains="all"))


def tied(number: int) -> list[PreferencePair]:
    pair = replace(make_pair(number), weight=0.5)
    return [
        pair,
        replace(pair, pair_id=f"{pair.pair_id}-back", chosen=pair.rejected, rejected=pair.chosen),
    ]


def test_a_pass_shows_each_whole_pair_once_and_each_tie_in_one_direction() -> None:
    back, forth = tied(1)
    pairs = [make_pair(0), back, *tied(3), make_pair(2), forth]
    whole, ties = whole_and_tied(pairs)
    assert (whole, ties) == ([0, 4], [(2, 3), (1, 5)])
    order = TiesInTurn(whole, ties, seed=1)
    passes = []
    for order.epoch in range(8):
        passes.append(list(order))
        assert list(order) == passes[-1], "a resumed run shows the same"
        assert len(passes[-1]) == len(order) == 4
        assert {0, 4} < set(passes[-1])
    for one, next_one in pairwise(passes):
        assert sorted(one + next_one) == [0, 0, 1, 2, 3, 4, 4, 5]
    assert len({tuple(rows) for rows in passes}) > 2


def test_half_a_tie_without_its_other_half_is_refused() -> None:
    one, _ = tied(1)
    with pytest.raises(ConfigError, match=r"pair pair-001 is half of a tie .* is not there"):
        whole_and_tied([make_pair(0), one])


@pytest.mark.parametrize("stops", [False, True])
def test_trainer_shows_whole_pairs_once_a_pass_also_when_it_is_resumed(
    dpo_config: MakeConfig,
    media: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stops: bool,
) -> None:
    """A pass takes two steps: it stops in the middle of the second pass."""
    pairs = [make_pair(0), *tied(1), make_pair(2), make_pair(3)]
    release = released(tmp_path / "release", pairs, media)
    config = dpo_config(dataset=release, max_steps=0, epochs=2, batch_size=2, modality="text")
    shown: list[int] = []
    stop = StopRequest()
    encode = PairRows.__getitem__

    def noting(self: PairRows, number: int) -> PairRow:
        shown.append(number)
        stop.asked = stops and len(shown) >= 6
        return encode(self, number)

    monkeypatch.setattr(PairRows, "__getitem__", noting)
    if stops:
        assert not run(config, Progress(config.output), stop)
        del shown[6:]  # the next batch was at hand already
    assert run(config, Progress(config.output), StopRequest())
    first, second = sorted(shown[:4]), sorted(shown[4:8])
    assert sorted([first, second]) == [[0, 1, 3, 4], [0, 2, 3, 4]]
    assert shown[8:] == [0, 1, 2], "each whole pair is measured at the end"


def test_a_pass_over_halves_takes_as_many_steps_as_it_weighs(
    dpo_config: MakeConfig, media: Path, tmp_path: Path
) -> None:
    pairs = [make_pair(0), *tied(1), make_pair(2), make_pair(3)]  # together they weigh 4
    release = released(tmp_path / "release", pairs, media)
    config = dpo_config(dataset=release, max_steps=0, epochs=2, batch_size=2, modality="text")
    assert run(config, Progress(config.output), StopRequest())
    told = events(config.output)
    assert next(e["max_steps"] for e in told if e["event"] == "begin") == 4
    assert told[-1]["values"]["pairs"] == 3, "ties are not measured"


def test_other_weights_are_refused(dpo_config: MakeConfig, media: Path, tmp_path: Path) -> None:
    pairs = [make_pair(0), replace(make_pair(1), weight=0.3)]
    release = released(tmp_path / "release", pairs, media)
    with pytest.raises(ConfigError, match=r"dataset: pair pair-001 has the weight 0\.3"):
        load_pairs(dpo_config(dataset=release))
