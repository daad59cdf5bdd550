"""Exports as the programs they are made for read them: datasets, TRL and transformers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from annotations.exports.formats import ExportOptions, open_export
from tests.annotations.exports.downloads import JSON_LINES, content, rows_of, unpacked
from tests.annotations.exports.release_folders import (
    WrittenRelease,
    clip_bytes,
    small_release,
    write_clips,
)
from tests.annotations.exports.tiny_language_models import (
    language_model,
    one_step,
    reward_model,
    tokenizer,
)

RIGHT = "The corpus' authors, by letter of 3 May 2026"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_release().write(tmp_path / "release")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where `datasets` keeps what it made of the files; without it, it would be the home."""
    return str(tmp_path / "cache")


def loaded(folder: Path, name: str, cache: str, **options: Any) -> Any:
    from datasets import load_dataset

    file = folder.parent / f"{name}.jsonl"
    file.write_bytes(content(open_export(folder, name, ExportOptions(**options))))
    return load_dataset("json", data_files=str(file), split="train", cache_dir=cache)


@pytest.mark.parametrize("name", JSON_LINES)
def test_datasets_loads_json_lines_as_they_are(folder: Path, cache: str, name: str) -> None:
    rows = loaded(folder, name, cache).to_list()
    assert rows == rows_of(folder, name)


@pytest.mark.parametrize("name", ["trl-preference", "reward-regression"])
def test_columns_that_stay_empty_for_many_rows_still_get_their_type(
    tmp_path: Path, cache: str, name: str
) -> None:
    """`datasets` takes a column's type from the first ten megabytes, and refuses another later."""
    release = WrittenRelease()
    long = "I do not know what to say. " * 1000
    for number in range(430):
        turn = release.stimulus(f"{number:04d}", situation=long)
        release.pair(
            release.response(10_000 + 2 * number, turn, scores={"early": 5}),
            release.response(10_001 + 2 * number, turn),
        )
    last = release.stimulus("9999", clips=("clips/a.mp4",))
    one = release.response(90_000, last, scores={"late": 4}, judge_scores={"early": 3})
    release.pair(one, release.response(90_001, last))
    folder = release.write(tmp_path / "release")
    rows = loaded(folder, name, cache)
    assert len(rows) == len(rows_of(folder, name))
    assert "clips/a.mp4" in [clip["path"] for row in rows for clip in row["clips"]]


def test_datasets_loads_the_parquet_folder_by_the_configs_of_its_card(
    folder: Path, tmp_path: Path, cache: str
) -> None:
    from datasets import get_dataset_config_names, load_dataset

    place = str(unpacked(folder, "parquet", tmp_path / "hub"))
    configs = ["preferences", "comparisons", "responses", "answers"]
    assert get_dataset_config_names(place) == configs
    sizes = {
        config: {
            split: len(rows) for split, rows in load_dataset(place, config, cache_dir=cache).items()
        }
        for config in configs
    }
    assert sizes["preferences"] == {"train": 6, "validation": 3, "test": 1}
    assert sizes["comparisons"] == sizes["answers"] == sizes["preferences"]
    assert sizes["responses"] == {"train": 6, "validation": 2, "test": 2}
    default = load_dataset(place, cache_dir=cache)
    assert default["train"].column_names[:5] == [
        "pair_id",
        "stimulus",
        "prompt",
        "chosen",
        "rejected",
    ]


def test_parquet_pairs_are_the_released_ones_with_their_weights(
    folder: Path, tmp_path: Path, cache: str
) -> None:
    from datasets import load_dataset

    place = str(unpacked(folder, "parquet", tmp_path / "hub"))
    pairs = load_dataset(place, "preferences", split="validation", cache_dir=cache)
    assert sorted(pairs["weight"]) == [0.5, 0.5, 1.0]
    assert pairs.features["votes_for"].dtype == "int64"
    assert pairs[0]["votes_for"] == 2
    line = {row["pair_id"]: row for row in rows_of(folder, "trl-preference")}
    for row in load_dataset(place, "preferences", split="train", cache_dir=cache):
        for column, value in line[row["pair_id"]].items():
            assert row[column] == value, column


def test_parquet_columns_have_types_where_no_row_has_a_value(
    folder: Path, tmp_path: Path, cache: str
) -> None:
    from datasets import load_dataset

    place = str(unpacked(folder, "parquet", tmp_path / "hub"))
    responses = load_dataset(place, "responses", split="validation", cache_dir=cache)
    assert responses.features["people_empathy_mean"].dtype == "float64"
    assert responses["people_empathy_mean"] == [None, None]
    barred = load_dataset(place, "responses", split="train", cache_dir=cache)
    assert {row["response_id"]: row["barred_by"] for row in barred}["6"] == ["harmful"]
    answers = load_dataset(place, "answers", split="train", cache_dir=cache)
    assert answers.features["score"].dtype == "float64"
    assert answers[1]["content"] == '{"because": "warm"}'
    assert str(answers[0]["submitted_at"]) == "2026-11-26 04:00:00.125000+00:00"
    assert set(answers["split"]) == {"train"}
    comparisons = load_dataset(place, "comparisons", split="test", cache_dir=cache)
    assert comparisons[0]["display_orders"] == [["10", "9"]]


