"""What an attempt comes to: kappa, its interval, and what counts apart."""

from __future__ import annotations

import pytest

from annotations.models import (
    Assignment,
    GateAttempt,
    ReferenceAnswer,
    StudyRater,
)
from annotations.selectors.gates import (
    gate_outcomes,
)
from inference.models import Response
from tests.annotations.gates.worlds import (
    add_panel,
    always,
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
from tests.answered_studies import make_instrument

pytestmark = pytest.mark.django_db
Stage, Track, Role = StudyRater.Stage, Assignment.Track, Assignment.Role


def test_kappa_is_weighted_where_answers_have_an_order_and_the_rules_say_so() -> None:
    def near_misses(statistic: str) -> GateAttempt:
        team, runs = team_with_runs(name=statistic)
        part = draft(team, runs, name=statistic, instrument=make_instrument(statistic))
        add_panel(part, [2, 9, 5, 7] * 4)
        study = launched(part, items=8, attempts=2, statistic=statistic)
        rater = first_rater(study)
        answer(rater, lambda row: {k: str(int(v) + 1) for k, v in like_the_panel(row).items()})
        return GateAttempt.objects.get(rater=rater, number=1)

    weighted, unweighted = near_misses("weighted"), near_misses("unweighted")
    assert weighted.kappa is not None
    assert unweighted.kappa is not None
    assert weighted.kappa > 0.8
    assert unweighted.kappa < 0.1
    assert (weighted.passed, unweighted.passed) == (True, False)
    assert weighted.agreement == 0


def test_the_attempt_keeps_its_interval_and_each_criterion() -> None:
    study = gated(training=0, items=8, attempts=1)
    rater = first_rater(study)
    rows = open_list(rater)
    wrong = {row.pk for row in rows[:2]}
    answer(rater, lambda row: unlike_the_panel(row) if row.pk in wrong else like_the_panel(row))
    attempt = GateAttempt.objects.get(rater=rater)
    assert attempt.low is not None
    assert attempt.high is not None
    assert attempt.kappa is not None
    assert attempt.low < attempt.kappa < attempt.high
    assert attempt.by_criterion["empathy"]["n"] == 8
    assert attempt.by_criterion["empathy"]["kappa"] == pytest.approx(attempt.kappa)


def test_cannot_rate_is_neither_agreement_nor_disagreement() -> None:
    study = gated(training=0, items=8, attempts=1)
    rater = first_rater(study)
    some = {row.pk for row in open_list(rater)[:3]}
    reason = always("cannot:cannot_tell")
    answer(rater, lambda row: reason(row) if row.pk in some else like_the_panel(row))
    attempt = GateAttempt.objects.get(rater=rater)
    assert (attempt.answers, attempt.agreement, attempt.kappa) == (5, 1, 1)
    assert attempt.by_criterion["empathy"]["cannot"] == 3


def test_with_too_few_answers_a_person_has_to_decide() -> None:
    study = gated(training=0, items=8, attempts=1)
    rater = first_rater(study)
    few = {row.pk for row in open_list(rater)[:3]}
    reason = always("cannot:outside_competence")
    answer(rater, lambda row: like_the_panel(row) if row.pk in few else reason(row))
    attempt = GateAttempt.objects.get(rater=rater)
    assert attempt.passed is None
    assert "Only 3 of the 8 answers" in attempt.why
    assert fresh(rater).stage == Stage.GATE
    outcomes = gate_outcomes(study)
    assert outcomes is not None
    assert (outcomes.waiting, outcomes.failed) == (1, 0)


def test_where_kappa_is_undefined_a_person_has_to_decide() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs)
    add_panel(part, [5, 5, 5, 5, 5, 5, 5, 9])
    study = launched(part, items=2, attempts=2)
    rater = first_rater(study)
    drawn = items_of(rater, Track.GATE, 1)
    ReferenceAnswer.objects.filter(item__in=drawn).update(score=5)  # if the lot fell on the 9
    answer(rater, always("5"))
    attempt = GateAttempt.objects.get(rater=rater, number=1)
    assert (attempt.passed, attempt.kappa) == (None, None)
    assert attempt.why.startswith("Kappa is undefined: every rating is the same")
    assert attempt.agreement == 1


def test_the_sides_of_qualification_items_are_counterbalanced() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, "pairwise", raters=4)
    add_panel(part, [-2, 2, 1, -1, 0, 2] * 5)
    study = launched(part, items=6, attempts=2)
    first = [
        Assignment.objects.get(pk=row.pk).display_order[0]
        for rater in study.raters.all()
        for row in rater.assignments.filter(track=Track.GATE)
    ]
    by_run = [Response.objects.get(pk=pk).run_id for pk in first]
    assert by_run.count(runs[0].pk) == by_run.count(runs[1].pk) == 12


@pytest.mark.parametrize(
    ("design", "panel"),
    [("pairwise", [-2, 2, 1, -1, 0, 2]), ("best_of_n", [0, 1, 2])],
)
def test_choices_are_compared_by_what_was_chosen_not_by_where_it_stood(
    design: str, panel: list[int]
) -> None:
    team, runs = team_with_runs(3 if design == "best_of_n" else 2, dialogues=12)
    part = draft(team, runs, design, raters=1)
    add_panel(part, panel * 4)
    study = launched(part, items=12, attempts=1)
    rater = first_rater(study)
    answer(rater, choose_like_the_panel)
    attempt = GateAttempt.objects.get(rater=rater)
    assert (attempt.passed, attempt.kappa, attempt.agreement) == (True, 1, 1)


def choose_like_the_panel(row: Assignment) -> dict[str, str]:
    said = ReferenceAnswer.objects.select_related("preferred").get(item=row.item)
    if said.preferred is None:
        return {"empathy": "tie"}
    letter = "abc"[row.display_order.index(said.preferred.response_id)]
    strength = said.strength if row.item.part.design == "pairwise" else ""
    return {"empathy": f"{letter}{strength}"}
