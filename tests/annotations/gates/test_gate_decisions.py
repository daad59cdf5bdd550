"""What a named person decides about an attempt."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from annotations.models import (
    Amendment,
    Assignment,
    GateAttempt,
    StudyRater,
)
from annotations.selectors.gates import (
    GATING_RAISES_AGREEMENT,
    gate_outcomes,
)
from annotations.services.gate_decisions import DecisionReasonMissingError, decide_attempt
from annotations.services.studies import close_study
from inference.errors import WrongStateError
from mood_eval.models import User
from tests.annotations.gates.worlds import (
    always,
    answer,
    first_rater,
    fresh,
    gated,
    open_list,
    unlike_the_panel,
)

pytestmark = pytest.mark.django_db
Stage, Track, Role = StudyRater.Stage, Assignment.Track, Assignment.Role


def failed(attempts: int = 1) -> tuple[StudyRater, GateAttempt]:
    rater = first_rater(gated(training=0, attempts=attempts))
    answer(rater, unlike_the_panel)
    return rater, GateAttempt.objects.get(rater=rater, number=1)


def owner_of(rater: StudyRater) -> User:
    return rater.study.team.memberships.get().user


def test_a_named_person_lets_a_rater_through_who_gets_the_work_back() -> None:
    rater, attempt = failed()
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=True, reason="Trained the panel.")
    attempt.refresh_from_db()
    assert attempt.passed is True
    assert attempt.decided_by == owner_of(rater)
    assert attempt.why.startswith("Trained the panel. (Before: Kappa")
    assert fresh(rater).stage == Stage.RATING
    assert len(open_list(rater)) == 4
    assert {row.role for row in open_list(rater)} == {Role.INDEPENDENT}
    assert Amendment.objects.get(study=rater.study).reason == "Trained the panel."
    outcomes = gate_outcomes(rater.study)
    assert outcomes is not None
    assert (outcomes.passed, outcomes.by_decision) == (1, 1)


def test_places_that_went_to_others_meanwhile_stay_theirs() -> None:
    rater, attempt = failed()
    other = rater.study.raters.exclude(pk=rater.pk).get()
    taken = rater.assignments.filter(role=Role.RELEASED)[0]
    last = other.assignments.filter(track=Track.WORK).count()
    Assignment.objects.create(
        item=taken.item,
        rater=other,
        position=last + 50,
        slot=1,
        display_order=taken.display_order,
    )
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=True, reason="A mistake.")
    assert len(open_list(rater)) == 3


def test_a_decision_against_a_pass_has_the_consequences_of_a_fail() -> None:
    rater = first_rater(gated(training=0, attempts=1))
    answer(rater)
    attempt = GateAttempt.objects.get(rater=rater)
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=False, reason="Looked them up.")
    assert fresh(rater).stage == Stage.NOT_QUALIFIED
    assert not open_list(rater)
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=True, reason="Did not.")
    assert fresh(rater).stage == Stage.RATING


def test_an_undecided_attempt_goes_on_by_decision() -> None:
    rater = first_rater(gated(training=1, attempts=2))
    answer(rater)
    answer(rater, always("cannot:cannot_tell"))
    attempt = GateAttempt.objects.get(rater=rater)
    assert attempt.passed is None
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=False, reason="Too few.")
    assert (fresh(rater).stage, fresh(rater).attempt) == (Stage.TRAINING, 1)


def test_letting_through_and_taking_back_leads_to_where_the_rater_was() -> None:
    rater = first_rater(gated(training=2, attempts=2))
    answer(rater)
    answer(rater, unlike_the_panel)
    attempt = GateAttempt.objects.get(rater=rater)
    waiting = [row.pk for row in open_list(rater)]
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=True, reason="Close enough.")
    assert fresh(rater).stage == Stage.RATING
    decide_attempt(attempt=attempt, by=owner_of(rater), passed=False, reason="No, not.")
    assert fresh(rater).stage == Stage.TRAINING
    assert [row.pk for row in open_list(rater)] == waiting


@pytest.mark.parametrize(
    ("reason", "passed", "closed", "error"),
    [
        (" ", True, False, DecisionReasonMissingError),
        ("So.", False, False, WrongStateError),
        ("So.", True, True, WrongStateError),
    ],
)
def test_decisions_need_a_reason_a_change_and_an_open_study(
    reason: str, passed: bool, closed: bool, error: type[Exception]
) -> None:
    rater, attempt = failed()
    if closed:
        close_study(rater.study)
    with pytest.raises(error):
        decide_attempt(attempt=attempt, by=owner_of(rater), passed=passed, reason=reason)


def test_only_the_newest_finished_attempt_can_be_decided() -> None:
    rater, attempt = failed(attempts=2)
    second = GateAttempt.objects.get(rater=rater, number=2)
    with pytest.raises(WrongStateError, match="still under way"):
        decide_attempt(attempt=second, by=owner_of(rater), passed=True, reason="So.")
    answer(rater, unlike_the_panel)
    with pytest.raises(WrongStateError, match="another attempt since"):
        decide_attempt(attempt=attempt, by=owner_of(rater), passed=True, reason="So.")


def test_the_database_keeps_a_finished_attempt_from_being_rewritten() -> None:
    _, attempt = failed()
    with pytest.raises(ProgrammingError), transaction.atomic():
        GateAttempt.objects.filter(pk=attempt.pk).update(passed=True)


def test_who_failed_is_counted_with_the_results() -> None:
    study = gated(training=0, attempts=1, raters=3)
    one, two, _ = study.raters.order_by("pseudonym")
    answer(one)
    answer(two, unlike_the_panel)
    outcomes = gate_outcomes(study)
    assert outcomes is not None
    assert (outcomes.passed, outcomes.failed, outcomes.under_way, outcomes.tried) == (1, 1, 1, 3)
    assert outcomes.sentence == f"1 of 3 raters qualified. {GATING_RAISES_AGREEMENT}"