def test_a_release_without_splits_is_one_training_split(tmp_path: Path, cache: str) -> None:
    from datasets import load_dataset

    release = WrittenRelease()
    turn = release.stimulus("a", split="")
    release.pair(release.response(1, turn), release.response(2, turn))
    place = unpacked(release.write(tmp_path / "r"), "parquet", tmp_path / "hub")
    rows = load_dataset(str(place), "preferences", cache_dir=cache)
    assert {split: len(part) for split, part in rows.items()} == {"train": 1}
    assert rows["train"]["split"] == [""]


def test_the_card_keeps_what_the_release_said_and_names_the_files(
    folder: Path, tmp_path: Path
) -> None:
    from huggingface_hub import DatasetCard

    place = unpacked(folder, "parquet", tmp_path / "hub")
    card: Any = DatasetCard((place / "README.md").read_text())
    assert card.data.license == "cc-by-4.0"
    assert card.data.tags == ["preference"]
    assert "Read this before training." in card.text
    assert [config["config_name"] for config in card.data.configs] == [
        "preferences",
        "comparisons",
        "responses",
        "answers",
    ]


def test_datasets_loads_the_shards_with_their_clips(tmp_path: Path, cache: str) -> None:
    from datasets import Video, load_dataset

    release = small_release(media_rights=RIGHT)
    folder, root = release.write(tmp_path / "r"), write_clips(tmp_path / "media", release)
    place = unpacked(folder, "webdataset", tmp_path / "shards", media_root=root)
    assert sorted(path.name for path in place.glob("*.tar")) == [
        "test-00000.tar",
        "train-00000.tar",
        "train-00001.tar",
        "validation-00000.tar",
    ]
    rows = load_dataset(
        "webdataset",
        data_files={"train": str(place / "train-*.tar")},
        split="train",
        cache_dir=cache,
    )
    rows = rows.cast_column("0.mp4", Video(decode=False)).cast_column("1.mp4", Video(decode=False))
    samples = {row["json"]["stimulus"]: row for row in rows}
    assert sorted(samples) == ["a1", "a2"]
    assert samples["a1"]["0.mp4"]["bytes"] == clip_bytes("clips/a1.mp4")
    assert samples["a1"]["1.mp4"]["bytes"] == clip_bytes("clips/a2.mp4")
    assert samples["a2"]["0.mp4"]["bytes"] == clip_bytes("clips/b1.mp4")
    assert samples["a2"]["1.mp4"] is None
    pairs = samples["a2"]["json"]["pairs"]
    assert [(p["chosen_response"], p["rejected_response"]) for p in pairs] == [
        ("4", "6"), ("4", "5"), ("5", "4"),
    ]  # fmt: skip
    assert samples["a1"]["json"]["prompt"][-1]["content"] == "Badly.\nI cannot sleep."


def test_trl_finds_the_same_prompt_in_whole_conversations(folder: Path, cache: str) -> None:
    from trl.data_utils import extract_prompt, is_conversational, maybe_extract_prompt

    explicit = {row["pair_id"]: row for row in loaded(folder, "trl-preference", cache)}
    implicit = loaded(folder, "trl-preference-implicit", cache)
    assert len(implicit) == len(explicit)
    for row in implicit:
        assert is_conversational(row)
        found = extract_prompt(row)
        for column in ("prompt", "chosen", "rejected"):
            assert found[column] == explicit[row["pair_id"]][column]
        assert maybe_extract_prompt(explicit[row["pair_id"]]) == explicit[row["pair_id"]]


def test_trl_applies_a_chat_template_to_every_row(folder: Path, cache: str) -> None:
    from trl.data_utils import maybe_apply_chat_template

    words = tokenizer()
    row = maybe_apply_chat_template(loaded(folder, "trl-preference", cache)[0], words)
    assert row["prompt"].endswith("user: Badly.\nI cannot sleep.</s>assistant: ")
    assert row["chosen"] == "Tell me more, says 1.</s>"
    for name in ("trl-preference-implicit", "trl-kto", "sft", "rl-prompts"):
        for row in loaded(folder, name, cache):
            text = maybe_apply_chat_template(row, words)
            assert "assistant: " in str(text.get("prompt") or text["chosen"])


