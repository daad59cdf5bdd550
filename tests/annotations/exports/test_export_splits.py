"""Every split has a file of its own, whatever the splits are called."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from annotations.exports.formats.split_names import SplitNames
from tests.annotations.exports.downloads import archive_of, json_rows, unpacked
from tests.annotations.exports.release_folders import WrittenRelease

NAMED = {
    "": "unsplit",
    "dev-a": "dev_a_2",
    "dev.a": "dev_a_3",
    "dev_a": "dev_a",
    "train": "train",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pair in each split."""
    release = WrittenRelease(media_rights="Ada")
    for number, split in enumerate(NAMED):
        turn = release.stimulus(f"turn{number}", f"S{number}", split=split)
        good, bad = release.response(2 * number, turn), release.response(2 * number + 1, turn)
        release.pair(good, bad)
    return release.write(tmp_path / "release")


def test_openrlhf_has_a_file_for_every_split(folder: Path) -> None:
    archive = archive_of(folder, "openrlhf")
    for split, name in NAMED.items():
        [row] = json_rows(archive.read(f"data/{name}.jsonl"))
        assert row["split"] == split
    assert len(archive.namelist()) == len(set(archive.namelist()))


def test_llama_factory_has_a_dataset_for_every_split(folder: Path) -> None:
    archive = archive_of(folder, "llama-factory")
    info = json.loads(archive.read("dataset_info.json"))
    assert sorted(info) == sorted(f"moodeval_{name}" for name in NAMED.values())
    for split, name in NAMED.items():
        [row] = json.loads(archive.read(info[f"moodeval_{name}"]["file_name"]))
        assert row["split"] == split


def test_webdataset_has_shards_for_every_split(folder: Path) -> None:
    archive = archive_of(folder, "webdataset", media_root=folder)
    for split, name in NAMED.items():
        with tarfile.open(fileobj=io.BytesIO(archive.read(f"{name}-00000.tar"))) as shard:
            [member] = shard.getmembers()
            file = shard.extractfile(member)
            assert file is not None
            assert json.loads(file.read())["split"] == split


def test_datasets_loads_every_split_of_every_table_by_the_card(
    folder: Path, tmp_path: Path
) -> None:
    from datasets import load_dataset

    to = unpacked(folder, "parquet", tmp_path / "unpacked")
    for table in ("preferences", "comparisons", "responses", "answers"):
        loaded = load_dataset(str(to), table, cache_dir=str(tmp_path / "cache"))
        found = {name: set(rows["split"]) for name, rows in loaded.items()}
        assert found == {name: {split} for split, name in NAMED.items()}


def test_a_split_is_called_the_same_in_every_table(folder: Path) -> None:
    pairs = json_rows((folder / "pairs.jsonl").read_bytes())
    kept = [json.dumps(row) + "\n" for row in pairs if row["split"] in ("", "dev-a")]
    (folder / "pairs.jsonl").write_text("".join(kept))
    files = archive_of(folder, "parquet").namelist()
    tables = {name.split("/")[1]: set[str]() for name in files if name.startswith("data/")}
    for name in files:
        if name.startswith("data/"):
            _, table, file = name.split("/")
            tables[table].add(file.split("-")[0])
    assert tables.pop("preferences") == {"unsplit", "dev_a_2"}
    assert set(map(frozenset, tables.values())) == {frozenset(NAMED.values())}


def test_what_is_not_split_is_called_train() -> None:
    assert SplitNames([""]).of("") == "train"


def test_names_that_differ_in_case_alone_would_be_one_file_on_some_systems() -> None:
    named = SplitNames(["Train", "train", "", "unsplit"])
    assert [named.of(split) for split in ("Train", "train", "", "unsplit")] == [
        "Train",
        "train_2",
        "unsplit_2",
        "unsplit",
    ]
