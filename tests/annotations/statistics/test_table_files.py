"""Reading any table of ratings: both forms, what is refused, and in which words."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.statistics.delimited import read_sheet
from annotations.statistics.ratings import RatingsError, Scale
from annotations.statistics.table_files import (
    CriterionTable,
    Layout,
    layout_of,
    tables_of,
    unused_columns,
)

NAN = float("nan")


def read(
    folder: Path,
    text: str | bytes,
    layout: Layout | None = None,
    scale: Scale | None = None,
) -> dict[str, CriterionTable]:
    path = folder / "r.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return tables_of(read_sheet(path), layout, scale)


def one(folder: Path, text: str | bytes, layout: Layout | None = None) -> CriterionTable:
    (table,) = read(folder, text, layout).values()
    return table


def refused(folder: Path, text: str | bytes, scale: Scale | None = None) -> str:
    with pytest.raises(RatingsError) as refusal:
        read(folder, text, scale=scale)
    return str(refusal.value)


LONG = "item,rater,value\ni1,ann,3\ni1,bob,4\ni2,ann,5\n"


def test_long_form(tmp_path: Path) -> None:
    table = one(tmp_path, LONG).people
    assert (table.raters, table.items) == (("ann", "bob"), ("i1", "i2"))
    np.testing.assert_array_equal(table.values, [[3, 5], [4, NAN]])


def test_columns_stand_in_any_order_under_any_of_their_names(tmp_path: Path) -> None:
    text = "Score,Coder,note,UNIT,Dimension\n3,ann,x,i1,care\n4,bob,y,i1,care\n2,ann,,i1,tact\n"
    found = read(tmp_path, text)
    assert list(found) == ["care", "tact"]
    np.testing.assert_array_equal(found["care"].people.values, [[3], [4]])
    np.testing.assert_array_equal(found["tact"].people.values, [[2], [NAN]])
    sheet = read_sheet(tmp_path / "r.csv")
    assert unused_columns(sheet, layout_of(sheet)) == ("note",)


def test_wide_form(tmp_path: Path) -> None:
    table = one(tmp_path, "item,ann,bob\ni1,3,4\ni2,5,\n").people
    assert (table.raters, table.items) == (("ann", "bob"), ("i1", "i2"))
    np.testing.assert_array_equal(table.values, [[3, 5], [4, NAN]])


def test_wide_form_with_criteria_and_clusters(tmp_path: Path) -> None:
    text = "item,session,criterion,ann,bob\ni1,s1,care,3,4\ni1,s1,tact,1,2\ni2,s2,care,5,NA\n"
    found = read(tmp_path, text)
    np.testing.assert_array_equal(found["care"].people.values, [[3, 5], [4, NAN]])
    np.testing.assert_array_equal(found["tact"].people.values, [[1, NAN], [2, NAN]])
    assert found["care"].people.clusters is not None
    assert found["care"].people.clusters.tolist() == [0, 1]


def test_the_form_can_be_named_where_a_rater_is_called_like_a_column(tmp_path: Path) -> None:
    text = "text,rater,judge\na,1,2\nb,3,4\n"
    with pytest.raises(RatingsError):
        read(tmp_path, text)
    assert one(tmp_path, text, "wide").people.raters == ("rater", "judge")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_byte_order_marks_and_line_ends(
    separator: str, mark: bytes, end: str, tmp_path: Path
) -> None:
    text = LONG.replace(",", separator).replace("\n", end)
    table = one(tmp_path, mark + text.encode()).people
    np.testing.assert_array_equal(table.values, [[3, 5], [4, NAN]])


def test_decimal_commas_are_read_where_commas_separate_nothing(tmp_path: Path) -> None:
    assert one(tmp_path, "item;a;b\n1;2,5;3\n").people.values.tolist() == [[2.5], [3.0]]
    assert "“2,5” is no number" in refused(tmp_path, 'item,a,b\n1,"2,5",3\n')


@pytest.mark.parametrize("word", ["", " ", "NA", "na", "NaN", "."])
def test_missing_ratings(word: str, tmp_path: Path) -> None:
    assert one(tmp_path, f"item,rater,value\ni,a,{word}\ni,b,2\n").people.counts()["n_ratings"] == 1


def test_quoted_cells_blank_lines_and_blanks_around_words(tmp_path: Path) -> None:
    text = 'item,rater,value\n\n"a, ""b""\nand c",ann,1\n\n i2 , ann ,2\ni2,bob,3\n'
    table = one(tmp_path, text).people
    assert table.items == ('a, "b"\nand c', "i2")
    assert table.raters == ("ann", "bob")


def test_lines_are_counted_over_quoted_line_ends_and_blank_lines(tmp_path: Path) -> None:
    text = 'item,rater,value\n\n"a\nb",ann,1\n\nx,ann,2\ny,ann,three\n'
    assert "line 7, column “value”: “three” is no number" in refused(tmp_path, text)


def test_models_answers_to_one_item_are_units_of_their_own(tmp_path: Path) -> None:
    text = "item,model,rater,value\ni1,kind,a,3\ni1,curt,a,2\ni2,kind,a,4\n"
    table = one(tmp_path, text)
    assert table.people.items == ("i1 · kind", "i1 · curt", "i2 · kind")
    assert table.models == ("kind", "curt", "kind")
    assert table.stimuli is not None
    assert table.stimuli.tolist() == [0, 0, 1]


def test_answers_to_one_stimulus_are_resampled_together(tmp_path: Path) -> None:
    text = "item,model,rater,value\ni1,kind,a,3\ni1,curt,a,2\ni2,kind,a,4\n"
    table = one(tmp_path, text).people
    assert table.clusters is not None
    assert table.clusters.tolist() == [0, 0, 1]


def test_rows_of_empty_cells_are_passed_over_as_spreadsheets_leave_them(tmp_path: Path) -> None:
    table = one(tmp_path, "item,rater,value\ni1,a,3\n,,\ni1,b,2\n , ,\n")
    assert table.people.values.tolist() == [[3], [2]]


def test_items_of_models_with_their_stimulus(tmp_path: Path) -> None:
    text = "item,stimulus,model,rater,value\nr1,t1,kind,a,3\nr2,t1,curt,a,2\n"
    table = one(tmp_path, text)
    assert table.people.items == ("r1", "r2")
    assert table.stimuli is not None
    assert table.stimuli.tolist() == [0, 0]


def test_judges_stand_beside_people(tmp_path: Path) -> None:
    text = "item,rater,kind,value\ni1,ann,person,3\ni1,llm,judge,5\ni2,llm,judge,4\n"
    table = one(tmp_path, text)
    assert table.people.raters == ("ann",)
    np.testing.assert_array_equal(table.judges["llm"], [5, 4])


@pytest.mark.parametrize(
    "words", [("7", "3.5"), ("2024-05-02", "2024-05-01"), ("2024-05-01T10:30", "2024-05-01T10:29")]
)
def test_order_is_a_number_or_a_time(words: tuple[str, str], tmp_path: Path) -> None:
    late, early = words
    text = f"item,rater,value,time\ni1,a,1,{late}\ni2,a,2,{early}\ni3,a,3,\n"
    order = one(tmp_path, text).order
    assert order is not None
    assert order[0, 0] > order[0, 1]
    assert np.isnan(order[0, 2])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "r.csv: the file is empty"),
        ("\n \n", "r.csv: the file is empty"),
        ("item,rater,value\n", "a header and nothing below"),
        ("item\n1\n", "only one column, “item”"),
        (b"item,rater,value\ni,J\xfcrgen,3\n", "line 2: the file is not UTF-8"),
        ("item,rater,value\ni1,a,1\ni1,b,2\ni1,a,3\n", "lines 2 and 4: a rated i1 in both: keep"),
        (
            "item,rater,criterion,value\ni1,a,x,1\ni1,a,y,2\ni1,a,x,1\n",
            "lines 2 and 4: a rated i1 on x in both",
        ),
        ("item,rater,value\ni1,a,good\n", "line 2, column “value”: “good” is no number"),
        ("item,rater,value\ni1,a,inf\n", "“inf” is no number"),
        ("item,rater,value\ni1,a,1_0\n", "“1_0” is no number"),
        ("item,rater,points\ni1,a,1\n", "no column for the value: name one “value” (or score"),
        ("item,value\ni1,1\n", "no column for the rater"),
        ("rater,value\na,1\n", "no column for the item: name one “item” (or unit"),
        ("a,b\n1,2\n", "Long: item (or unit"),
        ("item,rater,value\ni1,,3\n", "line 2, column “rater”: the cell is empty"),
        ("item,rater,value\ni1,a\n", "line 2: 2 cells, where the header has 3"),
        ("item,rater,value\ni1,a,1,2\n", "line 2: 4 cells"),
        ('item,rater,value\ni1,a,1\ni2,"a,1\ni3,b,2\n', "line 3: the quotation marks do not fit"),
        ('item,rater,value\n"i"1,a,1\n', "line 2: the quotation marks do not fit"),
        ("item,a\ni1,1\n", "two raters or more, beside “item”; there is only “a”"),
        ("item,a,a\ni1,1,2\n", "column “a”: two columns have this name"),
        ("item,a,b,\ni1,1,2,3\n", "a column has no name"),
        ("item,a,b\ni1,1,2\ni1,3,4\n", "lines 2 and 3: i1 has a row in both"),
        ("item,a,b,time\ni1,1,2,3\n", "column “time”: this belongs to single ratings"),
        ("item,session,cluster,a,b\ni1,1,1,2,3\n", "column “session”: this is no rater"),
        ("item,rater,value,session,dialogue\ni,a,1,s,d\n", "“session” could be the cluster"),
        (
            "item,rater,value,session\ni1,a,1,s1\ni1,b,2,s2\n",
            "line 3, column “session”: i1 belongs to “s2” here and to “s1” in line 2",
        ),
        ("item,rater,value,session\ni1,a,1,\n", "every item needs one"),
        (
            "item,stimulus,model,rater,value\ni1,t,kind,a,1\ni1,t,curt,a,2\n",
            "column “model”: i1 belongs to “curt” here",
        ),
        ("item,rater,value,kind\ni1,a,1,robot\n", "“robot” is neither person nor judge"),
        ("item,rater,value,kind\ni1,a,1,judge\ni2,a,1,\n", "a person in one line and a judge"),
        ("item,rater,value,time\ni1,a,1,noon\n", "“noon” is neither a number nor a date"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    text: str | bytes, words: str, tmp_path: Path
) -> None:
    message = refused(tmp_path, text)
    assert message.startswith("r.csv")
    assert words in message


@pytest.mark.parametrize(
    "text", ["item,rater,value\ni1,a,1\ni2,a,4.5\n", "item,a,value b\ni1,1,1\ni2,1,4.5\n"]
)
def test_a_rating_off_the_declared_scale_is_named(text: str, tmp_path: Path) -> None:
    message = refused(tmp_path, text, Scale(1, 5))
    assert "line 3" in message
    assert "4.5 is not on the scale from 1 to 5 in steps of 1" in message
    assert read(tmp_path, text, scale=Scale(1, 5, 0.5))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match="cannot be read: No such file"):
        read_sheet(tmp_path / "nothing.csv")
    with pytest.raises(RatingsError, match="cannot be read"):
        read_sheet(tmp_path)


def test_a_table_too_large_to_hold_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"i{n},r{n},1\n" for n in range(10_001))
    assert "too large a table" in refused(tmp_path, f"item,rater,value\n{rows}")


words = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85"),
    min_size=1,
    max_size=6,
).filter(lambda word: word == word.strip() and "\x00" not in word)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.tuples(*(st.lists(words, min_size=2, max_size=4, unique=True) for _ in range(2))),
    values=st.lists(st.none() | st.integers(-9, 9), min_size=16, max_size=16),
    separator=st.sampled_from(",;\t"),
)
def test_long_and_wide_say_the_same(
    names: tuple[list[str], list[str]],
    values: list[int | None],
    separator: str,
    tmp_path: Path,
) -> None:
    items, raters = names[0], [f"rater {name}" for name in names[1]]
    given_values = dict(
        zip(((item, rater) for item in items for rater in raters), values, strict=False)
    )
    path = tmp_path / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(("item", "rater", "value"))
        writer.writerows((item, rater, value) for (item, rater), value in given_values.items())
    (long,) = tables_of(read_sheet(path)).values()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(("item", *raters))
        writer.writerows((item, *(given_values[item, rater] for rater in raters)) for item in items)
    (wide,) = tables_of(read_sheet(path), "wide").values()
    assert long.people.items == wide.people.items == tuple(items)
    assert long.people.raters == wide.people.raters == tuple(raters)
    np.testing.assert_array_equal(long.people.values, wide.people.values)
