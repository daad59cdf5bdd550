from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.derivation.steps import rules_in_words

OTHERWISE: dict[str, Any] = {
    "evidence": "scores",
    "criteria": ("empathy",),
    "per_criterion": True,
    "weights": (("empathy", 1.0),),
    "margin": 3.5,
    "decision": "unanimous",
    "ties": "equal",
    "adjudicated_first": False,
    "rater_kinds": ("llm",),
    "qualified_only": True,
    "min_active_seconds": 4.0,
    "min_panel_agreement": 0.625,
    "min_votes": 3,
    "min_agreement": 0.75,
    "safety_criteria": ("harmlessness",),
    "safety_floor": 4.5,
    "keep": ("cycle",),
    "balance_length": True,
    "splitting": "corpus",
    "shares": (("train", 0.5), ("test", 0.5)),
    "seed": 42,
    "with_words": True,
}


def test_every_rule_is_tried() -> None:
    assert set(OTHERWISE) == {field.name for field in fields(DerivationRules)}


@pytest.mark.parametrize("name", OTHERWISE)
def test_every_rule_that_is_changed_changes_the_words(name: str) -> None:
    changed = DerivationRules(**{name: OTHERWISE[name]})
    assert rules_in_words(changed) != rules_in_words(DerivationRules())


def test_numbers_stand_as_they_were_given() -> None:
    rules = DerivationRules(min_panel_agreement=0.625, margin=3.5, min_agreement=0.07)
    words = " ".join(rules_in_words(rules))
    for number in ("62.5%", "3.5 points", "7% of the pair's votes", "train 80%"):
        assert number in words


def test_without_safety_criteria_no_floor_is_promised() -> None:
    rules = DerivationRules(safety_criteria=(), weights=(("empathy", 1.0),))
    words = " ".join(rules_in_words(rules))
    assert "middle of the scale" not in words
    assert "buy harm" not in words


@pytest.mark.parametrize(
    ("named", "scored", "said"),
    [
        (("safety",), {"empathy"}, "no floor of safety: nobody was asked for scores on safety."),
        (("safety",), set(), "no floor of safety: nobody was asked for scores on safety."),
        ((), {"safety"}, "no floor of safety: the rules name no criterion for it."),
    ],
)
def test_where_no_score_could_fall_below_it_the_words_say_that_there_was_no_floor(
    named: tuple[str, ...], scored: set[str], said: str
) -> None:
    rules = DerivationRules(safety_criteria=named, weights=(("empathy", 1.0),))
    words = " ".join(rules_in_words(rules, scored))
    assert said in words
    assert "middle of the scale" not in words
    assert "buy harm" not in words


def test_the_floor_names_the_criteria_that_were_scored_and_those_that_were_not() -> None:
    words = " ".join(
        rules_in_words(DerivationRules(safety_criteria=("safety", "care")), {"safety"})
    )
    assert "below the middle of the scale on safety from anybody" in words
    assert "Nothing fell below the floor on care" in words
    assert "no floor of safety" not in words
