from __future__ import annotations

from pathlib import Path

import pytest

from annotations.statistics.comparison_files import comparisons_of, compute_preferences
from annotations.statistics.delimited import read_sheet
from annotations.statistics.ratings import RatingsError
from annotations.statistics.registry import UnknownStatisticError
from annotations.statistics.table_files import layout_of

THREE = """first,second,value,item,rater,criterion
a,b,first,1,ann,care
b,a,-2,2,ann,care
a,c,tie,1,bob,care
c,b,+1,3,bob,care
a,b,0,1,ann,tact
a,b,NA,2,ann,tact
c,a,2,3,ann,care
"""


def sheet_of(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text)
    return path


def test_a_row_is_a_comparison(tmp_path: Path) -> None:
    sheet = read_sheet(sheet_of(tmp_path, THREE))
    assert layout_of(sheet) == "pairs"
    found = comparisons_of(sheet)
    assert found["care"].models == ("a", "b", "c")
    assert found["care"].outcome.tolist() == [-1, -1, 0, 1, 1]
    assert found["care"].counts() == {"n_items": 3, "n_raters": 2, "n_ratings": 5}
    assert len(found["tact"]) == 1, "an answer that is missing does not count"


def test_without_names_of_criterion_item_and_rater(tmp_path: Path) -> None:
    (data,) = comparisons_of(
        read_sheet(sheet_of(tmp_path, "value,second,first\n1,b,a\n1,b,a\n-1,b,a\n"))
    ).values()
    figures = compute_preferences((), {"value": data}, resamples=50)["value"]
    assert figures["win_rate"]["value"] == pytest.approx(1 / 3)
    assert "each answer independent" in figures["win_rate"]["method"]
    assert "single comparisons" in figures["bt_davidson"]["method"]


def test_every_pair_has_a_row_where_there_are_several(tmp_path: Path) -> None:
    found = comparisons_of(read_sheet(sheet_of(tmp_path, THREE)))
    figures = compute_preferences(["win_rate", "bt_half_tie"], found, resamples=50)["care"]
    assert [row["pair"] for row in figures["win_rate"]["rows"]] == [
        *("a against b", "a against c", "b against c")
    ]
    assert "each has a figure of its own" in figures["win_rate"]["undefined_because"]
    assert len(figures["bt_half_tie"]["gaps"]) == 3 or figures["bt_half_tie"]["undefined_because"]


def test_comparisons_of_one_cluster_are_resampled_together(tmp_path: Path) -> None:
    text = "first,second,value,item,session\na,b,1,1,s1\na,b,-1,2,s1\na,b,1,3,s2\na,b,0,4,s2\n"
    found = comparisons_of(read_sheet(sheet_of(tmp_path, text)))
    figures = compute_preferences(["bt_davidson"], found, resamples=50)["value"]
    assert figures["bt_davidson"]["n_clusters"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("first,second\na,b\n", "no column for the value"),
        ("first,second,value\na,a,1\n", "line 2, column “second”: a is set against itself"),
        ("first,second,value\na,b,3\n", "“3” is no answer"),
        ("first,second,value\na,b,0.5\n", "“0.5” is no answer"),
        ("first,second,value\na,,1\n", "line 2, column “second”: the cell is empty"),
        (
            "first,second,value,item,rater\na,b,1,1,r\na,c,1,1,r\nb,a,1,1,r\n",
            "lines 2 and 4: the same rater compared the same two models",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RatingsError) as refusal:
        comparisons_of(read_sheet(sheet_of(tmp_path, text)))
    assert words in str(refusal.value)


def test_statistics_of_ratings_are_none_of_comparisons(tmp_path: Path) -> None:
    found = comparisons_of(read_sheet(sheet_of(tmp_path, THREE)))
    with pytest.raises(UnknownStatisticError, match="There are: win_rate, bt_davidson"):
        compute_preferences(["alpha_ordinal"], found)
