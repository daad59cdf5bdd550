"""The pages of judges: started, watched, stopped, read, and compared with people."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from annotations.models import JudgeRun, Study
from annotations.services.analyses import request_analysis, run_analysis
from annotations.services.judge_work import run_judging
from annotations.services.judging import cancel_judging
from inference.models import JobState
from mood_eval.models import Membership, Team, User
from tests.annotations.judges.judged_studies import (
    absolute_study,
    by_schema,
    endpoint_judge,
    pairwise_study,
    start,
)
from tests.answered_studies import score
from tests.chat_server import ChatServer
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
CHOSEN = {
    "evidence": "context",
    "repeats": "1",
    "temperature": "0",
    "max_tokens": "500",
    "seed": "0",
}


@pytest.fixture
def study(team: Team) -> Study:
    return absolute_study(team, dialogues=1)


@pytest.fixture
def page(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def text_of(client: Client, name: str, *args: int, **query: str) -> str:
    return client.get(reverse(name, args=args), query).content.decode()


def test_a_judge_is_started_on_its_page_and_seen_on_it(
    page: Client, study: Study, team: Team, server: ChatServer
) -> None:
    judge = endpoint_judge(team, server.url)
    before = text_of(page, "judge_list", study.pk)
    assert f"Each question is sent to {server.url}" in before
    assert "that is 3 questions" in before
    sent = page.post(reverse("judge_list", args=[study.pk]), {**CHOSEN, "judge": judge.pk})
    run = JudgeRun.objects.get()
    assert sent.headers["Location"] == reverse("judge_detail", args=[study.pk, run.pk])
    waiting = text_of(page, "judge_detail", study.pk, run.pk)
    assert "Waiting for a worker" in waiting
    assert "hx-get" in waiting
    run_judging(run.pk)
    shown = text_of(page, "judge_detail", study.pk, run.pk)
    assert "3</strong> of 3 questions" in shown
    assert "How much empathy is there?" in shown, "the prompt as sent"
    assert "&quot;rationale&quot;: &quot;Because.&quot;" in shown, "the raw answer"
    assert "hx-get" not in shown
    assert "J01" in text_of(page, "judge_list", study.pk)
    assert "3 of 3" in text_of(page, "judge_list", study.pk)


def test_a_refusal_keeps_the_form(page: Client, study: Study, team: Team) -> None:
    judge = endpoint_judge(team, "http://nowhere/v1")
    sent = page.post(
        reverse("judge_list", args=[study.pk]), {**CHOSEN, "judge": judge.pk, "repeats": "3"}
    )
    assert sent.status_code == 422
    assert "ENDPOINT_URLS" in sent.content.decode()
    assert 'name="repeats" value="3"' in sent.content.decode()
    assert not JudgeRun.objects.exists()


def test_who_may_see_and_act(client: Client, study: Study, team: Team, server: ChatServer) -> None:
    run = start(study, endpoint_judge(team, server.url))
    member, stranger, rater = make_user("max@x.org"), make_user("sam@x.org"), make_user("rui@x.org")
    Membership.objects.create(team=team, user=member)
    make_team("Another lab", owner=stranger)
    places = [("judge_list", (study.pk,)), ("judge_detail", (study.pk, run.pk))]
    for user, status in ((member, 200), (stranger, 404), (rater, 404)):
        client.force_login(user)
        for name, args in places:
            assert client.get(reverse(name, args=args)).status_code == status, (user, name)
    for act in ("judge_cancel", "judge_resume"):
        client.force_login(stranger)
        assert client.post(reverse(act, args=[study.pk, run.pk])).status_code == 404
    run.refresh_from_db()
    assert run.state == JobState.QUEUED
    other = absolute_other(team)
    client.force_login(member)
    assert client.get(reverse("judge_detail", args=[other.pk, run.pk])).status_code == 404
    client.logout()
    assert client.get(reverse("judge_list", args=[study.pk])).status_code == 302


def absolute_other(team: Team) -> Study:
    return Study.objects.create(
        team=team, name="Other", template="t", state="open", seed=1, consent_text="I do."
    )


def test_a_member_who_still_rates_sees_nothing_of_judges(
    client: Client, study: Study, team: Team, server: ChatServer
) -> None:
    run = start(study, endpoint_judge(team, server.url))
    run_judging(run.pk)
    insider = study.raters.filter(kind="person")[0].user
    Membership.objects.create(team=team, user=insider)
    client.force_login(insider)
    for name, args in (("judge_list", (study.pk,)), ("judge_detail", (study.pk, run.pk))):
        assert "Because." not in text_of(client, name, *args)
        assert "J01" not in text_of(client, name, *args)


def test_it_is_cancelled_and_resumed_with_more_budget(
    page: Client, study: Study, team: Team, server: ChatServer
) -> None:
    judge = endpoint_judge(team, server.url, at_once=1, answer_price=Decimal(1_000_000))
    run = start(study, judge, budget=Decimal(1))
    page.post(reverse("judge_cancel", args=[study.pk, run.pk]))
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    page.post(reverse("judge_resume", args=[study.pk, run.pk]))
    run_judging(run.pk)
    stopped = text_of(page, "judge_detail", study.pk, run.pk)
    assert "the budget is 1.00 USD" in stopped
    assert "Budget from now on" in stopped
    acts = reverse("judge_resume", args=[study.pk, run.pk])
    said = page.post(acts, {"budget": "1"}, follow=True).content.decode()
    assert "Give it a larger budget" in said
    said = page.post(acts, {"budget": "much"}, follow=True).content.decode()
    assert "Budget: " in said
    page.post(acts, {"budget": "500"})
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.budget) == (JobState.DONE, Decimal(500))


def test_what_was_not_read_is_listed(
    page: Client, study: Study, team: Team, server: ChatServer
) -> None:
    server.answer = by_schema(lambda slug, values: 99 if slug == "safety" else values[0])
    run = start(study, endpoint_judge(team, server.url))
    run_judging(run.pk)
    shown = text_of(page, "judge_detail", study.pk, run.pk, only="unread")
    assert shown.count("<strong>Safety</strong>: not read") == 3
    failed = text_of(page, "judge_detail", study.pk, run.pk, only="failed")
    assert "There are none of these" in failed


def test_people_and_judge_are_compared_and_the_difference_of_evidence_is_printed(
    page: Client, study: Study, team: Team, server: ChatServer
) -> None:
    people = study.raters.filter(kind="person").order_by("pseudonym")
    for number, item in enumerate(study.parts.get().items.all()):
        for slot, rater in enumerate(people, start=1):
            said = {"empathy": 3 + number, "safety": 4 + slot, "advice": 0}
            score(item, rater, said, slot=slot)
    judge = endpoint_judge(team, server.url)
    run_judging(start(study, judge).pk)
    run_judging(start(study, judge, evidence="as_published").pk)
    run_analysis(request_analysis(study).pk)
    shown = text_of(page, "results_judges", study.pk)
    assert "judge, temperature 0, asked once" in shown
    assert "The same evidence as people." in shown
    assert "the judge saw the response alone" in shown
    assert "What stands here is also a difference of evidence." in shown
    assert "the test needs 3 people" in shown
    assert "Panel of 2 judges" in shown
    assert "Alpha of the judges among themselves" in shown
    assert "never pooled" in shown


def test_the_position_bias_of_a_judge_stands_beside_its_figures(
    page: Client, team: Team, server: ChatServer
) -> None:
    server.answer = by_schema(lambda slug, values: "A clearly")
    study = pairwise_study(team, dialogues=1)
    run = start(study, endpoint_judge(team, server.url))
    run_judging(run.pk)
    shown = text_of(page, "results_judges", study.pk)
    assert "0 % of 3" in shown
    assert "100 % of 6 (50 %)" in shown


def test_the_command_starts_waits_and_resumes(study: Study, team: Team, server: ChatServer) -> None:
    endpoint_judge(team, server.url)
    report = told("judge_study", study.name, "--judge", "judge", "--wait", "--json")
    facts = json.loads(report)
    assert (facts["judge"], facts["state"], facts["items_judged"]) == ("J01", "done", 3)
    started = told("judge_study", study.name, "--judge", "judge", "--repeats", "2")
    assert "J02 (judge) waits for a worker" in started
    cancel_judging(JudgeRun.objects.get(rater__pseudonym="J02"))
    assert "has judged 3 of 3" in told("judge_study", study.name, "--resume", "J02", "--wait")
    with pytest.raises(CommandError, match="There is no model “nobody”"):
        told("judge_study", study.name, "--judge", "nobody")
    with pytest.raises(CommandError, match="repeats: has to be"):
        told("judge_study", study.name, "--judge", "judge", "--repeats", "0")


def told(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()
