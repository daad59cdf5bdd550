from __future__ import annotations

import math
from typing import Any

import pytest

from annotations.derivation.rules import DerivationRules, RulesError, rules_from_json

PAIRS, NAMES = "a list of pairs of a name and a number", "a list of names"
WRONG: list[tuple[str, Any, str]] = [
    ("with_words", "false", "true or false"),
    ("with_words", 1, "true or false"),
    ("with_words", None, "true or false"),
    ("evidence", ["both"], "a name"),
    ("decision", 1, "a name"),
    ("criteria", [1], NAMES),
    ("criteria", "empathy", f"{NAMES} or null"),
    ("criteria", {"empathy": 1}, NAMES),
    ("criteria", ["em\0pathy"], NAMES),
    ("safety_criteria", None, NAMES),
    ("rater_kinds", "person", NAMES),
    ("keep", [["cycle"]], NAMES),
    ("weights", [["empathy"]], PAIRS),
    ("weights", {"empathy": 2}, PAIRS),
    ("weights", [["empathy", "2"]], PAIRS),
    ("weights", [["empathy", True]], PAIRS),
    ("weights", ["ab"], PAIRS),
    ("shares", [["train"]], PAIRS),
    ("shares", [["", 1]], PAIRS),
    ("shares", [["train", 1, 2]], PAIRS),
    ("safety_floor", "x", "a number or null"),
    ("safety_floor", math.nan, "a number or null"),
    ("margin", True, "a number"),
    ("margin", None, "a number"),
    ("min_active_seconds", math.inf, "a number"),
    ("min_active_seconds", 10**400, "a number"),
    ("min_votes", 1.5, "a whole number"),
    ("seed", False, "a whole number"),
    ("seed", "1", "a whole number"),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_a_value_of_the_wrong_kind_is_refused_and_the_rule_is_named(
    name: str, value: Any, expected: str
) -> None:
    with pytest.raises(RulesError, match=f"{name}: must be {expected}"):
        rules_from_json({name: value})


def test_rules_written_in_code_are_checked_likewise() -> None:
    wrong: dict[str, Any] = {"criteria": ["empathy"]}
    with pytest.raises(RulesError, match=f"criteria: must be {NAMES} or null"):
        DerivationRules(**wrong)


def test_whole_numbers_stand_for_numbers_and_null_where_a_rule_may_be_open() -> None:
    given = {"margin": 3, "weights": [["empathy", 2]], "safety_floor": None, "criteria": None}
    rules = rules_from_json(given)
    assert (rules.margin, rules.weights, rules.safety_floor) == (3, (("empathy", 2),), None)
