from __future__ import annotations

from typing import Any

from annotations.derivation.derive import derive
from annotations.derivation.evidence import Evidence, RaterFacts
from annotations.derivation.outcome import DerivedPair
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import compared, evidence, outcomes, scored

BALANCED = DerivationRules(balance_length=True)


def longer_and_shorter(longer: int, shorter: int, equal: int = 0) -> Evidence:
    """Pairs whose preferred response is the longer, the shorter, as long; a session each."""
    lengths = [(20, 10)] * longer + [(10, 20)] * shorter + [(10, 10)] * equal
    responses: dict[int, dict[str, Any]] = {}
    choices = []
    for number, pair in enumerate(lengths):
        first, second = 2 * number + 1, 2 * number + 2
        choices += compared(-1, first=first, second=second)
        for response, length in zip((first, second), pair, strict=True):
            responses[response] = {"length": length, "stimulus": number, "group": f"MESC/{number}"}
    return evidence(*choices, responses=responses)


def sides(answers: Evidence, pairs: tuple[DerivedPair, ...]) -> tuple[int, int, int]:
    differences = [
        answers.responses[pair.chosen].length - answers.responses[pair.rejected].length
        for pair in pairs
    ]
    return (
        sum(found > 0 for found in differences),
        sum(found < 0 for found in differences),
        sum(found == 0 for found in differences),
    )


def test_as_many_prefer_the_longer_as_the_shorter_and_equal_lengths_stay() -> None:
    answers = longer_and_shorter(9, 4, equal=3)
    rules = DerivationRules(balance_length=True, splitting="none")
    found = derive(answers, rules)
    assert sides(answers, found.pairs) == (4, 4, 3)
    assert found.counts["length_balanced"] == 5
    assert outcomes(found).count("length_balanced") == 5


def test_every_split_is_balanced_in_itself() -> None:
    answers = longer_and_shorter(40, 25)
    found = derive(answers, BALANCED)
    assert {pair.split for pair in found.pairs} == {"train", "validation", "test"}
    for split in ("train", "validation", "test"):
        longer, shorter, _ = sides(answers, tuple(p for p in found.pairs if p.split == split))
        assert longer == shorter


def test_the_seed_decides_which_rows_fall_out() -> None:
    answers = longer_and_shorter(9, 4)
    one, same, other = (
        derive(answers, DerivationRules(balance_length=True, splitting="none", seed=seed)).pairs
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_people_are_balanced_without_the_judges() -> None:
    answers = evidence(
        *compared(-1, 1),
        responses={1: {"length": 20}, 2: {"length": 10}},
        raters={"R2": RaterFacts(kind="llm")},
    )
    rules = DerivationRules(balance_length=True, rater_kinds=("person", "llm"))
    assert derive(answers, rules).pairs == ()


def test_criteria_that_make_rows_of_their_own_are_balanced_one_by_one() -> None:
    answers = evidence(
        *scored(R1=(9, 1)),
        *scored("clarity", R1=(1, 9)),
        responses={1: {"length": 20}, 2: {"length": 10}},
    )
    found = derive(answers, DerivationRules(balance_length=True, per_criterion=True))
    assert (found.pairs, outcomes(found)) == ((), ["length_balanced", "length_balanced"])


def test_every_criterion_behind_a_dropped_row_says_so() -> None:
    answers = evidence(
        *scored(R1=(9, 1)), *scored("clarity", R1=(9, 1)), responses={1: {"length": 200}}
    )
    found = derive(answers, BALANCED)
    assert outcomes(found) == ["length_balanced", "length_balanced"]
    assert (found.counts["length_balanced"], found.counts["merged_over_criteria"]) == (1, 1)


def test_ties_stand_both_ways_and_stay() -> None:
    answers = evidence(*compared(0), responses={1: {"length": 200}})
    rules = DerivationRules(balance_length=True, ties="equal")
    assert len(derive(answers, rules).pairs) == 2
