from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference.models import Clip, Corpus, GenerationRun, JobState, ModelVersion, TrainingRun
from inference.services.model_versions import register_imported
from mood_eval.models import Team, User
from tests.factories import (
    make_clip,
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db


@dataclass
class Scene:
    """Ada owns the team, Rui is a member of it, Sam has a team of his own."""

    ada: User
    rui: User
    sam: User
    team: Team
    corpus: Corpus
    clip: Clip
    model: ModelVersion
    run: GenerationRun

    def pages(self) -> dict[str, str]:
        return {
            "corpus_detail": reverse("corpus_detail", args=[self.corpus.pk]),
            "dialogue_detail": reverse("dialogue_detail", args=[self.corpus.dialogues.all()[0].pk]),
            "clip": reverse("clip", args=[self.clip.pk]),
            "model_detail": reverse("model_detail", args=[self.model.pk]),
            "run_detail": reverse("run_detail", args=[self.run.pk]),
        }


LISTS = ("corpus_list", "model_list", "run_list", "run_new")
DETAILS = ("corpus_detail", "dialogue_detail", "clip", "model_detail", "run_detail")
ACTIONS = ("run_cancel", "run_resume", "therapists_register")


@pytest.fixture
def scene() -> Scene:
    ada, rui, sam = (make_user(f"{name}@example.org") for name in ("ada", "rui", "sam"))
    team = make_team(owner=ada, members=[rui])
    make_team("Sam's team", owner=sam)
    corpus = make_corpus_with_dialogues(team, 2)
    model = register_imported(team, "human-replies", corpus)
    run = make_run_with_responses(team, corpus, "human-replies")
    clip = make_clip(corpus, bytes(range(100)))
    return Scene(ada, rui, sam, team, corpus, clip, model, run)


@pytest.fixture
def as_person(scene: Scene) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(
            getattr(scene, name), "allauth.account.auth_backends.AuthenticationBackend"
        )
        return client

    return sign_in


def action_url(scene: Scene, name: str) -> str:
    return reverse(name, args=[scene.corpus.pk if name == "therapists_register" else scene.run.pk])


@pytest.mark.parametrize("person", ["ada", "rui"])
@pytest.mark.parametrize("name", LISTS)
def test_lists_open_for_the_team(
    as_person: Callable[[str], Client], person: str, name: str
) -> None:
    assert as_person(person).get(reverse(name)).status_code == 200


@pytest.mark.parametrize("person", ["ada", "rui"])
@pytest.mark.parametrize("name", DETAILS)
def test_details_open_for_the_team(
    scene: Scene, as_person: Callable[[str], Client], person: str, name: str
) -> None:
    assert as_person(person).get(scene.pages()[name]).status_code == 200


@pytest.mark.parametrize("name", DETAILS)
def test_details_do_not_exist_for_a_stranger(
    scene: Scene, as_person: Callable[[str], Client], name: str
) -> None:
    assert as_person("sam").get(scene.pages()[name]).status_code == 404


def test_a_strangers_lists_hold_only_his_own(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    sam = as_person("sam")
    for name in LISTS:
        page = sam.get(reverse(name)).content.decode()
        assert scene.corpus.name not in page
        assert scene.model.name not in page


def test_people_without_a_team_have_no_lists(client: Client) -> None:
    client.force_login(
        make_user("rater@example.org"), "allauth.account.auth_backends.AuthenticationBackend"
    )
    for name in LISTS:
        assert client.get(reverse(name)).status_code == 404


def test_nobody_sees_anything_without_signing_in(scene: Scene, client: Client) -> None:
    urls = [*map(reverse, LISTS), *scene.pages().values()]
    for url in urls:
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))
    for name in ACTIONS:
        assert client.post(action_url(scene, name)).status_code == 302
    assert ModelVersion.objects.count() == 1


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_refuse_strangers_and_reading_requests(
    scene: Scene, as_person: Callable[[str], Client], name: str
) -> None:
    GenerationRun.objects.update(state=JobState.QUEUED)
    assert as_person("sam").post(action_url(scene, name)).status_code == 404
    assert as_person("ada").get(action_url(scene, name)).status_code == 405
    scene.run.refresh_from_db()
    assert scene.run.state == JobState.QUEUED


