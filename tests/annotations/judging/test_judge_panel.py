"""Several judges as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.analysis.families import NOMINAL, ORDINAL, Family
from annotations.analysis.judge_panel import panel_scores
from annotations.judging.contract import Question
from tests.annotations.judging.judged import question
from tests.annotations.judging.panel_reference import PanelAnswer, panel

OPTIONS = ((0, "No"), (1, "Yes"), (2, "Unsure"))


def of(design: str, one: Question, *answers: str, letters: str = "AB") -> PanelAnswer:
    judged = [{"empathy": answer} if answer else {} for answer in answers]
    return panel(judged, [one], design, letters)["empathy"]


@pytest.mark.parametrize(
    ("answers", "median", "judges"),
    [
        (("2", "9", "7"), "7", 3),
        (("6", "7"), "6.5", 2),
        (("6", "8"), "7", 2),
        (("6", "", "8"), "7", 2),
        (("6", "cannot:cannot_tell", ""), "", 1),
        (("6",), "", 1),
        (("6", "6", "", ""), "", 2),
    ],
)
def test_a_score_is_the_median_of_those_who_answered(
    answers: tuple[str, ...], median: str, judges: int
) -> None:
    assert of("absolute", question(), *answers) == PanelAnswer(median, judges)


def test_one_of_several_answers_needs_more_than_half() -> None:
    one = question(kind="choice", options=OPTIONS)
    assert of("absolute", one, "1", "1", "0").answer == "1"
    assert of("absolute", one, "1", "0").answer == ""
    assert of("absolute", one, "1", "1", "0", "2").answer == ""


def test_any_of_several_answers_are_those_that_most_name() -> None:
    one = question(kind="multiple", options=OPTIONS)
    assert of("absolute", one, "opts:0,1", "opts:1", "opts:").answer == "opts:1"
    assert of("absolute", one, "opts:0", "opts:1").answer == "opts:"


@pytest.mark.parametrize(
    ("answers", "answer"),
    [
        (("a2", "a1", "b2"), "a1"),
        (("a2", "a2", "b1"), "a2"),
        (("a2", "tie", "b2"), "tie"),
        (("a2", "b1"), "tie"),
        (("b2", "b1"), "b1"),
        (("a1", "a1", "b2", "b2"), "tie"),
    ],
)
def test_between_two_a_majority_decides(answers: tuple[str, ...], answer: str) -> None:
    assert of("pairwise", question(ties=True, strength=True), *answers).answer == answer


def test_without_ties_an_even_panel_stays_open() -> None:
    assert of("pairwise", question(), "a", "b").answer == ""
    assert of("pairwise", question(), "a", "b", "b").answer == "b"


def test_the_best_of_several_needs_more_than_half() -> None:
    assert of("best_of_n", question(), "a", "c", "c", letters="ABC").answer == "c"
    assert of("best_of_n", question(), "a", "b", "c", letters="ABC").answer == ""


def test_an_order_is_by_the_mean_place() -> None:
    orders = ("rank:a>b>c", "rank:a>c>b", "rank:b>a>c")
    assert of("ranking", question(), *orders, letters="ABC").answer == "rank:a>b>c"
    even = ("rank:a>b>c", "rank:b>a>c")
    assert of("ranking", question(ties=True), *even, letters="ABC").answer == "rank:a=b>c"
    assert of("ranking", question(), *even, letters="ABC").answer == ""


def test_words_and_passages_have_no_panels_answer() -> None:
    assert panel([{"empathy": "text:x"}] * 2, [question(kind="text")], "absolute", "A") == {}
    assert panel([{"empathy": "spans:[]"}] * 2, [question(kind="spans")], "absolute", "A") == {}


SIDES = {2: "a2", 1: "a1", 0: "tie", -1: "b1", -2: "b2"}
ASKED: dict[str, tuple[str, Question, Family, dict[int, str]]] = {
    "score": ("absolute", question(), ORDINAL, {n: str(n) for n in range(1, 11)}),
    "choice": (
        "absolute",
        question(kind="choice", options=OPTIONS),
        NOMINAL,
        {n: str(n) for n, _ in OPTIONS},
    ),
    "pairwise": ("pairwise", question(ties=True, strength=True), ORDINAL, SIDES),
}


@pytest.mark.parametrize("name", ASKED)
@settings(deadline=None)
@given(data=st.data())
def test_the_results_page_follows_the_same_rules(name: str, data: st.DataObject) -> None:
    """Over arrays, a row a judge, as the figures of a study are computed."""
    design, one, family, values = ASKED[name]
    said = data.draw(st.lists(st.sampled_from([None, *values]), min_size=1, max_size=6))
    numbers = np.array([[np.nan if n is None else n] for n in said], dtype=float)
    [on_arrays] = panel_scores(numbers, family, pairwise=design == "pairwise")
    written = of(design, one, *("" if n is None else values[n] for n in said)).answer
    number = {words: n for n, words in values.items()}.get(written, written or np.nan)
    np.testing.assert_equal(on_arrays + 0.0, float(number))
