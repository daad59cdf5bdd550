"""Panel items among the work, and agreement with the panel there."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations.models import (
    Assignment,
    StudyRater,
)
from annotations.selectors.gates import (
    panel_agreement,
)
from tests.annotations.gates.worlds import (
    Answering,
    add_panel,
    always,
    answer,
    draft,
    items_of,
    launched,
    like_the_panel,
    team_with_runs,
    unlike_the_panel,
)

pytestmark = pytest.mark.django_db
Stage, Track, Role = StudyRater.Stage, Assignment.Track, Assignment.Role


def test_hidden_items_come_among_the_work_and_are_never_those_of_the_qualification() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, limit=10, raters=2)
    add_panel(part, [2, 9, 5, 7] * 4)
    study = launched(part, items=4, attempts=2, hidden_share=0.2)
    for rater in study.raters.all():
        hidden = rater.assignments.filter(role=Role.REFERENCE)
        assert hidden.count() == 2
        assert {row.track for row in hidden} == {Track.WORK}
        both = set(items_of(rater, Track.GATE, 1)) & set(hidden.values_list("item", flat=True))
        assert not both


def test_agreement_on_hidden_items_is_given_per_rater() -> None:
    team, runs = team_with_runs(dialogues=12)
    part = draft(team, runs, limit=10, raters=2)
    add_panel(part, [2, 9, 5, 7] * 3)
    study = launched(part, hidden_share=0.5)
    rater, other = study.raters.order_by("pseudonym")
    assert panel_agreement(study) == {}
    answer_work(rater, unlike_the_panel)
    found = panel_agreement(study)
    assert set(found) == {rater.pk}
    assert (found[rater.pk].n, found[rater.pk].agreement) == (5, 0)
    kappa = found[rater.pk].kappa
    assert kappa is not None
    assert kappa < 0
    answer_work(other, like_the_panel)
    with CaptureQueriesContext(connection) as captured:
        found = panel_agreement(study)
    assert found[other.pk].kappa == 1
    assert len(captured) <= 9


def answer_work(rater: StudyRater, how: Answering) -> None:
    def both(row: Assignment) -> dict[str, str]:
        panel = row.role == Role.REFERENCE
        return how(row) if panel else always("4")(row)

    answer(rater, both)
