from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.evidence import ADJUDICATED, Choice, RaterFacts, Score
from annotations.derivation.outcome import Comparison
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import (
    STIMULUS,
    compared,
    evidence,
    outcomes,
    rows,
    scored,
)

BY_DEFAULT = DerivationRules()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-2, -1), (1, 2, 1.5)),
        ((2,), (2, 1, 2.0)),
        ((1, 2, -2), (2, 1, 1.5)),
    ],
)
def test_a_majority_of_direct_choices_decides(
    values: tuple[int, ...], expected: tuple[int, int, float]
) -> None:
    (pair,) = derive(evidence(*compared(*values)), BY_DEFAULT).pairs
    assert (pair.chosen, pair.rejected, pair.strength) == expected
    assert pair.source == "preference:overall"


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
def test_ties_are_answers_and_what_has_no_majority_is_counted(
    values: tuple[int, ...], reason: str
) -> None:
    found = derive(evidence(*compared(*values)), BY_DEFAULT)
    assert found.pairs == ()
    assert found.counts[reason] == 1
    assert found.counts["released"] == 0


def test_a_comparison_has_its_votes_whatever_became_of_it() -> None:
    found = derive(evidence(*compared(-1, 0, 2)), BY_DEFAULT)
    assert found.comparisons == (
        Comparison(
            first=1,
            second=2,
            criterion="overall",
            evidence="preference",
            rater_kind="person",
            votes_first=1,
            votes_second=1,
            votes_tied=1,
            strength=0.333333,
            adjudicated=False,
            outcome="no_majority",
        ),
    )


def test_unanimous_asks_every_answer_to_agree() -> None:
    unanimous = DerivationRules(decision="unanimous")
    assert rows(derive(evidence(*compared(-1, -2, -1)), unanimous)) == [
        (1, 2, "preference:overall")
    ]
    assert outcomes(derive(evidence(*compared(-1, -1, 0)), unanimous)) == ["no_majority"]


def test_every_rater_makes_a_row_and_a_comparison_of_their_own() -> None:
    found = derive(evidence(*compared(-1, 2, 0)), DerivationRules(decision="every_rater"))
    assert [(p.chosen, p.rater, p.strength, p.votes_for) for p in found.pairs] == [
        (1, "R1", 1.0, 1),
        (2, "R2", 2.0, 1),
    ]
    assert [(c.rater, c.outcome) for c in found.comparisons] == [("R1", "first"), ("R2", "second")]
    assert found.counts["preference_comparisons"] == 3
    assert found.counts["preference_tied"] == 1


def test_fewest_votes_and_least_agreement_are_of_the_pair_even_where_every_rater_makes_a_row() -> (
    None
):
    answers = evidence(*compared(-1, -1, 2), *compared(1, first=1, second=3))
    rules = DerivationRules(decision="every_rater", min_votes=2, min_agreement=0.6)
    found = derive(answers, rules)
    assert [(pair.chosen, pair.rater) for pair in found.pairs] == [(1, "R1"), (1, "R2")]
    assert found.counts["too_few_votes"] == 1
    assert found.counts["too_little_agreement"] == 1


def test_ties_lower_agreement() -> None:
    answers = evidence(*compared(-1, -1, 0))
    two_thirds = derive(answers, DerivationRules(min_agreement=2 / 3))
    assert rows(two_thirds) == [(1, 2, "preference:overall")]
    assert outcomes(derive(answers, DerivationRules(min_agreement=0.7))) == ["too_little_agreement"]


def test_tied_comparisons_stand_in_the_table_only_where_the_rules_keep_them() -> None:
    answers = evidence(*compared(0, 0))
    assert derive(answers, BY_DEFAULT).comparisons == ()
    kept = derive(answers, DerivationRules(ties="kept"))
    assert (outcomes(kept), kept.pairs) == (["tie"], ())


def test_an_equal_tie_makes_a_row_each_way_of_half_the_weight() -> None:
    found = derive(evidence(*compared(0, 0, 2)), DerivationRules(ties="equal"))
    assert [
        (p.chosen, p.rejected, p.weight, p.strength, p.votes_for, p.votes_against, p.votes_tied)
        for p in found.pairs
    ] == [(1, 2, 0.5, 0.0, 0, 1, 2), (2, 1, 0.5, 0.0, 1, 0, 2)]
    assert found.counts["tied_pairs"] == 1
    assert found.counts["released"] == 2


def test_an_equal_tie_on_one_criterion_makes_no_row_where_another_decides() -> None:
    answers = evidence(*scored(R1=(5, 9)), *scored("clarity", R1=(5, 5)))
    found = derive(answers, DerivationRules(ties="equal"))
    assert rows(found) == [(2, 1, "rating:empathy")]
    assert found.counts["tied_beside_decided"] == 1


def test_a_score_difference_below_the_margin_is_a_tie() -> None:
    assert derive(evidence(*scored(R1=(5, 6))), BY_DEFAULT).counts["rating_tied"] == 1
    for values, margin, expected in (((5, 6), 1, (2, 1, 1.0)), ((9, 4), 2, (1, 2, 5.0))):
        (pair,) = derive(evidence(*scored(R1=values)), DerivationRules(margin=margin)).pairs
        assert (pair.chosen, pair.rejected, pair.strength) == expected


def test_scores_of_different_raters_are_never_subtracted() -> None:
    apart = [Score(9, 1, "empathy", "R1", 10), Score(9, 2, "empathy", "R2", 1)]
    found = derive(evidence(*apart), BY_DEFAULT)
    assert (found.pairs, found.comparisons) == ((), ())