def test_run_new_starts_a_run_and_shows_it(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    asked = {
        "model_version": scene.model.pk,
        "corpus": scene.corpus.pk,
        "splits": ["rate"],
        "limit": 4,
        "modality": "text",
        "temperature": "0",
        "max_new_tokens": 64,
        "seed": 7,
    }
    response = as_person("rui").post(reverse("run_new"), asked)
    run = GenerationRun.objects.latest("pk")
    assert response["Location"] == reverse("run_detail", args=[run.pk])
    assert (run.state, run.total, run.splits, run.created_by) == ("queued", 4, ["rate"], scene.rui)
    assert (run.options["modality"], run.options["seed"]) == ("text", 7)


def test_run_new_refuses_another_teams_model_and_names_a_broken_rule(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    asked = {"modality": "av", "temperature": "0", "max_new_tokens": 64, "seed": 0}
    foreign = make_corpus_with_dialogues(Team.objects.get(name="Sam's team"), name="Sam's")
    second = make_corpus_with_dialogues(scene.team, name="Second")
    ada = as_person("ada")
    refused = ada.post(
        reverse("run_new"), {**asked, "model_version": scene.model.pk, "corpus": foreign.pk}
    )
    assert "Select a valid choice" in refused.content.decode()
    refused = ada.post(
        reverse("run_new"), {**asked, "model_version": scene.model.pk, "corpus": second.pk}
    )
    assert "replies of another corpus" in refused.content.decode()
    assert GenerationRun.objects.count() == 1


def test_an_active_run_polls_and_a_finished_one_does_not(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    ada, url = as_person("ada"), scene.pages()["run_detail"]
    GenerationRun.objects.update(state=JobState.RUNNING, done=2)
    page = ada.get(url).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert "<noscript><meta http-equiv" in page
    fragment = ada.get(url, headers={"hx-request": "true"})
    assert 'hx-trigger="every 2s"' in fragment.content.decode()
    assert "<html" not in fragment.content.decode()
    assert "HX-Refresh" not in fragment

    GenerationRun.objects.update(state=JobState.DONE, done=6)
    assert "hx-trigger" not in ada.get(url).content.decode()
    fragment = ada.get(url, headers={"hx-request": "true"})
    assert "hx-trigger" not in fragment.content.decode()
    assert fragment["HX-Refresh"] == "true"


def test_a_waiting_run_says_what_it_waits_for(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    ada, url = as_person("ada"), scene.pages()["run_detail"]
    GenerationRun.objects.update(state=JobState.QUEUED)
    assert "None is busy" in ada.get(url).content.decode()
    training = TrainingRun.objects.create(
        team=scene.team,
        name="kinder",
        method="dpo",
        base=scene.model,
        state=JobState.RUNNING,
        done=40,
        total=400,
        lease_expires_at=Now() + timedelta(seconds=20),
    )
    assert "Busy now: training kinder, step 40 of 400." in ada.get(url).content.decode()
    TrainingRun.objects.update(team=Team.objects.get(name="Sam's team"))
    page = ada.get(url).content.decode()
    assert "Busy now: work of another team." in page
    assert "kinder" not in page
    training.delete()
    GenerationRun.objects.update(
        state=JobState.RUNNING, lease_expires_at=Now() - timedelta(seconds=1)
    )
    assert "no longer reports" in ada.get(url).content.decode()


def test_run_cancel_and_run_resume(scene: Scene, as_person: Callable[[str], Client]) -> None:
    ada = as_person("ada")
    GenerationRun.objects.update(state=JobState.QUEUED)
    for name, state in (("run_cancel", "cancelled"), ("run_resume", "queued")):
        assert ada.post(action_url(scene, name)).status_code == 302
        scene.run.refresh_from_db()
        assert scene.run.state == state
    refused = ada.post(action_url(scene, "run_resume"), follow=True).content.decode()
    assert "Only what was cancelled or has failed can be resumed." in refused


def test_run_detail_shows_what_was_said_and_answered(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    page = as_person("ada").get(scene.pages()["run_detail"]).content.decode()
    assert "Mostly what I should have said to my sister." in page
    assert "That sounds hard." in page


def test_therapists_register_makes_a_model_once(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    ada = as_person("ada")
    other = make_corpus_with_dialogues(scene.team, name="Second")
    url = reverse("therapists_register", args=[other.pk])
    ada.post(url)
    model = ModelVersion.objects.get(name="Therapists of Second")
    assert model.kind == "imported"
    assert "already a model named" in ada.post(url, follow=True).content.decode()


def test_model_detail_shows_parents_and_children(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    first = make_model_version(scene.team, "first")
    second = make_model_version(scene.team, "second", parent=first)
    make_model_version(scene.team, "third", parent=second)
    page = as_person("ada").get(reverse("model_detail", args=[second.pk])).content.decode()
    assert page.index("first") < page.index("<strong>second</strong>") < page.index("third")


def test_corpus_detail_counts(scene: Scene, as_person: Callable[[str], Client]) -> None:
    response = as_person("ada").get(scene.pages()["corpus_detail"])
    (split,) = response.context["splits"]
    assert (split.split, split.dialogues, split.sessions) == ("rate", 2, 2)
    assert (split.stimuli, split.followed) == (6, 6)
    assert response.context["turns"] == {"client": 8, "therapist": 6}
    assert response.context["labels"][2].counts == (("open question", 6),)


def test_clip_sends_ranges_that_nobody_may_store(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    response = as_person("rui").get(scene.pages()["clip"], headers={"range": "bytes=10-19"})
    assert response.status_code == 206
    assert response.getvalue() == bytes(range(10, 20))
    assert response["Content-Type"] == "video/mp4"
    assert response["Cache-Control"] == "no-store"
    head = as_person("rui").head(scene.pages()["clip"])
    assert (head.status_code, head["Content-Length"]) == (200, "100")


def queries(client: Client, url: str) -> int:
    client.get(url)  # the session and the content types are loaded
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_lists_cost_the_same_queries_with_thirty_rows(
    scene: Scene, as_person: Callable[[str], Client]
) -> None:
    ada = as_person("ada")
    watched = {
        **{name: reverse(name) for name in LISTS},
        **{k: v for k, v in scene.pages().items() if k != "clip"},
    }
    before = {name: queries(ada, url) for name, url in watched.items()}
    parent = scene.model
    for number in range(30):
        Corpus.objects.create(team=scene.team, name=f"Corpus {number}", format="jsonl")
        parent = make_model_version(scene.team, f"model {number}", parent=parent)
        GenerationRun.objects.create(
            team=scene.team,
            model_version=scene.model,
            corpus=scene.corpus,
            created_by=scene.ada,
        )
    assert {name: queries(ada, url) for name, url in watched.items()} == before
