from __future__ import annotations

import csv
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inference.models import GenerationRun, JobState, Response, Turn
from inference.services.model_versions import register_imported
from mood_eval.models import User
from tests.factories import make_corpus_with_dialogues, make_run_with_responses
from tests.inference.recognition.conftest import Scene
from tests.inference.recognition.test_recognition_of_runs import ANSWERS

FILES = ("recognition.json", "confusion.csv", "predictions.csv")


@pytest.fixture
def answered(scene: Scene) -> Scene:
    scene.answers(ANSWERS)
    return scene


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def page(scene: Scene, run: GenerationRun | None = None, query: str = "") -> str:
    url = reverse("run_recognition", args=[(run or scene.run).pk])
    return signed_in(scene.ada).get(url + query).content.decode()


def addresses(run: GenerationRun) -> list[str]:
    files = [reverse("run_recognition_file", args=[run.pk, name]) for name in FILES]
    return [reverse("run_recognition", args=[run.pk]), *files]


@pytest.mark.parametrize("person", ["ada", "rui"])
def test_page_and_files_open_for_the_team(answered: Scene, person: str) -> None:
    client = signed_in(getattr(answered, person))
    assert [client.get(url).status_code for url in addresses(answered.run)] == [200] * 4


def test_page_and_files_do_not_exist_for_a_stranger(answered: Scene, client: Client) -> None:
    sam = signed_in(answered.sam)
    assert [sam.get(url).status_code for url in addresses(answered.run)] == [404] * 4
    assert [client.get(url).status_code for url in addresses(answered.run)] == [302] * 4


def test_the_run_page_leads_to_it_unless_nothing_was_recognised(answered: Scene) -> None:
    ada = signed_in(answered.ada)
    people = register_imported(answered.team, "people", answered.corpus)
    repeated = make_run_with_responses(answered.team, answered.corpus, people.name)
    for run, leads in ((answered.run, True), (repeated, False)):
        text = ada.get(reverse("run_detail", args=[run.pk])).content.decode()
        assert (reverse("run_recognition", args=[run.pk]) in text) is leads


def test_the_page_shows_figures_matrix_and_what_labels_are(answered: Scene) -> None:
    text = page(answered)
    assert "corpus label, not a diagnosis" in text
    assert text.count("50.0 %") >= 2
    assert '<td class="shade-9 agrees">2</td>' in text
    assert "Always “anger”" in text
    assert "expected calibration error is" in text
    assert "published" not in text.split("<h2")[1]


def test_shares_are_a_link_and_need_no_script(answered: Scene) -> None:
    counts, shares = page(answered), page(answered, query="?cells=shares")
    assert "?cells=shares#matrix" in counts
    assert '<td class="shade-5 agrees">50</td>' in shares
    assert "no such turn" in shares
    assert "<script" not in counts.split("<main")[1].split("</main>")[0]


def test_published_figures_are_cited_on_a_dfew_run(answered: Scene) -> None:
    answered.corpus.format = "dfew"
    answered.corpus.save()
    text = page(answered)
    assert "85.94 %" in text
    assert "arXiv 2511.10011" in text
    assert "They cannot be compared directly." in text


def test_a_run_without_probabilities_says_how_to_get_them(answered: Scene) -> None:
    Response.objects.update(label_probabilities={})
    assert "Undefined: no answer carries the probabilities" in page(answered)


def test_empty_states_say_what_to_do_next(scene: Scene) -> None:
    Turn.objects.update(emotion="")
    assert "no emotion labels here" in page(scene)
    people = register_imported(scene.team, "people", scene.corpus)
    assert "Nothing was recognised" in page(
        scene, make_run_with_responses(scene.team, scene.corpus, people.name)
    )
    Response.objects.all().delete()
    GenerationRun.objects.update(state=JobState.QUEUED)
    assert "See how far the run is" in page(scene)


def test_an_active_run_is_said_to_change(answered: Scene) -> None:
    GenerationRun.objects.update(state=JobState.RUNNING)
    assert "still at work" in page(answered)


def test_one_session_and_one_answer_still_make_a_page(scene: Scene) -> None:
    corpus = make_corpus_with_dialogues(scene.team, 1, name="One", lines=[("client", "Hm.")])
    text = page(scene, make_run_with_responses(scene.team, corpus, "tiny"))
    assert "No interval: there is only one clip." in text
    assert "nan" not in text.lower().replace("finance", "")


def test_files_hold_what_the_page_shows(answered: Scene) -> None:
    ada = signed_in(answered.ada)
    _, *urls = addresses(answered.run)
    facts, matrix, predictions = (ada.get(url) for url in urls)
    assert predictions.streaming
    assert json.loads(facts.content)["uar"]["value"] == 0.5
    assert next(csv.reader(matrix.content.decode().splitlines()))[0] == "corpus label"
    rows = predictions.getvalue().decode().splitlines()
    assert len(rows) == 1 + len(ANSWERS)
    assert "attachment" in facts["Content-Disposition"]


def test_another_file_does_not_exist_nor_any_of_a_run_that_recognised_nothing(
    answered: Scene,
) -> None:
    ada = signed_in(answered.ada)
    url = reverse("run_recognition_file", args=[answered.run.pk, "secrets.csv"])
    assert ada.get(url).status_code == 404
    people = register_imported(answered.team, "people", answered.corpus)
    run = make_run_with_responses(answered.team, answered.corpus, people.name)
    assert [ada.get(url).status_code for url in addresses(run)] == [200, 404, 404, 404]


def test_the_page_asks_the_same_few_queries_of_any_run(scene: Scene) -> None:
    large = make_corpus_with_dialogues(scene.team, 40, name="Large", lines=[("client", "Hm.")])
    ada, counts = signed_in(scene.ada), []
    for run in (scene.run, make_run_with_responses(scene.team, large, "tiny")):
        with CaptureQueriesContext(connection) as queries:
            ada.get(reverse("run_recognition", args=[run.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_an_ended_run_is_read_once_until_it_ends_anew(answered: Scene) -> None:
    run, ada = answered.run, signed_in(answered.ada)
    url = reverse("run_recognition_file", args=[run.pk, "recognition.json"])

    def right_share() -> float:
        return float(ada.get(url).json()["war"]["value"])

    GenerationRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    before = right_share()
    Response.objects.filter(run=run).update(client_emotion="")
    with CaptureQueriesContext(connection) as queries:
        assert right_share() == before
    assert not [query for query in queries if "inference_response" in query["sql"]]
    GenerationRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    assert right_share() == 0.0
