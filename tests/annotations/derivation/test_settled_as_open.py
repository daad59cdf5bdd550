"""Questions on which adjudication settled that nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.evidence import Choice, RaterFacts, Score
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import compared, evidence, outcomes, rows, scored

BY_DEFAULT = DerivationRules()
OPEN = frozenset({((1, 2), "overall")})


def test_votes_on_such_a_pair_are_left_out_and_counted() -> None:
    found = derive(evidence(*compared(-2, -2), settled_as_open=OPEN), BY_DEFAULT)
    assert (found.pairs, found.comparisons) == ((), ())
    assert (found.counts["settled_as_open"], found.counts["choices_counted"]) == (2, 0)


def test_the_same_pair_the_other_way_round_and_no_other_pair() -> None:
    answers = evidence(
        *compared(2, first=2, second=1), *compared(-2, second=3), settled_as_open=OPEN
    )
    assert rows(derive(answers, BY_DEFAULT)) == [(1, 3, "preference:overall")]


def test_scores_are_no_way_round_it() -> None:
    answers = evidence(*compared(-2), *scored(R1=(9, 1)), settled_as_open=OPEN)
    assert outcomes(derive(answers, BY_DEFAULT)) == ["scored_but_compared_directly"]


def test_a_score_that_nobody_can_give_is_left_out() -> None:
    answers = evidence(*scored(R1=(9, 1, 1)), settled_as_open=frozenset({((2,), "empathy")}))
    found = derive(answers, BY_DEFAULT)
    assert rows(found) == [(1, 3, "rating:empathy")]
    assert found.counts["settled_as_open"] == 1


@pytest.mark.parametrize(
    "rules", [{"adjudicated_first": False}, {"evidence": "scores"}, {"criteria": ("empathy",)}]
)
def test_rules_that_ask_for_no_such_decision_are_not_changed_by_it(rules: dict[str, Any]) -> None:
    answers: list[Choice | Score] = [*compared(-2), *compared(-2, criterion="empathy")]
    answers += scored(R1=(9, 1))
    wanted = DerivationRules(**rules)
    assert derive(evidence(*answers, settled_as_open=OPEN), wanted) == derive(
        evidence(*answers), wanted
    )


def test_judges_keep_their_votes() -> None:
    judge = {"R1": RaterFacts(kind="llm")}
    found = derive(
        evidence(*compared(-2, -2), raters=judge, settled_as_open=OPEN),
        DerivationRules(rater_kinds=("person", "llm")),
    )
    assert [(pair.chosen, pair.rater_kind) for pair in found.pairs] == [(1, "llm")]
