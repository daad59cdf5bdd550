"""The ledger on a run's page, as files, and the form that goes on with a higher budget."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference.endpoints import Endpoint
from inference.models import GenerationRun, JobState, ModelCall
from inference.selectors.model_calls import money_words
from inference.services.endpoints import register_endpoint
from inference.services.generation import create_generation_run, run_generation
from tests.chat_server import FOUR_LINES, ChatServer
from tests.factories import make_corpus_with_dialogues
from tests.inference.model_calls.conftest import KEY, WORDS_ONLY
from tests.inference.model_calls.people import People, make_people

FILES = ("run_calls_csv", "run_calls_jsonl")
ACTIONS = ("run_resume", "run_answer_again")


@dataclass
class Scene:
    people: People
    run: GenerationRun

    def url(self, name: str) -> str:
        return reverse(name, args=[self.run.pk])

    def post(self, person: str, name: str, **data: str) -> str:
        client = self.people.as_person(person)
        response = client.post(self.url(name), data, follow=True)
        self.run.refresh_from_db()
        return str(response.content.decode())


@pytest.fixture
def scene(transactional_db: None, endpoint: Endpoint, server: ChatServer) -> Scene:
    """A run that has reached its budget."""
    people = make_people()
    corpus = make_corpus_with_dialogues(people.team, 2)
    model = register_endpoint(team=people.team, name="remote", endpoint=endpoint)
    run = create_generation_run(
        team=people.team,
        model_version=model,
        corpus=corpus,
        options=WORDS_ONLY,
        budget=Decimal("0.30"),
    )
    run_generation(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    return Scene(people, run)


@pytest.mark.parametrize("person", ["ada", "max"])
def test_the_page_tells_what_was_spent(scene: Scene, person: str) -> None:
    page = scene.people.as_person(person).get(scene.url("run_detail")).content.decode()
    calls = ModelCall.objects.all()
    spent = sum((call.cost for call in calls), Decimal(0))
    assert money_words(spent, "USD") in page
    assert "of a budget of 0.30 USD" in page
    assert f"{sum(call.prompt_tokens for call in calls)} read" in page
    assert "New budget, USD" in page
    for name in FILES:
        assert scene.url(name) in page
    assert KEY not in page


@pytest.mark.parametrize("name", FILES)
def test_files_are_for_the_team(scene: Scene, client: Client, name: str) -> None:
    for person, status in (("ada", 200), ("max", 200), ("sam", 404), ("rui", 404)):
        assert scene.people.as_person(person).get(scene.url(name)).status_code == status
        assert scene.people.as_person(person).post(scene.url(name)).status_code == 405
    assert client.get(scene.url(name))["Location"].startswith(reverse("account_login"))


def test_files_hold_every_prompt_and_answer(scene: Scene) -> None:
    ada = scene.people.as_person("ada")
    response = ada.get(scene.url("run_calls_csv"))
    assert response.streaming
    assert response["Content-Disposition"] == (
        f'attachment; filename="run-{scene.run.pk}-ledger.csv"'
    )
    assert response["Cache-Control"] == "no-store"
    text = response.getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    lines = ada.get(scene.url("run_calls_jsonl")).getvalue().decode().splitlines()
    objects = [json.loads(line) for line in lines]
    assert len(rows) == len(objects) == ModelCall.objects.count()
    for row, given, call in zip(rows, objects, ModelCall.objects.order_by("pk"), strict=True):
        assert json.loads(row["prompt"]) == given["prompt"] == call.prompt
        assert row["raw"] == given["raw"] == FOUR_LINES
        assert Decimal(row["cost"]) == Decimal(given["cost"]) == call.cost
        assert (row["key"], row["model"], row["currency"]) == (call.key, "remote", "USD")
    assert KEY not in text


@pytest.mark.parametrize("person", ["ada", "max"])
def test_a_higher_budget_goes_on(scene: Scene, person: str, server: ChatServer) -> None:
    page = scene.post(person, "run_resume", budget="5")
    assert (scene.run.state, scene.run.budget) == (JobState.QUEUED, Decimal(5))
    assert "of a budget of 5.00 USD" in page
    run_generation(scene.run.pk)
    scene.run.refresh_from_db()
    assert scene.run.state == JobState.DONE
    assert len(server.paid) == 6


@pytest.mark.parametrize("budget", ["", "0.30", "0", "much", "1.001"])
def test_a_budget_that_leaves_nothing_is_refused(scene: Scene, budget: str) -> None:
    page = scene.post("ada", "run_resume", budget=budget)
    assert (scene.run.state, scene.run.budget) == (JobState.FAILED, Decimal("0.30"))
    assert "udget" in page.split('class="messages')[-1][:600]


@pytest.mark.parametrize("name", ACTIONS)
def test_strangers_and_raters_raise_no_budget(scene: Scene, client: Client, name: str) -> None:
    for person in ("sam", "rui"):
        response = scene.people.as_person(person).post(scene.url(name), {"budget": "5"})
        assert response.status_code == 404
    assert client.post(scene.url(name), {"budget": "5"}).status_code == 302
    assert scene.people.as_person("ada").get(scene.url(name)).status_code == 405
    scene.run.refresh_from_db()
    assert (scene.run.state, scene.run.budget) == (JobState.FAILED, Decimal("0.30"))


def test_what_failed_is_grouped_by_reason_and_answered_again_with_more(scene: Scene) -> None:
    run = scene.run
    responses = run.responses.order_by("pk")
    failed = responses[0]
    failed.error, failed.text = "The server is busy.", ""
    failed.save()
    run.responses.exclude(pk=failed.pk).delete()
    run.selection.exclude(stimulus=failed.stimulus).delete()
    GenerationRun.objects.filter(pk=run.pk).update(state=JobState.DONE, done=1, total=1, error="")
    ModelCall.objects.update(error="<b>busy</b>")
    page = scene.people.as_person("ada").get(scene.url("run_detail")).content.decode()
    assert "</span>: &lt;b&gt;busy&lt;/b&gt;" in page
    assert "without a usable answer" in page
    assert scene.url("run_answer_again") in page
    scene.post("ada", "run_answer_again", budget="7")
    assert (run.state, run.budget, run.responses.count()) == (JobState.QUEUED, Decimal(7), 0)


def test_runs_of_other_models_have_no_ledger(scene: Scene) -> None:
    model = scene.run.model_version
    model.kind = "imported"
    model.save()
    page = scene.people.as_person("ada").get(scene.url("run_detail")).content.decode()
    assert "What it cost" not in page
    assert 'name="budget"' not in page


def test_the_page_costs_the_same_queries_however_many_calls(scene: Scene) -> None:
    ada = scene.people.as_person("ada")

    def queries(name: str) -> int:
        ada.get(scene.url(name))
        with CaptureQueriesContext(connection) as captured:
            response = ada.get(scene.url(name))
            assert response.getvalue() if response.streaming else response.content
        return len(captured)

    names = ("run_detail", *FILES)
    first = ModelCall.objects.order_by("pk")[0]
    first.error = "busy"
    first.save()
    before = [queries(name) for name in names]
    for number in range(30):
        first.pk, first.key = None, f"more:{number}:0"
        first.error = f"reason {number}"
        first.save(force_insert=True)
    assert [queries(name) for name in names] == before


def test_a_models_page_tells_what_it_was_asked(scene: Scene) -> None:
    model = scene.run.model_version
    page = scene.people.as_person("max").get(reverse("model_detail", args=[model.pk]))
    text = page.content.decode()
    assert "Answering a client turn" in text
    assert f"{ModelCall.objects.count()} questions" in text
    assert "Price, read" in text


def test_another_endpoint_shows_what_it_takes(scene: Scene, endpoint: Endpoint) -> None:
    given = replace(endpoint, takes=("text", "frames", "audio"))
    model = register_endpoint(team=scene.people.team, name="seeing", endpoint=given)
    page = scene.people.as_person("ada").get(reverse("model_detail", args=[model.pk]))
    assert "pictures from the clip, sound of the clip" in page.content.decode()
