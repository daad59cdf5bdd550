"""A dataset folder as the Hugging Face hub reads it: Parquet files, and a card that names them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from annotations.exports.formats.account import Account
from annotations.exports.formats.archives import Entry
from annotations.exports.formats.media import Copied, wanted
from annotations.exports.formats.options import Row
from annotations.exports.formats.parquet import parquet_chunks
from annotations.exports.formats.quick import split_of_line
from annotations.exports.formats.release import ReleaseFolder
from annotations.exports.formats.source import Source
from annotations.exports.formats.split_names import SplitNames
from annotations.exports.formats.tables import Table, other_tables
from inference.preference_files import CARD_FILE, STIMULI_FILE

ROWS_PER_FILE = 100_000
FENCE = "---"


def folder_entries(
    source: Source, pairs: Table, account: Account, copied: Copied | None
) -> Iterator[Entry]:
    names = SplitNames({*pairs.counts, *_splits_of_turns(source), ""})
    written: list[tuple[str, list[str]]] = []
    for table in chain((pairs,), other_tables(source)):
        splits = sorted(split for split, count in table.counts.items() if count)
        written.append((table.name, list(map(names.of, splits))))
        account.notes.setdefault("tables", {})[table.name] = dict(sorted(table.counts.items()))
        for split in splits:
            yield from _files(table, split, names.of(split), copied)
    yield Entry(CARD_FILE, [card(source.release, written).encode()])


def _splits_of_turns(source: Source) -> Iterator[str]:
    """Every table's, before the later ones are counted."""
    for _, _, split in source.release.facts(STIMULI_FILE, split_of_line):
        if wanted(split, source.options):
            yield split


def _files(table: Table, split: str, named: str, copied: Copied | None) -> Iterator[Entry]:
    rows = table.rows(split)
    if copied and "clips" in table.columns:
        rows = copied.rows(rows)
    files = -(-table.counts[split] // ROWS_PER_FILE)
    for number in range(files):
        name = f"{split_file(table.name, named)}-{number:05d}-of-{files:05d}.parquet"
        yield Entry(name, parquet_chunks(islice(rows, ROWS_PER_FILE), table.columns))


def split_file(table: str, named: str) -> str:
    return f"data/{table}/{named}"


def card(release: ReleaseFolder, written: Iterable[tuple[str, list[str]]]) -> str:
    """The release's card, with the files of this folder as its configs. written: tables with the
    names of their splits."""
    path = release.folder / CARD_FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# {release.title}\n"
    head, body = _parted(text)
    configs: list[Row] = [
        {
            "config_name": table,
            "default": place == 0,
            "data_files": [
                {"split": named, "path": f"{split_file(table, named)}-*.parquet"}
                for named in splits
            ],
        }
        for place, (table, splits) in enumerate(written)
        if splits
    ]
    # JSON is YAML, and quotes whatever a name holds.
    lines = [FENCE, *head, "configs:", *(f"- {json.dumps(one)}" for one in configs), FENCE]
    return "\n".join(lines) + "\n" + body


def _parted(text: str) -> tuple[list[str], str]:
    """Front matter, without the release's own configs, and the rest."""
    lines = text.split("\n")
    if lines[0] != FENCE or FENCE not in lines[1:]:
        return [], text
    end = lines.index(FENCE, 1)
    return list(_without(lines[1:end], ("configs", "dataset_info"))), "\n".join(lines[end + 1 :])


def _without(lines: Iterable[str], keys: tuple[str, ...]) -> Iterator[str]:
    """Front matter without these keys and what belongs to them."""
    inside = False
    for line in lines:
        key = re.match(r"([\w-]+):", line)
        if key:
            inside = key[1] in keys
        if not inside:
            yield line
