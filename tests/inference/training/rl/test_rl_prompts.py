"""What is answered while learning, and what never is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inference.contracts import ReplyFields
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    STIMULI_FILE,
    sha256_file,
    stimulus_row,
    write_pairs,
    write_rows,
)
from inference.training.config import ConfigError
from inference.training.dpo_pairs import load_held_out
from inference.training.rl.prompts import PromptOrder, held_out_prompts, load_prompts
from inference.training.samples import fixed_stimuli
from tests.inference.training.pair_release import make_pair
from tests.inference.training.rl.rl_runs import MakeConfig


@pytest.fixture
def split_release(media: Path, tmp_path: Path) -> Path:
    """Nine stimuli in three splits; the last of each split was never compared."""
    folder = tmp_path / "released"
    folder.mkdir()
    hashes = {path.name: sha256_file(path) for path in media.iterdir()}
    splits = ("train", "validation", "test")
    made = [replace(make_pair(n), split=splits[n % 3]) for n in range(9)]
    liked = replace(
        made[0], pair_id="liked", strength=2.0, chosen=ReplyFields("fear", None, None, "Better.")
    )
    tie = replace(made[3], pair_id="tie", strength=9.0, weight=0.5, chosen=made[3].rejected,
                  rejected=made[3].chosen)  # fmt: skip
    write_pairs(folder / PAIRS_FILE, [*made[:6], liked, tie], hashes)
    rows = ({**stimulus_row(p.stimulus, hashes), "split": p.split, "corpus": "c"} for p in made)
    write_rows(folder / STIMULI_FILE, rows)
    files = {name: sha256_file(folder / name) for name in (PAIRS_FILE, STIMULI_FILE)}
    (folder / MANIFEST_FILE).write_text(json.dumps({"files": files}))
    return folder


def test_a_corpus_gives_the_stimuli_of_its_split_with_what_was_answered(
    rl_config: MakeConfig,
) -> None:
    first, second, unanswered = load_prompts(rl_config())
    assert [turn.text for turn in first.stimulus.client_turns] == ["She left.", "I miss her."]
    assert first.reference == ReplyFields("sadness", "sadness", "restatement", "You miss her.")
    assert second.reference is not None
    assert second.reference.text == "What did you sing?"
    # Nobody answered; what the client felt is known.
    assert unanswered.reference == ReplyFields("neutral", None, None, "")
    assert len(load_prompts(rl_config(split=""))) == 4


def test_a_release_gives_its_stimuli_and_the_reply_preferred_most(
    rl_config: MakeConfig, split_release: Path, media: Path
) -> None:
    config = rl_config(dataset=split_release, media_root=media, eval_split="validation")
    prompts = load_prompts(config)
    assert [asked.stimulus.key for asked in prompts] == ["d0:1", "d3:1", "d6:1"]
    assert prompts[0].reference == ReplyFields("fear", None, None, "Better.")
    # A tie prefers nothing.
    assert prompts[1].reference == make_pair(3).chosen
    assert prompts[2].reference is None
    assert all(path.is_file() for asked in prompts for path in asked.stimulus.clip_paths)
    held_out = held_out_prompts(config, prompts)
    assert [asked.stimulus.key for asked in held_out] == ["d1:1", "d4:1", "d7:1"]


def test_a_file_of_held_out_dialogues_is_taken_instead(rl_config: MakeConfig, words: Path) -> None:
    config = rl_config(held_out=words)
    held_out = held_out_prompts(config, load_prompts(config))
    assert [asked.stimulus.key for asked in held_out] == [f"w{n}:0" for n in range(5)]
    assert held_out[0].reference == ReplyFields("sadness", None, None, "")


def test_stimuli_that_nobody_compared_are_trained_on_and_never_held_out(
    rl_config: MakeConfig, split_release: Path, media: Path, tmp_path: Path
) -> None:
    file = tmp_path / "held.jsonl"
    with file.open("w") as lines:
        for number in (6, 8):  # of train and of test
            stimulus = make_pair(number).stimulus
            turns = [{"speaker": "client", "text": stimulus.client_turns[0].text}]
            told = {"situation": stimulus.situation, "turns": turns}
            lines.write(json.dumps({"id": f"h{number}", "session": f"s{number}", **told}) + "\n")
    config = rl_config(dataset=split_release, media_root=media, held_out=file)
    held = held_out_prompts(config, load_prompts(config))
    assert [asked.stimulus.key for asked in held] == ["h8:0"]


def test_a_release_of_stimuli_that_nobody_compared_can_be_learned_from(
    rl_config: MakeConfig, split_release: Path, media: Path
) -> None:
    (split_release / PAIRS_FILE).write_text("")
    files = {name: sha256_file(split_release / name) for name in (PAIRS_FILE, STIMULI_FILE)}
    (split_release / MANIFEST_FILE).write_text(json.dumps({"files": files}))
    config = rl_config(dataset=split_release, media_root=media, eval_split="validation")
    assert len(load_prompts(config)) == 3
    assert fixed_stimuli(replace(config, sample_stimuli=2)) == []
    assert load_held_out(config) == []


def test_pairs_without_a_list_of_stimuli_are_enough(
    rl_config: MakeConfig, release: Path, media: Path
) -> None:
    """Releases of the first format, by folder or file; they have no splits."""
    for dataset in (release, release / PAIRS_FILE):
        config = rl_config(dataset=dataset, media_root=media)
        prompts = load_prompts(config)
        assert len(prompts) == 12
        assert prompts[2].reference == make_pair(2).chosen
        # All are trained on, so none is held out.
        assert held_out_prompts(replace(config, eval_split="validation"), prompts) == []


def test_a_lone_file_of_pairs_is_told_from_a_corpus(
    rl_config: MakeConfig, release: Path, media: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "copied.jsonl"
    alone.write_bytes((release / PAIRS_FILE).read_bytes())
    assert len(load_prompts(rl_config(dataset=alone, media_root=media))) == 12


def test_refuses_what_was_changed_or_is_missing(
    rl_config: MakeConfig, split_release: Path, media: Path, tmp_path: Path
) -> None:
    def refused(message: str, **changes: object) -> None:
        config = rl_config(**{"dataset": split_release, "media_root": media} | changes)
        with pytest.raises(ConfigError, match=message):
            load_prompts(config)

    refused("split: .* has nothing to answer in 'dev'", split="dev")
    refused("media_root: missing", media_root=None, split="validation")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused("media_root: there is no clip one.mp4", media_root=empty, split="validation")
    (empty / "one.mp4").write_bytes(b"another")
    refused("is not the clip that was released", media_root=empty, split="validation")
    assert load_prompts(
        rl_config(dataset=split_release, split="validation", media_root=None, modality="text")
    )
    path = split_release / STIMULI_FILE
    path.write_text(path.read_text().replace("moved out", "moved in"))
    refused("changed after its release")


def test_a_broken_corpus_is_named(rl_config: MakeConfig, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "d1"}\n')
    with pytest.raises(ConfigError, match=r"dataset: .*broken.jsonl.*session"):
        load_prompts(rl_config(dataset=broken))


def test_every_pass_shows_each_prompt_once_in_another_order() -> None:
    order = PromptOrder(5, seed=3)
    passes = [[order.at(5 * number + place) for place in range(5)] for number in range(3)]
    for number, shown in enumerate(passes):
        assert sorted(shown) == [(number, row) for row in range(5)]
    rows = [[row for _, row in shown] for shown in passes]
    assert rows[0] != rows[1]
    again = PromptOrder(5, seed=3)
    assert [again.at(place)[1] for place in (12, 3, 7)] == [rows[2][2], rows[0][3], rows[1][2]]