def test_responses_to_different_stimuli_are_never_compared() -> None:
    apart = [Score(8, 1, "empathy", "R1", 10), Score(9, 2, "empathy", "R1", 1)]
    assert derive(evidence(*apart), BY_DEFAULT).comparisons == ()


def test_a_rater_who_answered_twice_has_one_vote() -> None:
    twice = [Choice(1, 2, "overall", "R1", -2), Choice(2, 1, "overall", "R1", -1)]
    (comparison,) = derive(evidence(*twice), BY_DEFAULT).comparisons
    assert (comparison.votes_first, comparison.votes_second, comparison.strength) == (1, 0, -0.5)


def test_a_direct_choice_supersedes_scores_even_as_a_tie() -> None:
    answers = evidence(*compared(0, 0), *scored(R1=(1, 10)))
    found = derive(answers, BY_DEFAULT)
    assert found.pairs == ()
    assert outcomes(found) == ["scored_but_compared_directly"]
    only_scores = derive(answers, DerivationRules(evidence="scores"))
    assert rows(only_scores) == [(2, 1, "rating:empathy")]


def test_with_a_row_for_each_criterion_a_choice_supersedes_scores_on_its_own_criterion() -> None:
    answers = evidence(
        *compared(-2),
        *compared(-1, criterion="empathy"),
        *scored(R1=(1, 9)),
        *scored("clarity", R1=(1, 9)),
    )
    found = derive(answers, DerivationRules(per_criterion=True))
    assert rows(found) == [
        (1, 2, "preference:empathy"),
        (1, 2, "preference:overall"),
        (2, 1, "rating:clarity"),
    ]
    assert found.counts["contradicted"] == 0


def test_a_judges_choice_does_not_supersede_scores_of_people() -> None:
    answers = evidence(
        Choice(1, 2, "overall", "judge", -1),
        *scored(R1=(1, 9)),
        raters={"judge": RaterFacts(kind="llm")},
    )
    both = derive(answers, DerivationRules(rater_kinds=("person", "llm")))
    assert [(pair.chosen, pair.rater_kind) for pair in both.pairs] == [(1, "llm"), (2, "person")]


def test_criteria_that_agree_make_one_row_of_most_votes_then_of_the_strongest() -> None:
    answers = evidence(*scored(R1=(1, 5), R2=(1, 5)), *scored("safety", R1=(6, 10)))
    (pair,) = derive(answers, BY_DEFAULT).pairs
    assert (pair.source, pair.votes_for, pair.agreeing) == ("rating:empathy", 2, ("rating:safety",))
    stronger = evidence(*scored(R1=(1, 5)), *scored("clarity", R1=(1, 9)))
    found = derive(stronger, BY_DEFAULT)
    assert rows(found) == [(2, 1, "rating:clarity")]
    assert found.pairs[0].agreeing == ("rating:empathy",)
    assert found.counts["merged_over_criteria"] == 1


def settled_choice(value: int) -> dict[str, Any]:
    return {"settled_choices": (Choice(2, 1, "overall", ADJUDICATED, value),)}


def test_what_was_settled_stands_in_for_the_votes_it_settled() -> None:
    answers = evidence(*compared(-2, -2, 1), **settled_choice(-1))
    (pair,) = derive(answers, BY_DEFAULT).pairs
    assert (pair.chosen, pair.source, pair.votes_for) == (2, "adjudicated:overall", 1)
    (comparison,) = derive(answers, BY_DEFAULT).comparisons
    assert comparison.adjudicated
    not_first = derive(answers, DerivationRules(adjudicated_first=False))
    assert rows(not_first) == [(1, 2, "preference:overall")]


def test_what_was_settled_needs_no_further_votes() -> None:
    answers = evidence(*compared(-2, -2, 1), **settled_choice(-1))
    strict = DerivationRules(min_votes=3, min_agreement=1, decision="unanimous")
    assert rows(derive(answers, strict)) == [(2, 1, "adjudicated:overall")]


def test_a_settled_tie_is_a_tie() -> None:
    found = derive(evidence(*compared(-2, -2), **settled_choice(0)), DerivationRules(ties="kept"))
    assert (found.pairs, outcomes(found)) == ((), ["tie"])


def test_where_every_rater_makes_a_row_a_settled_question_makes_one() -> None:
    answers = evidence(*compared(-2, 1), **settled_choice(-1))
    (pair,) = derive(answers, DerivationRules(decision="every_rater")).pairs
    assert (pair.chosen, pair.rater) == (2, ADJUDICATED)


def test_adjudication_settles_people_not_judges() -> None:
    answers = evidence(*compared(-2), raters={"R1": RaterFacts(kind="llm")}, **settled_choice(-1))
    judges = derive(answers, DerivationRules(rater_kinds=("llm",)))
    assert rows(judges) == [(1, 2, "preference:overall")]
    assert judges.counts["settled_answers"] == 0


def test_settled_scores_decide_where_both_responses_have_one() -> None:
    of_one = Score(STIMULUS, 1, "empathy", ADJUDICATED, 9)
    of_other = Score(STIMULUS, 2, "empathy", ADJUDICATED, 3)
    by_raters = scored(R1=(2, 8), R2=(3, 8))
    half = derive(evidence(*by_raters, settled_scores=(of_one,)), BY_DEFAULT)
    assert rows(half) == [(2, 1, "rating:empathy")]
    both = derive(evidence(*by_raters, settled_scores=(of_one, of_other)), BY_DEFAULT)
    assert rows(both) == [(1, 2, "adjudicated:empathy")]
