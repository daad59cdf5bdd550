"""The files of a release of a study. Equal contents give equal bytes: nothing here knows the time
of day, where it runs, or in which order the database told its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from annotations.exports.card import dataset_card
from annotations.exports.codebook import AskedCriterion, write_codebook
from annotations.exports.sealing import seal_release
from inference.preference_files import (
    ANSWERS_FILE,
    CODEBOOK_FILE,
    COMPARISONS_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
    write_rows,
)

Row = Mapping[str, Any]


class Contents(Protocol):
    """Rows in the order of the file, made as they are written."""

    def stimulus_rows(self) -> Iterator[Row]: ...
    def response_rows(self) -> Iterator[Row]: ...
    def comparisons(self) -> Iterator[Row]: ...
    def pairs(self) -> Iterator[Row]: ...


def write_material(folder: Path, contents: Contents) -> None:
    write_rows(folder / STIMULI_FILE, contents.stimulus_rows())
    write_rows(folder / RESPONSES_FILE, contents.response_rows())


def write_preferences(folder: Path, contents: Contents) -> None:
    write_rows(folder / COMPARISONS_FILE, contents.comparisons())
    write_rows(folder / PAIRS_FILE, contents.pairs())


def write_answers(folder: Path, rows: Iterable[Row]) -> int:
    return write_rows(folder / ANSWERS_FILE, rows)


def write_account(
    folder: Path,
    manifest: Mapping[str, Any],
    columns: Sequence[str],
    missing: Mapping[str, str],
    criteria: Iterable[AskedCriterion],
) -> dict[str, Any]:
    """Codebook, card and manifest; the folder is read-only then. Returns the whole manifest."""
    write_codebook(folder / CODEBOOK_FILE, columns, missing, criteria)
    return seal_release(folder, manifest, dataset_card)
