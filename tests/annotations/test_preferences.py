from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.preferences import Choice, Derivation, Exclusions, Score, derive_pairs

NOTHING = Exclusions()
RATERS = ("R1", "R2", "R3")


def compared(*values: int, first: int = 1, second: int = 2, **fields: Any) -> list[Choice]:
    return [
        Choice(first, second, "overall", rater, value, **fields)
        for rater, value in zip(RATERS, values, strict=False)
    ]


def scored(criterion: str = "empathy", **by_rater: tuple[int, int]) -> list[Score]:
    """R1=(score of response 1, score of response 2)"""
    return [
        Score(stimulus=9, response=response, criterion=criterion, rater=rater, value=value)
        for rater, values in by_rater.items()
        for response, value in enumerate(values, start=1)
    ]


def only(derivation: Derivation) -> tuple[int, int, str, float]:
    (pair,) = derivation.pairs
    return pair.chosen, pair.rejected, pair.source, pair.strength


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-2, -1), (1, 2, "preference:overall", 1.5)),
        ((2,), (2, 1, "preference:overall", 2.0)),
        ((1, 2, -2), (2, 1, "preference:overall", 1.5)),
    ],
)
def test_majority_of_direct_choices_decides(
    values: tuple[int, ...], expected: tuple[int, int, str, float]
) -> None:
    assert only(derive_pairs(compared(*values), [], 2, NOTHING)) == expected


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((0, 0), "preference_tied"),
        ((0, 0, 2), "preference_tied"),
        ((-2, 2), "preference_without_majority"),
        ((2, 0), "preference_without_majority"),
        ((-1, 0, 1), "preference_without_majority"),
    ],
)
def test_ties_and_splits_are_dropped_and_counted(values: tuple[int, ...], reason: str) -> None:
    derivation = derive_pairs(compared(*values), [], 2, NOTHING)
    assert derivation.pairs == ()
    assert derivation.counts[reason] == 1
    assert derivation.counts["released"] == 0


def test_score_difference_below_the_margin_is_a_tie() -> None:
    assert derive_pairs([], scored(R1=(5, 6)), 2, NOTHING).counts["rating_tied"] == 1
    assert only(derive_pairs([], scored(R1=(5, 6)), 1, NOTHING)) == (2, 1, "rating:empathy", 1.0)
    assert only(derive_pairs([], scored(R1=(9, 4)), 2, NOTHING)) == (1, 2, "rating:empathy", 5.0)


def test_scores_of_different_raters_are_never_subtracted() -> None:
    apart = [Score(9, 1, "empathy", "R1", 10), Score(9, 2, "empathy", "R2", 1)]
    derivation = derive_pairs([], apart, 2, NOTHING)
    assert derivation.pairs == ()
    assert derivation.counts["scored_by_one_rater"] == 0


def test_responses_to_different_stimuli_are_never_compared() -> None:
    apart = [Score(8, 1, "empathy", "R1", 10), Score(9, 2, "empathy", "R1", 1)]
    assert derive_pairs([], apart, 2, NOTHING).pairs == ()


def test_direct_comparison_supersedes_scores_even_when_it_is_a_tie() -> None:
    derivation = derive_pairs(compared(0, 0), scored(R1=(1, 10)), 2, NOTHING)
    assert derivation.pairs == ()
    assert derivation.counts["scored_but_compared_directly"] == 1


def test_criteria_that_contradict_each_other_cancel_the_pair() -> None:
    scores = scored(R1=(1, 9)) + scored("safety", R1=(9, 1))
    derivation = derive_pairs([], scores, 2, NOTHING)
    assert derivation.pairs == ()
    assert derivation.counts["contradicted_between_criteria"] == 1


def test_criteria_that_agree_make_one_row_of_the_strongest() -> None:
    scores = scored(R1=(1, 5)) + scored("safety", R1=(1, 9))
    derivation = derive_pairs([], scores, 2, NOTHING)
    assert only(derivation) == (2, 1, "rating:safety", 8.0)
    assert derivation.pairs[0].agreeing == ("rating:empathy",)
    assert derivation.counts["merged_over_criteria"] == 1


def test_harmful_response_is_never_chosen_but_may_be_rejected() -> None:
    derivation = derive_pairs(compared(-2), [], 2, Exclusions(harmful={1}))
    assert derivation.pairs == ()
    assert derivation.counts["chosen_harmful"] == 1
    assert len(derive_pairs(compared(2), [], 2, Exclusions(harmful={1})).pairs) == 1


def test_response_once_called_not_acceptable_is_never_chosen_anywhere() -> None:
    neither = compared(0, neither_acceptable=True)
    elsewhere = compared(-2, second=3)
    derivation = derive_pairs(neither + elsewhere, [], 2, NOTHING)
    assert derivation.pairs == ()
    assert derivation.counts["chosen_neither_acceptable"] == 1


