from __future__ import annotations

import csv
import io

from annotations.analysis.tables import csv_table, latex_table

COLUMNS = ("Model", "Win rate", "n")
ROWS = [("a_b & 50% #1 {x} $y$ \\z ~^", 0.512345, 12), ("curt", -0.5, None)]


def test_latex_escapes_what_would_break_the_document() -> None:
    text = latex_table(COLUMNS, ROWS, caption="Wins & losses.", label="tab:wins")
    assert r"a\_b \& 50\% \#1 \{x\} \$y\$ \textbackslash{}z" in text
    assert r"\textasciitilde{}\textasciicircum{} & 0.512 & 12 \\" in text
    assert r"curt & $-$0.500 & -- \\" in text
    assert r"\caption{Wins \& losses.}" in text
    assert r"\begin{tabular}{lrr}" in text
    assert text.count(r"\midrule") == 1


def test_csv_is_read_back_as_it_was() -> None:
    rows = list(csv.reader(io.StringIO(csv_table(COLUMNS, ROWS))))
    assert rows[0] == list(COLUMNS)
    assert rows[1] == ["a_b & 50% #1 {x} $y$ \\z ~^", "0.512345", "12"]
    assert rows[2][2] == ""


def test_a_row_cannot_be_read_as_the_option_of_the_row_before() -> None:
    text = latex_table(("Item",), [("one",), ("[two]",), ("*",)], caption="c", label="tab:c")
    assert r"{[}two] \\" in text
    assert r"{*} \\" in text


def test_numbers_have_three_digits_a_proper_minus_and_no_minus_at_zero() -> None:
    rows = [(0.12345,), (-1.5,), (-0.0001,), (None,), (-3,), (0,)]
    text = latex_table(("x",), rows, caption="", label="tab:x")
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].split()
    assert [cell for cell in body if cell != r"\\"] == [
        *("0.123", "$-$1.500", "0.000", "--", "$-$3", "0"),
    ]


def test_columns_of_words_are_aligned_to_the_left_even_with_a_number_among_them() -> None:
    text = latex_table(("a", "b"), [("x", 1), (2.0, 3)], caption="", label="tab:x")
    assert r"\begin{tabular}{lr}" in text
    assert r"\begin{tabular}{ll}" in latex_table(("a", "b"), [], caption="", label="tab:x")


def test_less_than_and_bars_are_printed_in_every_font_encoding() -> None:
    text = latex_table(("p < .05 | n",), [("a\nb",)], caption="", label="tab:x")
    assert r"p \textless{} .05 \textbar{} n \\" in text
    assert r"a b \\" in text


def test_csv_has_the_line_ends_and_quotation_marks_of_the_standard() -> None:
    text = csv_table(("a", "b"), [('say "x", y', -1.5), ("two\nlines", None)])
    assert text == 'a,b\r\n"say ""x"", y",-1.5\r\n"two\nlines",\r\n'


def test_csv_runs_no_formula_in_a_spreadsheet() -> None:
    assert csv_table(("a",), [("=1+1",), (-1,)]) == "a\r\n'=1+1\r\n-1\r\n"
