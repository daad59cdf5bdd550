"""What a reader is told about an alpha, and what warned of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from annotations.analysis.sentences import alpha_sentence, counted_raters, warnings_of
from annotations.statistics.alpha import alpha
from annotations.statistics.chance_corrected import (
    gwet_ac2_quadratic,
    percent_exact,
    percent_within_1,
)
from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.ratings import Ratings, ratings

BEYOND = "they agree beyond chance, where 1 is perfect agreement and 0 is chance"


def found(value: float = 0.6, **known: Any) -> Estimate:
    counts = {"n_items": 30, "n_pairable": 28, "n_raters": 3, "n_ratings": 84}
    return Estimate(name="alpha_ordinal", value=value, **(counts | known))


def warnings(values: Sequence[Sequence[float | None]], scale: tuple[float, float]) -> list[str]:
    table = ratings(values, scale=scale)  # type: ignore[arg-type]
    return warnings_of("Safety", table, estimates(table))


def estimates(table: Ratings) -> dict[str, Estimate]:
    made = [
        alpha(table, "ordinal", resamples=0),
        gwet_ac2_quadratic(table),
        percent_exact(table),
        percent_within_1(table),
    ]
    return {estimate.name: estimate for estimate in made}


def test_before_the_first_rating() -> None:
    nothing = undefined("alpha_ordinal", "no item has ratings from two raters")
    assert alpha_sentence("Safety", nothing) == "Nobody has submitted a rating of Safety yet."


def test_an_undefined_alpha_says_why() -> None:
    because = "because every rating is the same"
    one = undefined("alpha_ordinal", because, n_raters=1, n_ratings=1)
    assert alpha_sentence("Safety", one) == (
        "One rater rated Safety (1 rating); agreement is undefined because every rating is the "
        "same."
    )


def test_an_alpha_without_interval_says_why_and_what_the_figure_means() -> None:
    text = alpha_sentence("Safety", found(0.6, no_interval_because="because items are few"))
    assert text == (
        "Three raters rated Safety on 28 items in common: ordinal alpha is 0.60, where 1 is "
        "perfect agreement and 0 is what chance alone would give. There is no interval, because "
        "items are few."
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "meaning"),
    [
        (0.1, -0.1, 0.3, "an interval that includes 0"),
        (0.0, 0.0, 0.3, "an interval that includes 0"),
        (-0.3, -0.5, -0.1, "below 0: these raters disagree more than chance"),
        (0.05, 0.01, 0.09, "practically what chance alone would give"),
        (0.5, 0.2, 0.7, f"{BEYOND}; how far is still open, since the interval is wide"),
    ],
)
def test_the_interval_says_what_the_figure_means(
    value: float, low: float, high: float, meaning: str
) -> None:
    assert f"): {meaning}" in alpha_sentence("Safety", found(value, low=low, high=high))


def test_a_narrow_interval_above_chance_is_agreement_and_no_more() -> None:
    text = alpha_sentence("Safety", found(0.6, low=0.5, high=0.7, confidence=0.9))
    assert text == (
        "Three raters rated Safety on 28 items in common: ordinal alpha is 0.60 (90 % interval "
        f"0.50 to 0.70): {BEYOND}."
    )


def test_a_proper_minus_stands_before_negative_figures() -> None:
    text = alpha_sentence("Safety", found(-0.2, low=-0.3, high=-0.1))
    assert "alpha is \u22120.20 (95 % interval \u22120.30 to \u22120.10)" in text


def test_no_threshold_is_a_verdict() -> None:
    for value in (0.5, 0.66, 0.67, 0.8, 0.95):
        text = alpha_sentence("Safety", found(value, low=value - 0.1, high=min(1, value + 0.1)))
        assert text.endswith(f"{BEYOND}.")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "No raters"), (1, "One rater"), (9, "Nine raters"), (10, "10 raters"), (1200, "1,200")],
)
def test_small_numbers_of_raters_are_words(count: int, words: str) -> None:
    assert counted_raters(count).startswith(words)


NEAR_THE_TOP = [[9, 10, 9, 10, 9, 10, 9, 9] * 3, [10, 9, 10, 9, 9, 9, 10, 9] * 3]


def test_low_alpha_from_little_variation_is_no_chaos() -> None:
    (text,) = warnings(NEAR_THE_TOP, (1, 10))
    assert text.startswith("Low variance: nearly all answers lie between 9 and 10.")
    assert "Gwet's AC2 is 0.9" in text
    assert "25 % of pairs of answers are identical and 100 % at most one point apart" in text


def test_little_variation_is_warned_of_where_alpha_is_undefined_too() -> None:
    texts = warnings([[9] * 30, [9] * 30], (1, 10))
    assert texts[0].startswith("Low variance: nearly all answers lie between 9 and 9.")
    assert "100 % of pairs of answers are identical" in texts[0]


def test_little_variation_without_any_pair_says_so() -> None:
    (text,) = warnings([[9, None, 9], [None, 9, None]], (1, 10))
    assert text.startswith("Low variance")
    assert text.endswith("no item has two ratings.")
    assert "AC2" not in text


def test_low_alpha_over_the_whole_scale_is_not_explained_away() -> None:
    assert warnings([[1, 10, 1, 10, 5] * 5, [10, 1, 9, 2, 5] * 5], (1, 10)) == []


def test_high_alpha_with_little_variation_needs_no_warning() -> None:
    scores = [9, 10, 9, 10, 9, 10] * 5
    assert warnings([scores, scores], (1, 10)) == []


def test_one_answer_that_is_nearly_always_given_is_named() -> None:
    yes = [1] * 28
    texts = warnings([[*yes, 0, 1], [*yes, 1, 0]], (0, 1))
    (text,) = [text for text in texts if text.startswith("Prevalence")]
    assert text.startswith("Prevalence: 97 % of the answers are 1.")
    assert "Gwet's AC2 is 0.9" in text
    assert "93 % of pairs of answers are identical" in text


def test_prevalence_is_of_scales_with_few_answers() -> None:
    nines = [9] * 28
    texts = warnings([[*nines, 8, 9], [*nines, 9, 8]], (1, 10))
    assert not any(text.startswith("Prevalence") for text in texts)


@pytest.mark.parametrize(("items", "warned"), [(2, True), (19, True), (20, False)])
def test_few_items_are_warned_of(items: int, warned: bool) -> None:
    scores = [(1, 4, 7, 10)[item % 4] for item in range(items)]
    texts = [t for t in warnings([scores, scores], (1, 10)) if t.startswith("Few items")]
    assert bool(texts) is warned
    if warned:
        assert f"{items} items with two ratings" in texts[0]


def test_without_ratings_or_a_scale_there_is_nothing_to_warn_of() -> None:
    nothing = ratings([[math.nan] * 2] * 2, scale=(1, 10))
    assert warnings_of("Safety", nothing, estimates(nothing)) == []
    unscaled = ratings([[9, 9, 8], [9, 8, 9]])
    assert warnings_of("Safety", unscaled, estimates(unscaled)) == []
