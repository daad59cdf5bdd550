"""The demonstration's second study: answered by script, and told as such."""

from __future__ import annotations

from random import Random

import pytest

from annotations.models import Assignment, Preference, Rating, Study, StudyAnalysis
from annotations.services.demo_answers import (
    NAME,
    SEED,
    answer_everything,
    scripted_study,
)
from annotations.services.ratings import missing_answers
from mood_eval.models import Team, User
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(team: Team, ada: User) -> Study:
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    return scripted_study(team, runs, ada)


def test_everything_is_answered_and_the_study_closed(study: Study) -> None:
    assert study.state == Study.State.CLOSED
    assert "Scripted" in study.name
    assert study.name == NAME
    assignments = Assignment.objects.filter(rater__study=study)
    assert {a.state for a in assignments} == {Assignment.State.SUBMITTED}
    assert not any(missing_answers(assignment) for assignment in assignments)
    assert Rating.objects.exists()
    assert Preference.objects.exists()
    assert StudyAnalysis.objects.get().study == study


def test_the_script_gives_the_same_answers_every_time(study: Study) -> None:
    def given() -> list[int | None]:
        rows = Rating.objects.order_by(
            "assignment__rater__pseudonym", "assignment__position", "criterion__position"
        )
        return list(rows.values_list("score", flat=True))

    first = given()
    Rating.objects.all().delete()
    Preference.objects.all().delete()
    answer_everything(study, Random(SEED))
    assert given() == first


def test_nobody_can_sign_in_as_a_script(study: Study) -> None:
    for rater in study.raters.select_related("user"):
        assert not rater.user.has_usable_password()
