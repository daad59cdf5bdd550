"""Whatever counts people counts no judge: progress, places, completion, disputes, lists."""

from __future__ import annotations

import pytest
from django.test import Client

from annotations.models import Assignment, Dispute, Study, StudyRater
from annotations.selectors.data_version import data_state
from annotations.selectors.disputes import is_answered_by_all
from annotations.selectors.progress import study_progress
from annotations.selectors.progress_items import item_page
from annotations.selectors.rater_lists import rater_lines
from annotations.selectors.studies import studies_of, study_counts
from annotations.selectors.study_data import part_data
from annotations.selectors.webhooks import has_completed
from annotations.selectors.work import active_raters, open_slots
from annotations.services.disputes import look_at
from annotations.services.judge_work import run_judging
from annotations.services.raters import add_raters
from annotations.services.reassignment import share_work
from annotations.services.studies import close_study
from mood_eval.models import Team, User
from tests.annotations.judges.judged_studies import absolute_study, endpoint_judge, start
from tests.answered_studies import assign, score
from tests.chat_server import ChatServer

pytestmark = pytest.mark.django_db
ALL = {"empathy": 3, "safety": 3, "advice": 1}


@pytest.fixture
def judged(team: Team, server: ChatServer) -> Study:
    """Three items for two people each, whom nobody has answered; a judge has rated all."""
    study = absolute_study(team, dialogues=1)
    run_judging(start(study, endpoint_judge(team, server.url)).pk)
    study.refresh_from_db()
    return study


def test_progress_counts_people_alone(judged: Study, ada: User) -> None:
    progress = study_progress(judged)
    assert (progress.places, progress.held, progress.submitted) == (6, 0, 0)
    assert progress.items == {0: 3}
    assert [rater.pseudonym for rater in progress.raters] == ["R1", "R2"]
    page = item_page(judged, "all", 1)
    assert {(item.answers, item.held) for item in page.items} == {(0, 0)}
    assert item_page(judged, "incomplete", 1).total == 3
    counts = study_counts(judged)
    assert (counts.assignments, counts.submitted) == (0, 0)
    listed = vars(studies_of(ada).get())
    assert (listed["rater_count"], listed["total"], listed["submitted"]) == (2, None, None)
    state = data_state(judged)
    assert (state.assignments, state.submitted) == (0, 0)


def test_every_place_of_people_is_still_free(judged: Study) -> None:
    assert len(open_slots(judged)) == 6
    assert {place.slot for place in open_slots(judged)} == {1, 2}
    share_work(judged, list(active_raters(judged)))
    people = Assignment.objects.filter(rater__kind="person")
    assert sorted(row.slot or 0 for row in people) == [1, 1, 1, 2, 2, 2]
    assert not open_slots(judged)


def test_a_study_is_complete_when_people_have_answered(judged: Study) -> None:
    items = judged.parts.get().items.all()
    one, two = judged.raters.filter(kind="person").order_by("pseudonym")
    for item in items:
        score(item, one, ALL, slot=1)
    assert not has_completed(judged)
    for item in items:
        score(item, two, ALL, slot=2)
    assert has_completed(judged)


def test_a_judge_that_is_not_done_keeps_no_study_from_being_complete(
    team: Team, server: ChatServer
) -> None:
    study = absolute_study(team, dialogues=1, raters=1)
    Study.objects.filter(pk=study.pk).update(overlap=1)
    study.refresh_from_db()
    start(study, endpoint_judge(team, server.url))
    rater = study.raters.get(kind="person")
    for item in study.parts.get().items.all():
        score(item, rater, ALL, slot=1)
    assert has_completed(study)


def test_a_judge_neither_makes_nor_settles_a_dispute(judged: Study) -> None:
    part = judged.parts.get()
    part.resolution, part.dispute_range = "more_raters", 2
    part.save()
    item = part.items.order_by("pk")[0]
    one, two = judged.raters.filter(kind="person").order_by("pseudonym")
    score(item, one, ALL, slot=1)
    assert not is_answered_by_all(item, judged.overlap)
    look_at(item)
    assert not Dispute.objects.exists()
    score(item, two, ALL, slot=2)
    look_at(item)
    assert not Dispute.objects.exists(), "the judge said 7, people 3 and 3"


def test_no_list_of_raters_has_a_judge(judged: Study, ada: User, client: Client) -> None:
    assert all("J01" not in map(str, line) for line in rater_lines(judged, emails=True))
    client.force_login(ada)
    judge = judged.raters.get(kind="llm")
    for page in ("raters/", "progress/", "consents/", "raters/list.csv?emails=1"):
        content = client.get(f"/studies/{judged.pk}/{page}").content.decode()
        assert "J01" not in content, page
        assert ".invalid" not in content, page
    for act in ("", "withdraw/", "release/", "extend/"):
        found = client.get(f"/studies/{judged.pk}/raters/{judge.pk}/{act}")
        assert found.status_code == 404
    assert client.post(f"/studies/{judged.pk}/raters/{judge.pk}/withdraw/").status_code == 404
    assert StudyRater.objects.filter(pk=judge.pk, withdrawn_at=None).exists()
    listed = client.get(f"/api/v1/studies/{judged.pk}/raters/?emails=true")
    assert "J01" not in listed.content.decode()


def test_pseudonyms_of_people_know_no_judge(judged: Study) -> None:
    (new,) = add_raters(judged, ["new@example.org"])
    assert new.pseudonym == "R03"


def test_figures_have_judges_apart(judged: Study) -> None:
    data = part_data(judged.parts.get())
    assert data.raters == ()
    (judges,) = data.judges
    assert judges.raters == ("J01",)
    assert judges.submitted.all()
    assert data.beside.judged["J01"].model == "judge"


def test_figures_of_a_closed_study_know_that_a_judge_went_on(
    team: Team, server: ChatServer
) -> None:
    study = absolute_study(team, dialogues=1)
    for item in study.parts.get().items.all():
        assign(item, study.raters.order_by("pseudonym")[0], slot=1)
    run = start(study, endpoint_judge(team, server.url))
    study = close_study(study)
    before = data_state(study).version
    run_judging(run.pk)
    assert data_state(study).version != before
