"""Options that are kept with a run, and questions as the rating page asks them."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.judging.contract import (
    ORDER_ASKED,
    REASONS,
    TIE_KINDS,
    JudgeOptions,
    JudgeOptionsError,
    questions_of,
)
from annotations.models import Criterion, StudyPart
from annotations.selectors.asked import REASONS as PEOPLES_REASONS
from annotations.selectors.asked import TIE_KINDS as PEOPLES_TIE_KINDS
from annotations.selectors.asked import asked_of
from annotations.selectors.rating_page.questions import OVERALL_ASKED


def test_options_are_kept_as_they_are() -> None:
    options = JudgeOptions(temperature=0.7, repeats=3, evidence="as_published", swap=False, seed=5)
    assert JudgeOptions.from_json(options.to_json()) == options
    assert JudgeOptions.from_json({}) == JudgeOptions()


@pytest.mark.parametrize(
    "stored",
    [
        {"temperature": -1},
        {"repeats": 0},
        {"evidence": "all"},
        {"seed": -1},
        {"max_tokens": 0},
        {"temprature": 1},
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(stored: dict[str, Any]) -> None:
    with pytest.raises(JudgeOptionsError, match=f"^{next(iter(stored))}: "):
        JudgeOptions.from_json(stored)


def test_only_comparisons_are_asked_in_both_orders() -> None:
    assert JudgeOptions().orders("absolute") == (0,)
    assert JudgeOptions().orders("pairwise") == (0, 1)
    assert JudgeOptions(swap=False).orders("ranking") == (0,)


def test_a_repetition_has_a_seed_of_its_own() -> None:
    assert len({JudgeOptions(seed=7).seed_of(n) for n in range(20)}) == 20


def test_judges_are_asked_what_people_are_asked() -> None:
    assert tuple(REASONS) == PEOPLES_REASONS
    assert TIE_KINDS == PEOPLES_TIE_KINDS
    assert OVERALL_ASKED["ranking"] == ORDER_ASKED


@pytest.mark.parametrize("design", StudyPart.Design.values)
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("strength", [True, False])
def test_a_judges_answers_are_those_of_the_rating_page(
    design: str, ties: bool, strength: bool
) -> None:
    part = StudyPart(design=design, tie_allowed=ties, with_strength=strength)
    options = [{"value": 0, "label": "No"}, {"value": 1, "label": "Yes"}]
    criterion = Criterion(slug="advice", name="Advice", kind="choice", options=options)
    criterion.scale_min, criterion.scale_max = 1, 5
    asked = questions_of([criterion], design, ties=ties, strength=strength, overall=True)
    letters = "A" if design == "absolute" else "AB"
    for one, its_criterion in zip(asked, (criterion, None), strict=False):
        theirs = asked_of(part, its_criterion, len(letters))
        ours = one.asked(design, letters)
        assert (ours.form, ours.letters, ours.values) == (
            theirs.form,
            theirs.letters,
            theirs.values,
        )
        assert (ours.strength, ours.reasons) == (theirs.strength, theirs.reasons)
        if design != "absolute":
            assert ours.ties == theirs.ties
        if ties:
            assert ours.tie_kinds == theirs.tie_kinds
    assert len(asked) == (1 if design == "absolute" else 2)
