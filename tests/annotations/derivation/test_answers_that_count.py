from __future__ import annotations

from dataclasses import replace

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.evidence import Choice, RaterFacts
from annotations.derivation.rules import DerivationRules
from tests.annotations.derivation.small_evidence import compared, evidence, rows, scored


@pytest.mark.parametrize(
    ("rules", "reason", "facts"),
    [
        (DerivationRules(), "other_kind", RaterFacts(kind="llm")),
        (DerivationRules(qualified_only=True), "not_qualified", RaterFacts(qualified=False)),
        (
            DerivationRules(min_panel_agreement=0.8),
            "below_panel_agreement",
            RaterFacts(panel_agreement=0.79),
        ),
    ],
)
def test_answers_of_raters_whom_the_rules_leave_out_have_no_vote(
    rules: DerivationRules, reason: str, facts: RaterFacts
) -> None:
    answers = evidence(*compared(-1, 2, 2), raters={"R2": facts, "R3": facts})
    found = derive(answers, rules)
    assert rows(found) == [(1, 2, "preference:overall")]
    assert (found.counts["choices"], found.counts["choices_counted"]) == (3, 1)
    assert found.counts[reason] == 2
    without_them = derive(answers, DerivationRules(rater_kinds=("person", "llm")))
    assert (2, 1, "preference:overall") in rows(without_them)


def test_answers_given_too_fast_have_no_vote_and_unknown_times_do() -> None:
    answers = evidence(
        Choice(1, 2, "overall", "R1", -1, seconds=None),
        Choice(1, 2, "overall", "R2", 2, seconds=9.9),
        Choice(1, 2, "overall", "R3", -1, seconds=10),
    )
    found = derive(answers, DerivationRules(min_active_seconds=10))
    (pair,) = found.pairs
    assert (pair.chosen, pair.votes_for, pair.votes_against) == (1, 2, 0)
    assert found.counts["too_fast"] == 1


def test_a_rater_without_panel_items_is_not_left_out_for_them() -> None:
    answers = evidence(*compared(-1))
    assert derive(answers, DerivationRules(min_panel_agreement=1)).counts["released"] == 1


def test_only_the_kind_of_answers_and_the_criteria_that_the_rules_name_count() -> None:
    answers = evidence(*compared(-2), *scored(R1=(1, 9)), *scored("clarity", R1=(9, 1)))
    choices = derive(answers, DerivationRules(evidence="choices"))
    assert rows(choices) == [(1, 2, "preference:overall")]
    assert choices.counts["other_evidence"] == 4
    empathy = derive(answers, DerivationRules(criteria=("empathy",)))
    assert rows(empathy) == [(2, 1, "rating:empathy")]
    assert empathy.counts["other_criterion"] == 3


def test_people_and_judges_make_rows_of_their_own() -> None:
    answers = evidence(
        *compared(-1, 2, 2),
        raters={"R2": RaterFacts(kind="llm"), "R3": RaterFacts(kind="llm")},
    )
    found = derive(answers, DerivationRules(rater_kinds=("person", "llm")))
    assert [(p.chosen, p.rater_kind, p.votes_for, p.votes_against) for p in found.pairs] == [
        (1, "person", 1, 0),
        (2, "llm", 2, 0),
    ]
    assert [(c.rater_kind, c.votes_first, c.votes_second) for c in found.comparisons] == [
        ("llm", 0, 2),
        ("person", 1, 0),
    ]


def test_a_rater_or_a_response_without_facts_is_refused() -> None:
    known = evidence(*compared(-1))
    for without in (replace(known, raters={}), replace(known, responses={})):
        with pytest.raises(KeyError):
            derive(without, DerivationRules())
