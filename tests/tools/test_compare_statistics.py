from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from importlib import import_module

import pytest

from annotations.statistics.comparison_files import PREFERENCE_STATISTICS
from annotations.statistics.registry import STATISTICS
from tools.compare_statistics import PAGE
from tools.comparison_parts import document, questions
from tools.comparison_parts.answers import Answer, Found, asked, installed
from tools.comparison_parts.rows import Ours, Row, difference

AVAILABLE = ("krippendorff", "statsmodels", "scipy")
"""Those that the project depends on."""


@pytest.fixture(scope="module")
def rows() -> Sequence[Row]:
    return questions.rows(AVAILABLE)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


def test_the_page_says_what_is_computed_now(rows: Sequence[Row], page: str) -> None:
    assert document.differences_from(page, rows, AVAILABLE) == []


@pytest.mark.parametrize(
    ("then", "now", "where"),
    [
        ("0.815388 [", "0.815394 [", "alpha_ordinal of Krippendorff 2011, ours"),
        ("| 0.567568 (", "| 0.767568 (", "fleiss of Krippendorff 2011, statsmodels"),
        ("counts a missing rating as a category", "leaves missing ratings out", "remarks"),
        (
            "| `bowker` | vision",
            "| `Bowker` | vision",
            "bowker of vision of two eyes: not in the page",
        ),
    ],
)
def test_what_is_no_longer_so_is_found(
    rows: Sequence[Row], page: str, then: str, now: str, where: str
) -> None:
    assert then in page
    wrong = document.differences_from(page.replace(then, now, 1), rows, AVAILABLE)
    assert where in "; ".join(wrong)


def test_the_last_digit_may_differ(rows: Sequence[Row], page: str) -> None:
    other = page.replace("0.815388 [", "0.815387 [", 1)
    assert document.differences_from(other, rows, AVAILABLE) == []


def test_alpha_equals_the_package_wherever_both_have_a_value(rows: Sequence[Row]) -> None:
    cells = [row.cell("krippendorff") for row in rows if row.statistic.startswith("alpha_")]
    both = [cell for cell in cells if "(" in cell]
    assert len(both) >= 6
    assert all(cell.endswith("(=)") for cell in both)


def test_the_statistics_of_the_page_are_there(page: str) -> None:
    paths = re.findall(r"`(\w+)\.(\w+)`", page.split("## The engine")[0])
    assert len(paths) > 60
    for module, name in paths:
        assert hasattr(import_module(f"annotations.statistics.{module}"), name), (module, name)


def test_every_name_that_can_be_asked_for_is_in_the_page(page: str) -> None:
    names = [*STATISTICS, *PREFERENCE_STATISTICS]
    assert [name for name in names if f"`{name}`" not in page.split("## The engine")[0]] == []


def test_text_is_written_between_the_comments_and_nowhere_else() -> None:
    page = f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n"
    assert document.written(page, "new") == (
        f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n"
    )
    with pytest.raises(document.NoPlaceError):
        document.written("no comments", "new")


# What packages answer


def raises() -> float:
    raise ValueError("no | such\nthing")


def warns() -> float:
    warnings.warn("divided", RuntimeWarning, stacklevel=1)
    return float("nan")


def test_an_error_is_an_answer() -> None:
    assert asked(raises) == Answer(None, remarks=("raises ValueError: no / such thing",))


def test_nan_is_no_value() -> None:
    assert asked(warns).remarks == ("returns NaN and warns (RuntimeWarning)",)
    assert asked(lambda: float("nan")).remarks == ("returns NaN without a warning",)


@pytest.mark.parametrize(
    ("found", "remark"),
    [
        (0.5, "no interval"),
        (Found(0.5, 0.1234, 0.8766), "the same interval"),
        (Found(0.5, 0.12, 0.88), "the same interval, rounded to two decimals"),
        (Found(0.5, 0.1, 0.9), "its interval is [0.1000, 0.9000]"),
    ],
)
def test_an_interval_is_compared_as_far_as_it_goes(found: Found | float, remark: str) -> None:
    ours = Ours("", 0.5, 0.1234, 0.8766)
    row = Row("", "", ours, {"scipy": asked(lambda: found)})
    assert row.remarks() == {"scipy": remark}


def test_a_number_where_there_is_none_is_remarked() -> None:
    row = Row("", "", Ours("undefined", None), {"scipy": asked(lambda: 0.0)})
    assert row.cell("scipy") == "0.000000"
    assert row.remarks() == {"scipy": "gives a number without a warning"}


def test_differences_of_rounding_have_no_digits() -> None:
    assert [difference(x) for x in (1e-16, -1e-8, 2e-5, -0.25)] == [
        "=",
        "< 1e-6",
        "< 1e-4",
        "-0.250000",
    ]


def test_packages_that_are_not_there_are_not_asked() -> None:
    found = questions.tests_of_two_raters(())
    assert [row.answers for row in found] == [{}] * 3
    assert document.cells(found[0], ())["statsmodels"] == document.NOT_INSTALLED
    assert set(AVAILABLE) <= set(installed())
