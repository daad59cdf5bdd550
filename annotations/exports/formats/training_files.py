"""Formats whose trainer takes a file for each split: OpenRLHF's and LLaMA-Factory's."""

from __future__ import annotations

from collections.abc import Iterator

from annotations.exports.formats.archives import Entry, json_array, json_lines, json_value
from annotations.exports.formats.options import Row
from annotations.exports.formats.source import Kept
from annotations.exports.formats.split_names import SplitNames

DATASET = "moodeval"


def split_lines(kept: Kept) -> Iterator[Entry]:
    """data/SPLIT.jsonl, which a folder's name alone loads."""
    named = SplitNames(kept.account.rows)
    for split in sorted(kept.account.rows):
        yield Entry(f"data/{named.of(split)}.jsonl", json_lines(_of_split(kept, split)))


def llama_factory_files(kept: Kept) -> Iterator[Entry]:
    """A JSON file a split, and the dataset_info.json that makes them known by name."""
    named = SplitNames(kept.account.rows)
    names = {split: f"{DATASET}_{named.of(split)}" for split in sorted(kept.account.rows)}
    info = {name: ranking_dataset(f"{name}.json") for name in names.values()}
    yield Entry("dataset_info.json", [(json_value(info) + "\n").encode()])
    for split, name in names.items():
        yield Entry(f"{name}.json", json_array(_of_split(kept, split)))


def ranking_dataset(file_name: str) -> Row:
    columns = {name: name for name in ("system", "chosen", "rejected")}
    return {
        "file_name": file_name,
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", **columns},
    }


def _of_split(kept: Kept, split: str) -> Iterator[Row]:
    return (row for row in kept.rows() if row["split"] == split)
