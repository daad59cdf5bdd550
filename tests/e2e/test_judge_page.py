"""The pages of a judge in a browser, wide and narrow: how far it is, what it said."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from annotations.models import Study
from annotations.services.analyses import request_analysis, run_analysis
from annotations.services.judge_work import run_judging
from mood_eval.models import User
from tests.annotations.judges.judged_studies import (
    absolute_study,
    by_schema,
    endpoint_judge,
    pairwise_study,
    start,
)
from tests.answered_studies import score
from tests.chat_server import ChatServer
from tests.e2e.conftest import SignIn
from tests.e2e.test_import_page import looked_over
from tests.factories import make_team, make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def researcher() -> User:
    return make_user()


@pytest.fixture
def judged(researcher: User, settings: Settings) -> Study:
    """Two judges, one of which sees the response alone; neither says a word about safety."""
    answer = by_schema(lambda slug, values: 99 if slug == "safety" else values[-1])
    team = make_team(owner=researcher)
    with ChatServer(answer=answer) as server:
        settings.ENDPOINT_URLS = [server.url]
        study = absolute_study(team)
        judge = endpoint_judge(team, server.url, "gpt-x-2026-05")
        for evidence in ("context", "as_published"):
            run_judging(start(study, judge, evidence=evidence).pk)
        pairs = pairwise_study(team, dialogues=1, name="Pairs", corpus="Other corpus")
        run_judging(start(pairs, judge, repeats=2, temperature=0.5).pk)
    for number, item in enumerate(study.parts.get().items.all()):
        for slot, rater in enumerate(study.raters.filter(kind="person"), start=1):
            said = {"empathy": 3 + number, "safety": 4 + slot, "advice": slot % 2}
            score(item, rater, said, slot=slot)
    run_analysis(request_analysis(study).pk)
    return study


def test_judges_are_looked_at(judged: Study, sign_in: SignIn, server_url: str) -> None:
    page = sign_in(judged.team.memberships.get().user)
    page.goto(f"{server_url}/studies/{judged.pk}/")
    page.get_by_role("link", name="LLM judges").click()
    expect(page.get_by_role("heading", name="Set a judge to work")).to_be_visible()
    looked_over(page, "judges")
    page.get_by_role("link", name="J02").click()
    expect(page.get_by_text("the judge saw the response alone").first).to_be_visible()
    page.get_by_text("Prompt as sent").click()
    page.get_by_text("Raw answer").first.click()
    looked_over(page, "judge-detail")
    page.get_by_role("link", name="Not read in part").click()
    expect(page.get_by_text(re.compile("Safety: not read")).first).to_be_visible()
    page.goto(f"{server_url}/studies/{judged.pk}/results/judges/")
    looked_over(page, "judges-beside-people")
    pairs = Study.objects.get(name="Pairs")
    page.goto(f"{server_url}/studies/{pairs.pk}/judges/{pairs.judge_runs.get().pk}/")
    looked_over(page, "judge-of-pairs")
