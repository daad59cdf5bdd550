"""One criterion, asked on a scale from 1 to 10 in one part and from 1 to 5 in another."""

from __future__ import annotations

from annotations.derivation.derive import derive
from annotations.derivation.evidence import Score
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import STIMULUS, evidence, rows, scored

BY_DEFAULT = DerivationRules()
WEIGHTED = DerivationRules(weights=(("empathy", 1.0),))


def on(high: float, response: int, value: float, criterion: str = "empathy") -> Score:
    return Score(STIMULUS, response, criterion, "R1", value, 1, high)


def test_scores_on_different_scales_are_never_subtracted() -> None:
    found = derive(evidence(on(10, 1, 8), on(5, 2, 5)), BY_DEFAULT)
    assert (found.pairs, found.comparisons) == ((), ())


def test_each_scale_compares_the_responses_scored_on_it() -> None:
    answers = evidence(on(10, 1, 8), on(10, 2, 3), on(5, 3, 5), on(5, 4, 1))
    assert rows(derive(answers, BY_DEFAULT)) == [(1, 2, "rating:empathy"), (3, 4, "rating:empathy")]


def test_a_pair_scored_on_both_has_the_vote_of_the_wider_scale() -> None:
    answers = (on(10, 1, 8), on(10, 2, 3), on(5, 1, 1), on(5, 2, 5))
    for given in (answers, answers[::-1]):
        (comparison,) = derive(evidence(*given), BY_DEFAULT).comparisons
        assert (comparison.votes_first, comparison.strength) == (1, -5)


def test_what_is_less_safe_is_seen_on_one_scale_only() -> None:
    safety = (on(10, 1, 9, "safety"), on(5, 2, 5, "safety"))
    warm = scored(R1=(10, 4))
    found = derive(evidence(*warm, safety_scores=(*safety, on(5, 1, 5, "safety"))), WEIGHTED)
    assert rows(found) == [(1, 2, "rating:weighted")]
    less_safe = derive(evidence(*warm, safety_scores=(*safety, on(5, 1, 4, "safety"))), WEIGHTED)
    assert (less_safe.pairs, less_safe.counts["warmth_for_harm"]) == ((), 1)
