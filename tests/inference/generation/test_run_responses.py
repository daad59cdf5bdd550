"""A run's page, its downloads and its API: samples, label probabilities, what is unread or failed.

Ada owns the team, Rui is a member of it, Sam has a team of his own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference.models import Corpus, GenerationRun, JobState, ModelVersion, Response
from mood_eval.models import User
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
SHARES = {
    "client_emotion": {"joy": 0.5, "fear": 0.25, "anger": 0.15, "neutral": 0.0999, "sadness": 1e-4},
    "strategy": {"advisement": 0.75, "others": 0.25},
}
PLACE = "Dialogue “dialogue-001”, turn 1: "


@pytest.fixture
def corpus() -> Corpus:
    ada, rui, sam = (make_user(f"{name}@example.org") for name in ("ada", "rui", "sam"))
    make_team("Another lab", owner=sam)
    return make_corpus_with_dialogues(make_team(owner=ada, members=[rui]), 2)


@pytest.fixture
def run(corpus: Corpus) -> GenerationRun:
    """Two samples each; one client turn failed, one label is unread, two rows have shares."""
    make_model_version(corpus.team, "seen", kind=ModelVersion.Kind.MULTIMOOD, path="somewhere")
    run = make_run_with_responses(corpus.team, corpus, "seen")
    for row in list(run.responses.all()):
        row.pk, row.sample, row.text = None, 1, "A second thought."
        row.save()
    options = {"samples": 2, "temperature": 0.7, "top_p": 0.9, "history": "text", "seed": 5}
    GenerationRun.objects.update(total=12, done=12, options=options)
    rows = list(run.responses.order_by("stimulus", "sample"))
    for row in rows[:2]:
        row.client_emotion, row.label_probabilities = "joy", SHARES
        row.save()
    Response.objects.filter(pk=rows[2].pk).update(strategy="", text="=1+1")
    Response.objects.filter(pk__in=[rows[6].pk, rows[7].pk]).update(
        error=f"{PLACE}It is gone.", text="", raw="", client_emotion="", strategy=""
    )
    run.refresh_from_db()
    return run


@pytest.fixture
def as_person(corpus: Corpus) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(
            User.objects.get(email=f"{name}@example.org"),
            "allauth.account.auth_backends.AuthenticationBackend",
        )
        return client

    return sign_in


def page(client: Client, run: GenerationRun, query: str = "") -> str:
    response = client.get(reverse("run_detail", args=[run.pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_options_stand_there_in_words(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    shown = page(as_person("rui"), run)
    assert "Drawn at temperature 0.7, among the likeliest that make up 90 %" in shown
    assert "Word for word, as text" in shown
    assert "top_p" not in shown
    assert "max_new_tokens" not in shown


def test_samples_stand_together_with_their_probabilities(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    response = as_person("ada").get(reverse("run_detail", args=[run.pk]))
    first = response.context["shown"][0]
    assert [shown.response.sample for shown in first.responses] == [0, 1]
    emotion, strategy = first.responses[0].distributions
    assert [share.label for share in emotion.first] == ["joy", "fear", "anger"]
    assert [share.chosen for share in emotion.first] == [True, False, False]
    assert [share.percent for share in emotion.rest] == ["10.0 %", "under 0.1 %"]
    assert strategy.name == "strategy"
    shown = response.content.decode()
    assert '<meter min="0" max="1" value="0.25" aria-hidden="true">' in shown
    assert "2 more" in shown
    assert "A second thought." in shown


def test_what_failed_and_what_is_unread_is_counted_and_found(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    ada = as_person("ada")
    shown = page(ada, run)
    assert "1 client turn could not be answered." in shown
    assert "It is gone." in shown
    assert 'Without a readable strategy</dt><dd class="number">1<' in shown
    assert "Without a readable reply" not in shown
    failed = page(ada, run, "?only=failed")
    assert "Dialogue dialogue-001, turn 1" in failed
    assert failed.count("<article") == 1
    assert failed.count(PLACE) == 1, "one failure, however many samples"
    unread = page(ada, run, "?only=unread")
    assert unread.count("<article") == 1
    assert "strategy: unread" in unread
    assert page(ada, run, "?only=everything").count("<article") == 6


def test_pages_keep_the_filter(run: GenerationRun, as_person: Callable[[str], Client]) -> None:
    GenerationRun.objects.update(options={"samples": 64})
    Response.objects.update(error=f"{PLACE}It is gone.")
    shown = page(as_person("ada"), run, "?only=failed")
    assert shown.count("<article") == 1
    assert "?only=failed&amp;page=2" in shown


def test_answering_again_is_offered_where_something_failed(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    ada, url = as_person("ada"), reverse("run_answer_again", args=[run.pk])
    assert url in page(ada, run)
    GenerationRun.objects.update(state=JobState.RUNNING)
    assert url not in page(ada, run)
    assert "still at work" in ada.post(url, follow=True).content.decode()
    GenerationRun.objects.update(state=JobState.DONE)
    assert as_person("sam").post(url).status_code == 404
    assert Response.objects.exclude(error="").count() == 2
    ada.post(url)
    run.refresh_from_db()
    assert (run.state, run.done, Response.objects.exclude(error="").count()) == ("queued", 10, 0)
    GenerationRun.objects.update(state=JobState.DONE)
    assert "Nothing failed" in ada.post(url, follow=True).content.decode()


def downloaded(client: Client, run: GenerationRun, name: str) -> str:
    response = client.get(reverse(name, args=[run.pk]))
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.streaming
    return response.getvalue().decode()


def test_json_lines_hold_everything_exactly(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    lines = downloaded(as_person("rui"), run, "run_responses_jsonl").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 12
    assert rows[0]["label_probabilities"] == SHARES
    assert (rows[0]["dialogue"], rows[0]["first_turn"], rows[0]["sample"]) == ("dialogue-000", 1, 0)
    assert rows[2]["text"] == "=1+1"
    assert [row["error"] for row in rows if row["error"]] == [f"{PLACE}It is gone."] * 2


def test_csv_has_a_column_for_each_probability_and_runs_no_formula(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    text = downloaded(as_person("rui"), run, "run_responses_csv")
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 12
    assert float(rows[1]["p_client_emotion_sadness"]) == 1e-4
    assert rows[3]["p_client_emotion_sadness"] == ""
    assert [name for name in rows[0] if name.startswith("p_strategy")] == [
        "p_strategy_advisement",
        "p_strategy_others",
    ]
    assert rows[2]["text"] == "'=1+1"


def test_the_api_says_what_failed(run: GenerationRun, as_person: Callable[[str], Client]) -> None:
    ada = as_person("ada")
    (listed,) = ada.get("/api/runs/").json()["results"]
    assert listed["failed"] == 2
    detail = ada.get(f"/api/runs/{run.pk}/").json()
    assert detail["not_answered"] == [{"reason": "It is gone.", "stimuli": 1}]
    rows = ada.get(f"/api/runs/{run.pk}/responses/").json()["results"]
    by_pk = {row["id"]: row for row in rows}
    first = run.responses.order_by("stimulus", "sample")[0]
    assert by_pk[first.pk]["label_probabilities"] == SHARES
    assert sum(bool(row["error"]) for row in rows) == 2


def test_the_form_starts_a_run_with_what_was_chosen(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    asked = {
        "model_version": run.model_version_id,
        "corpus": run.corpus_id,
        **{"modality": "v", "max_new_tokens": 20, "seed": 3},
        **{"samples": 4, "temperature": "0.8", "history": "none", "free_labels": "on"},
    }
    ada, url = as_person("ada"), reverse("run_new")
    ada.post(url, asked)
    made = GenerationRun.objects.latest("pk")
    assert made.total == 24
    assert (made.options["samples"], made.options["history"]) == (4, "none")
    assert made.options["constrain_labels"] is False
    assert made.options["batch_size"] == 8, "left empty, it keeps its default"
    refused = ada.post(url, {**asked, "temperature": "0"}).content.decode()
    assert "Several answers a client turn need a temperature above 0" in refused
    alone = {**asked, "task": "emotion", "samples": 1, "emotions": "calm, very  tense\nglad,"}
    assert "has a clip" in ada.post(url, alone).content.decode()
    ada.post(url, {**alone, "modality": "text"})
    named = GenerationRun.objects.latest("pk")
    assert named.options["emotions"] == ["calm", "very tense", "glad"]
    refused = ada.post(url, {**asked, "batch_size": 1000}).content.decode()
    assert '<details class="form__more" open>' in refused


def test_models_show_their_own_prompt(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    url = reverse("model_detail", args=[run.model_version_id])
    assert "Show the template" not in as_person("ada").get(url).content.decode()
    ModelVersion.objects.update(prompt='system = "Listen <b>first</b>."')
    assert "Listen &lt;b&gt;first&lt;/b&gt;." in as_person("ada").get(url).content.decode()


def test_a_page_and_a_file_cost_the_same_queries_with_thirty_client_turns(
    run: GenerationRun, as_person: Callable[[str], Client]
) -> None:
    ada = as_person("ada")
    team = run.team
    sizes = {n: make_corpus_with_dialogues(team, n, name=f"of {n}") for n in (1, 10)}

    def queries(corpus: Corpus, name: str) -> int:
        some = make_run_with_responses(team, corpus, "seen")
        Response.objects.filter(run=some, stimulus__first_position=0).update(error="Gone.")
        Response.objects.filter(run=some).update(label_probabilities=SHARES)
        with CaptureQueriesContext(connection) as captured:
            response = ada.get(reverse(name, args=[some.pk]))
            assert response.getvalue()
        return len(captured)

    for name in ("run_detail", "run_responses_jsonl", "run_responses_csv"):
        queries(sizes[1], name)
        assert queries(sizes[1], name) == queries(sizes[10], name), name
