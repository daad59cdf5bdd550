"""Lists of raters as people save them; what cannot be read is named with its remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.services.rater_files import (
    MAX_ROWS,
    RaterFileError,
    RaterRow,
    read_raters,
)
from annotations.table_problems import Problem


def problems(content: bytes | str) -> list[str]:
    with pytest.raises(RaterFileError) as caught:
        read_raters(content)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_delimiter_line_ends_mark_and_case_do_not_matter(delimiter: str, ending: str) -> None:
    lines = (
        ("EMail", "Name", "Years of practice", "License", "Language"),
        ("Rui@Example.org", "Rui Sá", "8", "state", "Portuguese"),
        ("", "", "", "", ""),
        ("ida@example.org", "", "", "", ""),
    )
    text = ending.join(delimiter.join(cells) for cells in lines)
    rows = [
        RaterRow(2, "rui@example.org", "Rui Sá", "", "state", 8, "Portuguese"),
        RaterRow(4, "ida@example.org"),
    ]
    assert read_raters(("\ufeff" + text).encode()) == rows
    assert read_raters(text) == rows


def test_quoted_cells_may_hold_the_separator_and_line_ends() -> None:
    text = 'email,languages\n"a@x.org","English, Dutch"\n"b@x.org","one\ntwo"\nc@x.org,\n'
    assert [(row.line, row.languages) for row in read_raters(text)] == [
        (2, "English, Dutch"),
        (3, "one\ntwo"),
        (5, ""),
    ]


def test_empty_cells_say_nothing_of_a_rater() -> None:
    (row,) = read_raters("email,profession,years\na@x.org,,0\n")
    assert row.facts == {"years_of_practice": 0}


def test_every_problem_is_named_at_once() -> None:
    text = "email,years\nnobody,8\na@x.org,many\n,\nA@x.org,\na@x.org,\na@x.org,-1\n"
    assert problems(text) == [
        "Line 2, column email: “nobody” is not an e-mail address. Write it as name@example.org.",
        "Line 3, column years: “many” is not a whole number from 0 to 80. Leave it empty if open.",
        "Line 6, column email: a@x.org stands in line 5 already. Leave one of them.",
        "Line 7, column years: “-1” is not a whole number from 0 to 80. Leave it empty if open.",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty"),
        ("\n \n", "The file is empty"),
        ("email\n", "no rater below the header"),
        ("name\nRui\n", "no column “email”"),
        ("email,phone\na@x.org,1\n", "column phone: This column is not known"),
        ("email,E-mail\na@x.org,b@x.org\n", "stands in the header twice"),
        ("email\na@x.org,too many\n", "2 cells below 1 columns"),
        ('email\n"a@x.org\n', "quotation mark is not closed"),
        ("email,name\na@x.org," + 151 * "x", "longer than 150 characters"),
        ("email,years\na@x.org,٨\n", "not a whole number"),
        (b"email,name\na@x.org,Jos\xe9\n", "Line 2: This is not UTF-8 text"),
        (b"PK\x03\x04\0email", "no text file"),
        ("email\n" + "a" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_what_cannot_be_read_says_why(content: bytes | str, words: str) -> None:
    assert words in " ".join(problems(content))


def test_a_list_is_not_longer_than_a_study_can_be() -> None:
    lines = [f"r{number}@x.org" for number in range(MAX_ROWS + 1)]
    assert len(read_raters("\n".join(["email", *lines[:-1]]))) == MAX_ROWS
    assert f"more than {MAX_ROWS} raters" in problems("\n".join(["email", *lines]))[0]


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_no_content_breaks_the_reader(content: bytes | str) -> None:
    found: list[RaterRow] = []
    named: list[Problem] = []
    try:
        found = read_raters(content)
    except RaterFileError as error:
        named = error.problems
    assert bool(found) != bool(named)
    assert all("@" in row.email for row in found)
