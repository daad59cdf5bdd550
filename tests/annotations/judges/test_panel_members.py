"""Judges beside people: one that was stopped takes no figure away from those that are done, and
what is drawn lies on the scale of its lines."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotations.analysis.judges import judges_section
from annotations.figures.specs import BlandAltman
from annotations.models import JudgeRun, Rating, Study
from annotations.selectors.analyses import analysis_settings
from annotations.selectors.data_version import data_state
from annotations.selectors.study_data import part_data
from annotations.services.analyses import request_analysis, run_analysis
from annotations.services.judge_work import run_judging
from inference.models import JobState
from mood_eval.models import Team, User
from tests.annotations.judges.judged_studies import absolute_study, always, endpoint_judge, start
from tests.answered_studies import (
    add_criterion,
    add_item,
    add_part,
    make_instrument,
    make_study,
    score,
)
from tests.chat_server import ChatServer
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(team: Team, server: ChatServer) -> Study:
    """Six items that two people and two judges rated; a third judge has rated nothing."""
    study = absolute_study(team)
    one, two = study.raters.order_by("pseudonym")
    for number, item in enumerate(study.parts.get().items.order_by("pk")):
        score(item, one, {"empathy": 2 + number, "safety": 5}, slot=1)
        score(item, two, {"empathy": 3 + number, "safety": 5}, slot=2)
    for number in range(2):
        judged_by(study, team, server, f"judge {number}")
    start(study, endpoint_judge(team, server.url, "idle", model="idle"))
    return study


def judged_by(study: Study, team: Team, server: ChatServer, name: str) -> JudgeRun:
    scores = iter([3, 4, 5, 6, 7, 8])
    server.answer = lambda asked: always(next(scores))(asked)
    run = start(study, endpoint_judge(team, server.url, name, model=name, at_once=1))
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.DONE
    return run


def empathy(study: Study) -> tuple[dict[str, Any], dict[str, Any]]:
    results = judges_section(part_data(study.parts.get()), analysis_settings(study)).results
    return results, next(found for found in results["criteria"] if found["slug"] == "empathy")


def test_a_judge_without_an_answer_leaves_the_panel_as_it_is(study: Study) -> None:
    results, found = empathy(study)
    assert {row["judge"] for row in found["table"]} == {
        "J01",
        "J02",
        "Panel of 2 of 3 judges",
        "2 of 3 judges",
    }
    panel = [row for row in found["table"] if row["judge"] == "Panel of 2 of 3 judges"]
    assert all(row["estimate"]["n_items"] == 6 for row in panel)
    assert found["left_out"].startswith("1 of 3 judges is left out of the panel")
    assert [judge["name"] for judge in results["judges"]] == ["J01", "J02"]


def test_one_that_was_stopped_stands_for_itself_alone(study: Study) -> None:
    before = data_state(study).version
    JudgeRun.objects.filter(rater__pseudonym="J02").update(state=JobState.CANCELLED)
    _, found = empathy(study)
    assert {row["judge"] for row in found["table"]} == {"J01", "J02"}
    assert found["left_out"].startswith("2 of 3 judges are left out of the panel")
    assert data_state(study).version != before


def test_all_that_are_done_are_the_panel(study: Study) -> None:
    study.raters.get(pseudonym="J03").delete()
    _, found = empathy(study)
    assert {"Panel of 2 judges", "2 judges"} <= {row["judge"] for row in found["table"]}
    assert found["left_out"] == ""


def test_the_page_says_how_many_are_left_out(study: Study, ada: User, client: Client) -> None:
    run_analysis(request_analysis(study).pk)
    client.force_login(ada)
    shown = client.get(reverse("results_judges", args=[study.pk])).content.decode()
    assert "Panel of 2 of 3 judges" in shown
    assert "1 of 3 judges is left out of the panel" in shown


def test_a_judge_that_has_answered_nothing_is_no_row(
    team: Team, server: ChatServer, ada: User, client: Client
) -> None:
    study = absolute_study(team)
    for item in study.parts.get().items.all():
        score(item, study.raters.order_by("pseudonym")[0], {"empathy": 4}, slot=1)
    start(study, endpoint_judge(team, server.url))
    results, found = empathy(study)
    assert (results["judges"], found["table"], found["left_out"]) == ([], [], "")
    run_analysis(request_analysis(study).pk)
    client.force_login(ada)
    shown = client.get(reverse("results_judges", args=[study.pk])).content.decode()
    assert "No judge has answered this yet." in shown


def test_points_lie_where_their_lines_are_when_options_have_gaps(
    team: Team, server: ChatServer
) -> None:
    run = make_run_with_responses(team, make_corpus_with_dialogues(team, 2), "kind")
    study, instrument = make_study(team, [run]), make_instrument(criteria=())
    severity = [{"value": value, "label": str(value)} for value in (0, 10, 50)]
    add_criterion(instrument, "severity", kind="choice", level="ordinal", options=severity)
    part = add_part(study, "absolute", instrument)
    for response in run.responses.order_by("pk"):
        add_item(part, response.stimulus, [response])
    said, judged = [0, 10, 50, 0, 10, 50], iter([0, 50, 50, 0, 10, 10])
    person = study.raters.order_by("pseudonym")[0]
    for value, item in zip(said, part.items.order_by("pk"), strict=True):
        score(item, person, {"severity": value}, slot=1)
    judge = start(study, endpoint_judge(team, server.url)).rater
    for value, given in zip(judged, judge.assignments.order_by("item_id"), strict=True):
        criterion = instrument.criteria.get(slug="severity")
        candidate = given.item.candidates.get()
        Rating.objects.create(
            assignment=given, candidate=candidate, criterion=criterion, score=value
        )
    judge.assignments.update(state="submitted", submitted_at=timezone.now())
    figures = judges_section(part_data(part), analysis_settings(study)).figures
    (drawn,) = (spec for spec in figures.values() if isinstance(spec, BlandAltman))
    assert [point[1] for point in drawn.points] == [0, 1, 0, 0, 0, -1]
    assert drawn.bias.value == 0
