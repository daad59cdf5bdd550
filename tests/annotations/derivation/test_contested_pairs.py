from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.evidence import RaterFacts
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import compared, evidence, outcomes, rows, scored

BY_DEFAULT = DerivationRules()
CIRCLE = (
    *compared(-1, first=1, second=2),
    *compared(-1, first=2, second=3),
    *compared(-1, first=3, second=1),
)


def test_criteria_that_point_in_opposite_directions_drop_the_pair() -> None:
    answers = evidence(*scored(R1=(1, 9)), *scored("clarity", R1=(9, 1)))
    found = derive(answers, BY_DEFAULT)
    assert found.pairs == ()
    assert outcomes(found) == ["contradicted", "contradicted"]
    assert found.counts["contradicted"] == 2


def test_a_contradiction_that_is_kept_makes_a_marked_row_each_way() -> None:
    answers = evidence(
        *scored(R1=(1, 9)), *scored("clarity", R1=(9, 1)), *scored("warmth", R1=(1, 9))
    )
    found = derive(answers, DerivationRules(keep=("contradicted",)))
    assert rows(found) == [(1, 2, "rating:clarity"), (2, 1, "rating:empathy")]
    assert found.pairs[1].agreeing == ("rating:warmth",)
    assert {pair.contested for pair in found.pairs} == {("contradicted",)}
    assert found.counts["contested_kept"] == 3


def test_with_a_row_for_each_criterion_none_is_set_against_another() -> None:
    answers = evidence(*scored(R1=(1, 9)), *scored("clarity", R1=(9, 1)))
    found = derive(answers, DerivationRules(per_criterion=True))
    assert rows(found) == [(1, 2, "rating:clarity"), (2, 1, "rating:empathy")]
    assert {pair.contested for pair in found.pairs} == {()}


def test_raters_who_disagree_do_not_contradict_each_other_where_each_makes_a_row() -> None:
    found = derive(evidence(*compared(-1, 1)), DerivationRules(decision="every_rater"))
    assert len(found.pairs) == 2


def test_identical_texts_make_no_pair_even_where_everything_else_is_kept() -> None:
    answers = evidence(*compared(-2), responses={1: {"said": "Hm."}, 2: {"said": "Hm."}})
    found = derive(answers, DerivationRules(keep=("contradicted", "cycle", "truncated")))
    assert (found.pairs, outcomes(found)) == ((), ["identical_texts"])


def test_identical_texts_make_no_tie_either() -> None:
    answers = evidence(*compared(0), responses={1: {"said": "Hm."}, 2: {"said": "Hm."}})
    assert derive(answers, DerivationRules(ties="equal")).pairs == ()


@pytest.mark.parametrize("cut_off", [1, 2])
def test_a_cut_off_reply_on_either_side_drops_the_pair_unless_kept(cut_off: int) -> None:
    answers = evidence(*compared(-2), responses={cut_off: {"truncated": True}})
    assert outcomes(derive(answers, BY_DEFAULT)) == ["truncated"]
    (pair,) = derive(answers, DerivationRules(keep=("truncated",))).pairs
    assert pair.contested == ("truncated",)


def test_preferences_that_go_round_in_a_circle_are_dropped_and_others_stay() -> None:
    answers = evidence(*CIRCLE, *compared(-1, first=1, second=4))
    found = derive(answers, BY_DEFAULT)
    assert rows(found) == [(1, 4, "preference:overall")]
    assert found.counts["cycle"] == 3
    kept = derive(answers, DerivationRules(keep=("cycle",)))
    assert [pair.contested for pair in kept.pairs].count(("cycle",)) == 3
    assert len(kept.pairs) == 4


def test_a_longer_circle_and_its_chords_are_found() -> None:
    ring = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (1, 3)]
    answers = [c for better, worse in ring for c in compared(-1, first=better, second=worse)]
    outside = compared(-1, first=5, second=6)
    found = derive(evidence(*answers, *outside), BY_DEFAULT)
    assert rows(found) == [(5, 6, "preference:overall")]
    assert found.counts["cycle"] == 6


def test_two_responses_that_say_the_same_close_a_circle() -> None:
    same: dict[int, dict[str, Any]] = {1: {"said": "Hm."}, 3: {"said": "Hm."}}
    answers = evidence(
        *compared(-1, first=1, second=2), *compared(-1, first=2, second=3), responses=same
    )
    assert outcomes(derive(answers, BY_DEFAULT)) == ["cycle", "cycle"]


def test_a_circle_over_several_criteria_is_none_where_each_makes_rows_of_its_own() -> None:
    mixed = evidence(
        *compared(-1, first=1, second=2, criterion="empathy"),
        *compared(-1, first=2, second=3, criterion="empathy"),
        *compared(-1, first=3, second=1, criterion="clarity"),
    )
    assert derive(mixed, BY_DEFAULT).counts["cycle"] == 3
    assert len(derive(mixed, DerivationRules(per_criterion=True)).pairs) == 3


def test_a_circle_over_several_raters_is_none_where_each_makes_rows_of_their_own() -> None:
    first, second, _ = CIRCLE
    by_two = evidence(first, second, *compared(0, -1, first=3, second=1))
    assert len(derive(by_two, DerivationRules(decision="every_rater")).pairs) == 3


def test_people_and_judges_close_no_circle_together() -> None:
    first, second, _ = CIRCLE
    _, by_judge = compared(0, -1, first=3, second=1)
    answers = evidence(first, second, by_judge, raters={"R2": RaterFacts(kind="llm")})
    assert len(derive(answers, DerivationRules(rater_kinds=("person", "llm"))).pairs) == 3


def test_a_contradicted_pair_is_no_part_of_a_circle() -> None:
    answers = evidence(
        *compared(-1, first=1, second=2),
        *compared(-1, first=2, second=3),
        *compared(-1, first=3, second=1),
        *compared(1, first=3, second=1, criterion="empathy"),
    )
    found = derive(answers, BY_DEFAULT)
    assert len(found.pairs) == 2
    assert (found.counts["cycle"], found.counts["contradicted"]) == (0, 2)


def test_the_same_words_under_other_labels_are_identical_texts_and_one_node_of_a_cycle() -> None:
    labelled = {
        number: {"said": (label, "I see."), "words": "I see."}
        for number, label in ((1, "praise"), (3, "none"))
    }
    pair = derive(evidence(*compared(-2, first=1, second=3), responses=labelled), DerivationRules())
    assert outcomes(pair) == ["identical_texts"]
    circle = evidence(*compared(-2), *compared(-2, first=2, second=3), responses=labelled)
    assert outcomes(derive(circle, DerivationRules())) == ["cycle", "cycle"]