def test_trl_unpairs_pairs_into_the_labels_of_the_unpaired_format(
    tmp_path: Path, cache: str
) -> None:
    """Where no reply was both preferred and not, the two ways lead to the same rows."""
    from trl.data_utils import unpair_preference_dataset

    release = WrittenRelease()
    for key in "ab":
        turn = release.stimulus(key)
        release.pair(
            release.response(ord(key), turn, f"Yes, {key}."),
            release.response(ord(key) + 10, turn, f"No, {key}."),
        )
    folder = release.write(tmp_path / "release")
    unpaired = unpair_preference_dataset(loaded(folder, "trl-preference", cache))

    def labels(rows: Any) -> set[tuple[str, str, bool]]:
        return {
            (row["prompt"][-1]["content"], row["completion"][0]["content"], row["label"])
            for row in rows
        }

    assert labels(unpaired) == labels(loaded(folder, "trl-kto", cache))
    assert len(unpaired) == 4


def train_rows(folder: Path, name: str, cache: str) -> Any:
    return loaded(folder, name, cache, splits=("train",))


def finite_loss(trainer: Any) -> float:
    loss = float(trainer.train().training_loss)
    assert math.isfinite(loss)
    return loss


@pytest.mark.parametrize("name", ["trl-preference", "trl-preference-implicit"])
def test_a_step_of_direct_preference_optimisation(folder: Path, cache: str, name: str) -> None:
    from trl import DPOConfig, DPOTrainer

    trainer = DPOTrainer(
        model=language_model(),
        ref_model=language_model(),
        args=DPOConfig(**one_step(folder.parent / "run")),
        train_dataset=train_rows(folder, name, cache),
        processing_class=tokenizer(),
    )
    assert finite_loss(trainer) > 0


def test_a_step_of_kahneman_tversky_optimisation(folder: Path, cache: str) -> None:
    from trl import KTOConfig, KTOTrainer

    trainer = KTOTrainer(
        model=language_model(),
        ref_model=language_model(),
        args=KTOConfig(**one_step(folder.parent / "run")),
        train_dataset=train_rows(folder, "trl-kto", cache),
        processing_class=tokenizer(),
    )
    assert finite_loss(trainer) > 0


def test_a_step_of_a_reward_model_on_pairs(folder: Path, cache: str) -> None:
    from trl import RewardConfig, RewardTrainer

    trainer = RewardTrainer(
        model=reward_model(),
        args=RewardConfig(**one_step(folder.parent / "run")),
        train_dataset=train_rows(folder, "trl-preference", cache),
        processing_class=tokenizer(),
    )
    assert finite_loss(trainer) > 0


def test_a_step_of_fine_tuning_counts_the_loss_of_the_reply_alone(folder: Path, cache: str) -> None:
    from trl import SFTConfig, SFTTrainer

    words = tokenizer()
    trainer = SFTTrainer(
        model=language_model(),
        args=SFTConfig(**one_step(folder.parent / "run")),
        train_dataset=train_rows(folder, "sft", cache),
        processing_class=words,
    )
    for batch in trainer.get_train_dataloader():
        for labels in batch["labels"]:
            learned = words.decode(labels[labels != -100])
            assert learned.startswith("Tell me more, says ")
    assert finite_loss(trainer) > 0


def test_a_step_of_group_relative_policy_optimisation_sees_reference_and_targets(
    folder: Path, cache: str
) -> None:
    from trl import GRPOConfig, GRPOTrainer

    seen: dict[str, float] = {}

    def reward(
        completions: Any, reference: Any, people_empathy_best: Any, **columns: Any
    ) -> list[float]:
        seen.update(zip(reference, people_empathy_best, strict=True))
        return [float(len(completion[0]["content"])) for completion in completions]

    trainer = GRPOTrainer(
        model=language_model(),
        reward_funcs=reward,
        args=GRPOConfig(
            **one_step(folder.parent / "run"), num_generations=2, max_completion_length=8
        ),
        train_dataset=train_rows(folder, "rl-prompts", cache),
        processing_class=tokenizer(),
    )
    finite_loss(trainer)
    assert seen in ({"Tell me more, says 1.": 8.0}, {"Tell me more, says 4.": None})


def test_a_step_of_regression_on_the_scores_of_one_criterion(folder: Path, cache: str) -> None:
    import torch
    from trl.data_utils import maybe_apply_chat_template

    words, model = tokenizer(), reward_model(problem_type="regression")
    rows = loaded(folder, "reward-regression", cache).filter(
        lambda row: row["people_empathy_mean"] is not None
    )
    texts = [
        "".join(maybe_apply_chat_template(row, words)[part] for part in ("prompt", "completion"))
        for row in rows
    ]
    batch = words(texts, return_tensors="pt", padding=True)
    targets = torch.tensor(rows["people_empathy_mean"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = model(**batch, labels=targets).loss
    before.backward()
    optimizer.step()
    assert model(**batch, labels=targets).loss < before
