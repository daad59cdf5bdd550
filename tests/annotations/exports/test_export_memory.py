"""An export takes the memory of a row, however many rows a release has."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from annotations.exports.formats import open_export
from tests.annotations.exports.release_folders import WrittenRelease

FEW, MANY = 100, 1000
ROW_BYTES = 2000
"""At least, of a pair below."""


def release_of(turns: int, folder: Path) -> Path:
    release = WrittenRelease()
    for number in range(turns):
        turn = release.stimulus(f"{number:05d}", situation="Long. " * (ROW_BYTES // 6))
        scores = {"empathy": 5.0}
        first = release.response(2 * number, turn, scores=scores)
        release.pair(first, release.response(2 * number + 1, turn, scores=scores))
    return release.write(folder)


def peak_of(folder: Path, name: str) -> int:
    tracemalloc.start()
    try:
        for _ in open_export(folder, name).chunks:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "bytes_a_row"),
    [
        ("trl-preference", 100),
        ("openrlhf", 100),
        ("llama-factory", 100),
        # These keep a mark of each reply, and where each client turn begins.
        ("trl-kto", 1200),
        ("sft", 1200),
        ("reward-regression", 600),
        ("rl-prompts", 1200),
    ],
)
def test_memory_holds_no_rows(tmp_path: Path, name: str, bytes_a_row: int) -> None:
    few, many = release_of(FEW, tmp_path / "few"), release_of(MANY, tmp_path / "many")
    peak_of(few, name)
    growth = peak_of(many, name) - peak_of(few, name)
    assert growth < bytes_a_row * (MANY - FEW)
