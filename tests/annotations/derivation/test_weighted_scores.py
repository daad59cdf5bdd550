from __future__ import annotations

from annotations.derivation.derive import derive
from annotations.derivation.evidence import ADJUDICATED, Score
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import (
    STIMULUS,
    compared,
    evidence,
    outcomes,
    rows,
    scored,
)

WEIGHTED = DerivationRules(weights=(("empathy", 3), ("clarity", 1)), margin=2)


def test_scores_decide_by_their_weighted_mean() -> None:
    answers = evidence(*scored(R1=(8, 4)), *scored("clarity", R1=(2, 6)))
    found = derive(answers, WEIGHTED)
    (pair,) = found.pairs
    # (3 * 4 - 1 * 4) / 4
    assert (pair.chosen, pair.source, pair.strength) == (1, "rating:weighted", 2.0)
    (comparison,) = found.comparisons
    assert comparison.criterion == "weighted"


def test_a_weighted_difference_below_the_margin_is_a_tie() -> None:
    answers = evidence(*scored(R1=(8, 4)), *scored("clarity", R1=(2, 7)))
    assert derive(answers, WEIGHTED).counts["rating_tied"] == 1


def test_only_raters_who_scored_every_weighted_criterion_of_both_have_a_vote() -> None:
    answers = evidence(*scored(R1=(8, 4), R2=(2, 9)), *scored("clarity", R1=(6, 6), R2=(5,)))
    (comparison,) = derive(answers, WEIGHTED).comparisons
    assert (comparison.votes_first, comparison.votes_second) == (1, 0)


def test_criteria_without_a_weight_have_no_vote() -> None:
    answers = evidence(*scored("warmth", R1=(1, 9)))
    found = derive(answers, WEIGHTED)
    assert found.comparisons == ()
    assert found.counts["other_criterion"] == 2


def test_different_scales_are_stretched_to_the_widest() -> None:
    answers = evidence(*scored(R1=(6, 6)), *scored("clarity", low=1, high=4, R1=(4, 1)))
    rules = DerivationRules(weights=(("empathy", 1), ("clarity", 1)), margin=4.5)
    (pair,) = derive(answers, rules).pairs
    assert pair.strength == 4.5


def test_warmth_cannot_buy_harm() -> None:
    answers = evidence(
        *scored(R1=(10, 4)),
        *scored("clarity", R1=(9, 5)),
        safety_scores=tuple(scored("safety", R1=(8, 9))),
    )
    found = derive(answers, DerivationRules(**{**vars(WEIGHTED), "ties": "kept"}))
    assert (found.pairs, outcomes(found)) == ((), ["tie"])
    assert found.counts["warmth_for_harm"] == 1


def test_warmth_cannot_buy_harm_where_safety_has_a_weight_itself() -> None:
    answers = evidence(*scored(R1=(10, 2)), *scored("safety", R1=(8, 9)))
    found = derive(answers, DerivationRules(weights=(("empathy", 9), ("safety", 1))))
    assert found.pairs == ()
    assert found.counts["warmth_for_harm"] == 1


def test_another_raters_view_of_safety_turns_no_vote_above_the_floor() -> None:
    answers = evidence(
        *scored(R1=(10, 4)),
        *scored("clarity", R1=(9, 5)),
        safety_scores=tuple(scored("safety", R1=(9, 9), R2=(8, 9))),
    )
    assert rows(derive(answers, WEIGHTED)) == [(1, 2, "rating:weighted")]


def test_direct_choices_supersede_the_weighted_mean_too() -> None:
    answers = evidence(*compared(2), *scored(R1=(8, 4)), *scored("clarity", R1=(8, 4)))
    assert rows(derive(answers, WEIGHTED)) == [(2, 1, "preference:overall")]


def test_settled_scores_on_every_weighted_criterion_stand_in_for_the_raters() -> None:
    settled = [
        Score(STIMULUS, response, criterion, ADJUDICATED, value)
        for criterion in ("empathy", "clarity")
        for response, value in ((1, 3), (2, 8))
    ]
    answers = evidence(
        *scored(R1=(8, 4)), *scored("clarity", R1=(8, 4)), settled_scores=tuple(settled)
    )
    assert rows(derive(answers, WEIGHTED)) == [(2, 1, "adjudicated:weighted")]
