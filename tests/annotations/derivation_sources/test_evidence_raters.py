"""What is known of raters: who qualified, and how they agree with the reference panel."""

from __future__ import annotations

import pytest

from annotations.derivation.evidence import RaterFacts
from annotations.derivation.rules import DerivationRules
from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.evidence import study_evidence
from annotations.services.gate_decisions import decide_attempt
from tests.annotations.gates.worlds import (
    add_panel,
    answer,
    draft,
    first_rater,
    fresh,
    launched,
    like_the_panel,
    team_with_runs,
    unlike_the_panel,
)
from tests.answered_studies import score
from tests.factories import make_user

pytestmark = pytest.mark.django_db
Role = Assignment.Role


def facts(study: Study) -> dict[str, RaterFacts]:
    study.raters.update(allows_training=True)
    return dict(study_evidence(study, DerivationRules()).raters)


def test_who_passed_the_gate_is_qualified() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, raters=1)
    add_panel(part, [2, 9, 5, 7])
    study = launched(part, items=4, attempts=1)
    rater = first_rater(study)
    answer(rater)
    assert fresh(rater).stage == StudyRater.Stage.RATING
    answer(rater, lambda assignment: {"empathy": "5"})
    assert facts(study) == {"R01": RaterFacts("person", True, None)}


def test_who_was_let_in_and_no_longer_counts_as_passed_is_not_qualified() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, raters=1)
    add_panel(part, [2, 9, 5, 7])
    study = launched(part, items=4, attempts=1)
    rater = first_rater(study)
    answer(rater)
    answer(rater, lambda assignment: {"empathy": "5"})
    attempt = rater.gate_attempts.get()
    ada = make_user("lead@example.org")
    decide_attempt(attempt=attempt, by=ada, passed=False, reason="Somebody else answered.")
    assert facts(study)["R01"].qualified is False
    decide_attempt(attempt=attempt, by=ada, passed=True, reason="It was her after all.")
    assert facts(study)["R01"].qualified is True


def test_a_judge_goes_through_no_gate() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, raters=1)
    add_panel(part, [2, 9, 5, 7])
    study = launched(part, items=4, attempts=1)
    judge = study.raters.create(user=make_user("judge@example.org"), pseudonym="J", kind="llm")
    item = part.items.filter(pool="study").first()
    assert item is not None
    score(item, judge, {"empathy": 5}, slot=9)
    rules = DerivationRules(rater_kinds=("llm",))
    assert study_evidence(study, rules).raters == {"J": RaterFacts("llm", True, None)}


def test_agreement_with_the_panel_is_the_share_of_its_answers_given_as_well() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, limit=10, raters=2)
    add_panel(part, [2, 9, 5, 7] * 3)
    study = launched(part, hidden_share=0.5)
    one, two = study.raters.order_by("pseudonym")

    def half(assignment: Assignment) -> dict[str, str]:
        if assignment.role != Role.REFERENCE:
            return {"empathy": "5"}
        hidden = one.assignments.filter(role=Role.REFERENCE, position__lt=assignment.position)
        how = like_the_panel if hidden.count() % 2 == 0 else unlike_the_panel
        return how(assignment)

    answer(one, half)
    answer(two, lambda assignment: {"empathy": "cannot:cannot_tell"})
    hidden = one.assignments.filter(role=Role.REFERENCE).count()
    found = facts(study)
    assert found["R01"].panel_agreement == (hidden + 1) // 2 / hidden
    assert found["R01"].qualified, "there is no gate to pass"
    assert found["R02"].panel_agreement is None


def test_answers_on_panel_items_are_no_evidence() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, limit=10, raters=1)
    add_panel(part, [2, 9, 5, 7] * 3)
    study = launched(part, hidden_share=0.5)
    answer(first_rater(study), lambda assignment: {"empathy": "5"})
    study.raters.update(allows_training=True)
    found = study_evidence(study, DerivationRules())
    own = study.raters.get().assignments.filter(role=Role.INDEPENDENT)
    assert len(found.scores) == own.count()
    shown = set(own.values_list("item__candidates__response", flat=True))
    assert set(found.responses) == shown
