"""What a figure holds: plain values, stored and read back equal, tables that lose nothing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from annotations.figures.plain import FigureError
from annotations.figures.render import as_csv
from annotations.figures.specs import KINDS, FigureSpec, HeatMap, Mark
from tests.annotations.figures import examples

EXAMPLES = examples.every_kind()


def read(figure: FigureSpec) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(figure), newline="")))


def test_the_examples_hold_every_kind() -> None:
    assert {figure.kind for figure in EXAMPLES.values()} == set(KINDS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_figure_is_stored_and_read_back_equal(name: str) -> None:
    figure = EXAMPLES[name]
    assert FigureSpec.from_json(json.loads(json.dumps(figure.to_json()))) == figure


def test_a_table_of_ones_own_is_stored_with_the_figure() -> None:
    figure = replace(
        examples.bars(2), columns=("a", "b"), rows=(("x", 1), ("y", None), ("z", True), ("w", 0.5))
    )
    assert FigureSpec.from_json(json.loads(json.dumps(figure.to_json()))) == figure


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"kind": "pie"},
        {"kind": "bars", "key": "x"},
        {**examples.bars(1).to_json(), "colour": "red"},
        {**examples.bars(1).to_json(), "title": ["not", "a", "text"]},
    ],
)
def test_what_is_not_a_stored_figure_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(FigureError):
        FigureSpec.from_json(stored)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.int64(3), [1.0]])
def test_a_value_that_is_not_plain_and_finite_is_refused(value: float) -> None:
    with pytest.raises(FigureError, match="agreement"):
        replace(examples.forest(), marks=(Mark(label="Empathy", value=value),))
    with pytest.raises(FigureError, match="agreement"):
        replace(examples.forest(), columns=("a",), rows=((value,),))


def test_numpys_float_is_stored_as_a_number() -> None:
    marks = (Mark(label="Empathy", value=np.float64(0.25)),)
    figure = replace(examples.forest(), marks=marks)
    assert json.loads(json.dumps(figure.to_json()))["marks"][0]["value"] == 0.25
    assert read(figure)[1][:2] == ["Empathy", "0.25"]


@pytest.mark.parametrize("key", ["", "Agreement", "a b", "1st", 'x"y', "a--b", "é"])
def test_a_key_is_a_slug(key: str) -> None:
    with pytest.raises(FigureError, match="key"):
        replace(examples.forest(), key=key)


def test_a_matrix_that_does_not_fit_its_labels_is_refused() -> None:
    figure = examples.heat_map()
    with pytest.raises(FigureError, match="6 x 6"):
        replace(figure, values=figure.values[:-1])
    with pytest.raises(FigureError, match="6 x 6"):
        replace(figure, counts=((1, 2),) * 6)
    with pytest.raises(FigureError, match="1 x 3"):
        replace(examples.bars(3), counts=(1, 2))


def test_an_interval_has_two_ends_around_a_value() -> None:
    with pytest.raises(FigureError):
        Mark(label="x", value=0.5, low=0.4)
    with pytest.raises(FigureError):
        Mark(label="x", value=None, low=0.4, high=0.6)


def test_a_logarithmic_axis_begins_above_nothing() -> None:
    with pytest.raises(FigureError, match="logarithmic"):
        replace(examples.drift(), log_x=True)


def test_the_table_holds_what_is_drawn_where_none_is_given() -> None:
    rows = read(examples.forest())
    assert rows[0][:4] == ["name", "ordinal alpha", "low", "high"]
    assert [row[0] for row in rows[1:]] == list(examples.CRITERIA)


def test_an_undefined_value_is_an_empty_field() -> None:
    safety = read(examples.forest())[5]
    assert safety[:4] == ["Safety", "", "", ""]
    assert safety[4] == "0.97"


def test_the_table_of_a_matrix_keeps_pairs_with_too_few_in_common() -> None:
    rows = read(examples.heat_map())
    assert rows[0] == ["row", "column", "quadratic kappa", "n"]
    assert ["Ada", "Sam", "", "4"] in rows
    assert not [row for row in rows[1:] if row[0] == row[1]]


def test_a_matrix_without_counts_has_no_column_of_them() -> None:
    figure = examples.halo()
    assert isinstance(figure, HeatMap)
    assert read(figure)[0] == ["row", "column", "Spearman's rho"]


def test_csv_quotes_and_does_not_run() -> None:
    figure = replace(
        examples.bars(2), columns=("name", "n"), rows=(('a "b", c\nd', 1), ("=1+1", -2.5))
    )
    assert as_csv(figure).endswith("\r\n")
    assert read(figure) == [["name", "n"], ['a "b", c\nd', "1"], ["'=1+1", "-2.5"]]


def test_the_csv_of_every_kind_is_a_rectangle_with_a_header() -> None:
    for figure in EXAMPLES.values():
        rows = read(figure)
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}
        assert "nan" not in as_csv(figure).lower()
