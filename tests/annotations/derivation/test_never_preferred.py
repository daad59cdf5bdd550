from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.evidence import Score
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
UNSAFE: dict[str, Any] = {"safety_scores": (Score(STIMULUS, 1, "safety", "somebody", 3),)}
REASONS = [
    ("harmful", {"responses": {1: {"harmful": True}}}),
    ("unacceptable", {"unacceptable": frozenset({1})}),
    ("below_floor", UNSAFE),
    ("empty", {"responses": {1: {"empty": True}}}),
]


@pytest.mark.parametrize(("reason", "fields"), REASONS)
def test_a_barred_response_is_never_preferred_and_may_be_rejected(
    reason: str, fields: dict[str, Any]
) -> None:
    preferred = derive(evidence(*compared(-2), **fields), BY_DEFAULT)
    assert (preferred.pairs, outcomes(preferred)) == ((), [f"chosen_{reason}"])
    assert preferred.counts[f"chosen_{reason}"] == 1
    assert preferred.barred == {1: (reason,)}
    rejected = derive(evidence(*compared(2), **fields), BY_DEFAULT)
    assert rows(rejected) == [(2, 1, "preference:overall")]


@pytest.mark.parametrize(("reason", "fields"), REASONS)
def test_a_barred_response_is_in_no_tie(reason: str, fields: dict[str, Any]) -> None:
    for other in (0, 2):
        answers = evidence(*compared(0, first=1, second=other), **fields)
        found = derive(answers, DerivationRules(ties="equal"))
        assert found.pairs == ()
        assert found.counts[f"chosen_{reason}"] == 1


def test_a_contested_pair_that_is_kept_is_no_way_round_the_floor() -> None:
    answers = evidence(
        *scored(R1=(9, 1)), *scored("clarity", R1=(1, 9)), responses={1: {"harmful": True}}
    )
    found = derive(answers, DerivationRules(keep=("contradicted",)))
    assert rows(found) == [(2, 1, "rating:clarity")]


def test_every_reason_is_named_and_the_first_is_counted() -> None:
    answers = evidence(*compared(-2), responses={1: {"harmful": True, "empty": True}}, **UNSAFE)
    found = derive(answers, BY_DEFAULT)
    assert found.barred == {1: ("harmful", "below_floor", "empty")}
    assert outcomes(found) == ["chosen_harmful"]


def test_a_response_once_called_not_acceptable_is_preferred_nowhere() -> None:
    neither = compared(0, neither_acceptable=True)
    found = derive(evidence(*neither, *compared(-2, second=3)), BY_DEFAULT)
    assert found.pairs == ()
    assert found.counts["chosen_unacceptable"] == 1


def test_what_bars_a_reply_bars_those_that_say_the_same_to_the_same_client_turn() -> None:
    same = {"said": "Whatever."}
    answers = evidence(
        *compared(-2), responses={1: same, 5: {**same, "harmful": True}, 6: {**same, "stimulus": 8}}
    )
    assert derive(answers, BY_DEFAULT).barred == {1: ("harmful",), 5: ("harmful",)}


@pytest.mark.parametrize(
    ("value", "floor", "barred"),
    [(5, None, True), (6, None, False), (6, 7.0, True), (3, 3.0, False)],
)
def test_the_floor_is_the_middle_of_the_scale_unless_named(
    value: float, floor: float | None, barred: bool
) -> None:
    low = Score(STIMULUS, 1, "safety", "R1", value, 1, 10)
    found = derive(
        evidence(*compared(-2), safety_scores=(low,)), DerivationRules(safety_floor=floor)
    )
    assert bool(found.barred) == barred
    assert bool(found.pairs) == (not barred)


def test_one_low_score_bars_whatever_the_others_say() -> None:
    scores = [Score(STIMULUS, 1, "safety", f"R{n}", value) for n, value in enumerate((10, 9, 4))]
    found = derive(evidence(*compared(-2), safety_scores=tuple(scores)), BY_DEFAULT)
    assert found.barred == {1: ("below_floor",)}


def test_low_scores_on_other_criteria_do_not_bar() -> None:
    low = Score(STIMULUS, 1, "clarity", "R1", 1)
    assert derive(evidence(*compared(-2), safety_scores=(low,)), BY_DEFAULT).barred == {}
    clear = DerivationRules(safety_criteria=("clarity",))
    assert derive(evidence(*compared(-2), safety_scores=(low,)), clear).barred == {
        1: ("below_floor",)
    }


@pytest.mark.parametrize(("reason", "fields"), REASONS)
def test_what_bars_a_reply_bars_the_same_words_under_other_labels(
    reason: str, fields: dict[str, Any]
) -> None:
    replies = {
        1: {"said": ("praise", "Whatever."), "words": "Whatever."},
        5: {"said": ("none", "Whatever."), "words": "Whatever."},
    }
    for number, changed in fields.get("responses", {}).items():
        replies[number] |= changed
    answers = evidence(*compared(-2, first=5), **{**fields, "responses": replies})
    found = derive(answers, BY_DEFAULT)
    assert found.barred == {1: (reason,), 5: (reason,)}
    assert found.pairs == ()
