"""From training through qualification to the work, by what raters answer."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations.answers import Written
from annotations.models import (
    Assignment,
    Gate,
    GateAttempt,
    Item,
    StudyRater,
)
from annotations.selectors.gates import (
    gate_outcomes,
)
from annotations.services.gates import open_training, save_rules
from annotations.services.ratings import skip_assignment, submit_assignment
from annotations.services.studies import launch_study
from inference.errors import WrongStateError
from tests.annotations.gates.worlds import (
    add_panel,
    answer,
    draft,
    first_rater,
    fresh,
    gated,
    items_of,
    launched,
    like_the_panel,
    open_list,
    team_with_runs,
    unlike_the_panel,
)
from tests.answered_studies import add_part, make_instrument
from tests.factories import make_user

pytestmark = pytest.mark.django_db
Stage, Track, Role = StudyRater.Stage, Assignment.Track, Assignment.Role


def test_raters_begin_with_training_once_the_study_is_launched() -> None:
    study = gated(training=2)
    for rater in study.raters.all():
        assert (rater.stage, rater.attempt) == (Stage.TRAINING, 0)
        rows = rater.assignments.filter(track=Track.TRAINING)
        assert {(row.role, row.attempt, row.slot) for row in rows} == {(Role.TRAINING, 0, None)}
        assert [row.position for row in rows.order_by("position")] == [1, 2]


def test_without_a_gate_raters_begin_with_the_work() -> None:
    team, runs = team_with_runs()
    study = launch_study(draft(team, runs).study)
    assert {rater.stage for rater in study.raters.all()} == {Stage.RATING}
    assert gate_outcomes(study) is None


def test_without_training_raters_begin_with_the_qualification() -> None:
    study = gated(training=0, items=4)
    rater = first_rater(study)
    assert (rater.stage, rater.attempt) == (Stage.GATE, 1)
    assert len(items_of(rater, Track.GATE, 1)) == 4


def test_training_alone_leads_to_the_work() -> None:
    study = gated(training=2, items=0)
    rater = first_rater(study)
    assert answer(rater) == 2
    assert fresh(rater).stage == Stage.RATING
    assert gate_outcomes(study) is None


def test_after_the_last_training_item_the_first_attempt_begins() -> None:
    study = gated()
    rater = first_rater(study)
    answer(rater)
    rater = fresh(rater)
    assert (rater.stage, rater.attempt) == (Stage.GATE, 1)
    assert len(items_of(rater, Track.GATE, 1)) == 4
    assert GateAttempt.objects.get(rater=rater).finished_at is None


def test_whoever_answers_like_the_panel_passes_and_rates() -> None:
    study = gated(training=1)
    rater = first_rater(study)
    answer(rater)
    answer(rater)
    attempt = GateAttempt.objects.get(rater=rater)
    assert (attempt.passed, attempt.kappa, attempt.agreement, attempt.answers) == (True, 1, 1, 4)
    assert attempt.why == "Kappa 1.00 is above 0.40."
    assert fresh(rater).stage == Stage.RATING
    assert {row.track for row in open_list(rater)} == {Track.WORK}


def test_training_answers_never_decide() -> None:
    study = gated(training=2)
    rater = first_rater(study)
    answer(rater, unlike_the_panel)
    answer(rater, like_the_panel)
    assert fresh(rater).stage == Stage.RATING


def test_a_failed_attempt_leads_to_the_training_again_and_then_to_fresh_items() -> None:
    study = gated(training=2, attempts=2)
    rater = first_rater(study)
    answer(rater)
    answer(rater, unlike_the_panel)
    rater = fresh(rater)
    assert (rater.stage, rater.attempt) == (Stage.TRAINING, 1)
    assert not set(items_of(rater, Track.TRAINING, 0)) & set(items_of(rater, Track.TRAINING, 1))
    answer(rater)
    rater = fresh(rater)
    assert (rater.stage, rater.attempt) == (Stage.GATE, 2)
    assert not set(items_of(rater, Track.GATE, 1)) & set(items_of(rater, Track.GATE, 2))
    answer(rater)
    assert fresh(rater).stage == Stage.RATING
    assert [a.passed for a in GateAttempt.objects.filter(rater=rater)] == [False, True]


def test_where_there_is_no_fresh_training_item_the_same_come_again() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs)
    add_panel(part, [3, 8], pool=Item.Pool.TRAINING)
    add_panel(part, [2, 9, 5, 7], skip=2)
    rater = first_rater(launched(part, training_items=2, items=2, attempts=2))
    answer(rater)
    answer(rater, unlike_the_panel)
    assert items_of(rater, Track.TRAINING, 1) == items_of(rater, Track.TRAINING, 0)
    assert not any(row.saved_at for row in open_list(rater)), "with nothing filled in"


def test_without_training_the_next_attempt_follows_at_once() -> None:
    study = gated(training=0, attempts=2)
    rater = first_rater(study)
    answer(rater, unlike_the_panel)
    assert (fresh(rater).stage, fresh(rater).attempt) == (Stage.GATE, 2)


def test_after_the_last_attempt_a_rater_does_not_qualify_and_the_work_is_free_for_others() -> None:
    study = gated(training=0, attempts=1)
    rater, other = study.raters.order_by("pseudonym")
    own = rater.assignments.filter(track=Track.WORK)
    assert own.count() == 4
    answer(rater, unlike_the_panel)
    assert fresh(rater).stage == Stage.NOT_QUALIFIED
    assert {(row.role, row.slot) for row in own.all()} == {(Role.RELEASED, None)}
    assert {r.role for r in other.assignments.filter(track=Track.WORK)} == {Role.INDEPENDENT}
    assert not open_list(rater)


def test_a_skipped_item_ends_the_list_too_and_counts_as_unanswered() -> None:
    study = gated(training=1, items=4)
    rater = first_rater(study)
    skip_assignment(open_list(rater)[0])
    assert fresh(rater).stage == Stage.GATE
    rows = open_list(rater)
    for row in rows[:-1]:
        skip_assignment(row)
    answer(rater)
    attempt = GateAttempt.objects.get(rater=rater)
    assert attempt.passed is None
    assert attempt.by_criterion["empathy"]["unanswered"] == 3


def test_submitting_again_changes_no_finished_attempt() -> None:
    study = gated(training=0, attempts=2)
    rater = first_rater(study)
    first = open_list(rater)[0]
    answer(rater)
    kept = GateAttempt.objects.get(rater=rater)
    with pytest.raises(WrongStateError):
        submit_assignment(first, [Written("empathy", "1", 99)])
    assert GateAttempt.objects.get(rater=rater).finished_at == kept.finished_at


def test_each_part_has_its_own_gate_and_only_the_failed_one_is_asked_again() -> None:
    team, runs = team_with_runs(dialogues=12)
    one = draft(team, runs, raters=1)
    two = add_part(one.study, "absolute", make_instrument("second", ("warmth",)))
    for part, skip in ((one, 0), (two, 12)):
        add_panel(part, [2, 9, 5, 7] * 3, skip=skip)
        save_rules(part=part, items=4, attempts=2)
    study = launched(one, items=4, attempts=2)
    rater = first_rater(study)
    answer(rater, lambda r: like_the_panel(r) if r.item.part_id == one.pk else unlike_the_panel(r))
    assert (fresh(rater).stage, fresh(rater).attempt) == (Stage.GATE, 2)
    assert {row.item.part_id for row in open_list(rater)} == {two.pk}
    answer(rater)
    assert fresh(rater).stage == Stage.RATING


def test_raters_who_come_later_are_trained_and_qualified_too() -> None:
    study = gated(training=1)
    late = StudyRater.objects.create(
        study=study, user=make_user("late@example.org"), pseudonym="R09"
    )
    open_training(study, [late])
    assert fresh(late).stage == Stage.TRAINING
    assert len(items_of(late, Track.TRAINING, 0)) == 1


def test_opening_training_asks_as_many_queries_for_forty_raters_as_for_four() -> None:
    counts = []
    for raters in (4, 40):
        team, runs = team_with_runs(name=f"Lab{raters}")
        part = draft(team, runs, raters=raters, instrument=make_instrument(f"i{raters}"))
        add_panel(part, [3, 8], pool=Item.Pool.TRAINING)
        Gate.objects.create(part=part, training_items=2)
        people = list(part.study.raters.all())
        with CaptureQueriesContext(
            connection,
        ) as captured:
            open_training(part.study, people)
        counts.append(len(captured))
    assert counts[0] == counts[1]
