"""Who joins late trains and qualifies as the others do, in one order of the criteria throughout."""

from __future__ import annotations

import pytest

from annotations.models import Assignment, Item, Study, StudyRater
from annotations.services.invitations import accept_invitation, create_invitations
from annotations.services.reassignment import let_back_in, withdraw_rater
from tests.annotations.gates.worlds import add_panel, draft, launched, team_with_runs
from tests.answered_studies import make_instrument
from tests.factories import make_user

pytestmark = pytest.mark.django_db
Track, Stage = Assignment.Track, StudyRater.Stage


@pytest.fixture
def gated() -> Study:
    team, runs = team_with_runs()
    criteria = ("empathy", "safety", "fairness")
    part = draft(team, runs, instrument=make_instrument(criteria=criteria), limit=6)
    Study.objects.filter(pk=part.study_id).update(rotate_criteria=True)
    part.study.refresh_from_db()
    add_panel(part, [7, 3], pool=Item.Pool.TRAINING, skip=12)
    add_panel(part, [7, 3, 9, 1], skip=16)
    return launched(part, training_items=2, items=2, attempts=2)


def join(study: Study) -> StudyRater:
    (link,) = create_invitations(study=study, by=None, unnamed=1)
    return accept_invitation(invitation=link.invitation, user=make_user("late@example.org"))


def test_a_late_joiner_begins_with_training_and_has_work_behind_it(gated: Study) -> None:
    late = join(gated)
    late.refresh_from_db()
    assert (late.stage, late.attempt) == (Stage.TRAINING, 0)
    assert late.assignments.filter(track=Track.TRAINING).count() == 2
    assert late.assignments.filter(track=Track.WORK, role="independent").count() >= 2


def test_criteria_keep_their_order_from_training_to_the_work(gated: Study) -> None:
    join(gated)
    for rater in gated.raters.all():
        orders = {tuple(row.criteria_order) for row in rater.assignments.all()}
        assert len(orders) == 1
        assert sorted(orders.pop()) == ["empathy", "fairness", "safety"]


def test_who_comes_back_before_qualifying_goes_on_training(gated: Study) -> None:
    rater = gated.raters.get(pseudonym="R01")
    withdraw_rater(rater=rater, by=None, reason="Ill.")
    let_back_in(rater=rater, by=None, reason="Well again.")
    rater.refresh_from_db()
    assert rater.stage == Stage.TRAINING