def test_empty_and_equal_replies_make_no_pair() -> None:
    assert derive_pairs(compared(-2), [], 2, Exclusions(empty={1})).counts["chosen_empty"] == 1
    same = Exclusions(replies={1: "Hm.", 2: "Hm."})
    assert derive_pairs(compared(-2), [], 2, same).counts["equal_replies"] == 1


def test_margin_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        derive_pairs([], [], 0, NOTHING)


responses = st.integers(1, 4)
choices_lists = st.lists(
    st.builds(
        Choice,
        first=responses,
        second=st.integers(5, 8),
        criterion=st.sampled_from(["overall", "empathy"]),
        rater=st.sampled_from(RATERS),
        value=st.integers(-2, 2),
        neither_acceptable=st.just(False),
    ).flatmap(
        lambda c: (
            st.just(c)
            if c.value
            else st.builds(replace, st.just(c), neither_acceptable=st.booleans())
        )
    ),
    max_size=25,
    unique_by=lambda c: (c.first, c.second, c.criterion, c.rater),
)
score_lists = st.lists(
    st.builds(
        Score,
        stimulus=st.just(1),
        response=st.integers(1, 8),
        criterion=st.sampled_from(["empathy", "safety"]),
        rater=st.sampled_from(RATERS),
        value=st.integers(1, 10),
    ),
    max_size=30,
    unique_by=lambda s: (s.response, s.criterion, s.rater),
)
margins = st.integers(1, 5)
harmful_sets = st.frozensets(st.integers(1, 8), max_size=3)


@given(choices_lists, score_lists, margins, harmful_sets)
def test_every_row_keeps_the_rules(
    choices: list[Choice], scores: list[Score], margin: int, harmful: frozenset[int]
) -> None:
    derivation = derive_pairs(choices, scores, margin, Exclusions(harmful=harmful))
    seen = [frozenset((pair.chosen, pair.rejected)) for pair in derivation.pairs]
    assert len(seen) == len(set(seen))
    assert derivation.counts["released"] == len(seen)
    unacceptable = {r for c in choices if c.neither_acceptable for r in (c.first, c.second)}
    for pair in derivation.pairs:
        assert pair.chosen not in harmful | unacceptable
        assert pair.votes_for > pair.votes_against + pair.votes_tied
        if pair.source.startswith("rating:"):
            assert pair.strength >= margin


@given(choices_lists, score_lists, margins, st.randoms())
def test_order_of_the_answers_does_not_matter(
    choices: list[Choice], scores: list[Score], margin: int, random: Any
) -> None:
    one = derive_pairs(choices, scores, margin, NOTHING)
    random.shuffle(choices)
    random.shuffle(scores)
    two = derive_pairs(choices, scores, margin, NOTHING)
    assert one.counts == two.counts
    assert set(one.pairs) == set(two.pairs)


@given(choices_lists)
def test_which_response_stands_first_does_not_matter(choices: list[Choice]) -> None:
    turned = [replace(c, first=c.second, second=c.first, value=-c.value) for c in choices]
    assert set(derive_pairs(choices, [], 2, NOTHING).pairs) == set(
        derive_pairs(turned, [], 2, NOTHING).pairs
    )


@given(score_lists, margins)
def test_a_wider_margin_never_decides_more_criteria(scores: list[Score], margin: int) -> None:
    narrow = derive_pairs([], scores, margin, NOTHING).counts["rating_decided"]
    wide = derive_pairs([], scores, margin + 1, NOTHING).counts["rating_decided"]
    assert wide <= narrow


@given(score_lists, margins)
def test_every_scored_pair_is_accounted_for(scores: list[Score], margin: int) -> None:
    counts = derive_pairs([], scores, margin, NOTHING).counts
    assert counts["rating_decided"] == (
        counts["released"]
        + counts["merged_over_criteria"]
        + sum_of_contradictions(scores, margin)
        + counts["equal_replies"]
    )


def sum_of_contradictions(scores: list[Score], margin: int) -> int:
    """Decided criteria of pairs whose criteria point in opposite directions."""
    per_criterion: dict[frozenset[int], set[int]] = {}
    decided: dict[frozenset[int], int] = {}
    for criterion in ("empathy", "safety"):
        own = [score for score in scores if score.criterion == criterion]
        for pair in derive_pairs([], own, margin, NOTHING).pairs:
            key = frozenset((pair.chosen, pair.rejected))
            per_criterion.setdefault(key, set()).add(pair.chosen)
            decided[key] = decided.get(key, 0) + 1
    return sum(decided[key] for key, chosen in per_criterion.items() if len(chosen) > 1)
