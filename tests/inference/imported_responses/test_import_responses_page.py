"""A researcher uploads a file of responses, sees what it holds, and confirms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from inference.models import Corpus, GenerationRun, ImportedResponse, ModelVersion
from inference.services.model_versions import register_imported
from mood_eval.models import Membership, Team, User
from tests.factories import make_corpus_with_dialogues, make_team, make_user

pytestmark = pytest.mark.django_db
URL = "/models/new/responses/"


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def corpus(team: Team) -> Corpus:
    return make_corpus_with_dialogues(team, 1)


@pytest.fixture
def browser(client: Client, ada: User, corpus: Corpus) -> Client:
    client.force_login(ada)
    return client


def uploaded(*more: dict[str, Any], models: tuple[str, ...] = ("gpt-x",)) -> SimpleUploadedFile:
    rows = [
        {
            "model": model,
            "dialogue": "dialogue-000",
            "turn": turn,
            "text": f"I hear you at {turn}.",
            "therapist_emotion": "calm",
        }
        for model in models
        for turn in (1, 3, 6)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in (*rows, *more))
    return SimpleUploadedFile("answers.jsonl", lines.encode())


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def looked_at(browser: Client, corpus: Corpus, **fields: Any) -> Any:
    return browser.post(URL, {"corpus": corpus.pk, "with_runs": "on", **fields})


def test_the_preview_tells_what_the_file_holds_and_stores_nothing(
    browser: Client, corpus: Corpus
) -> None:
    lost = {"model": "gpt-x", "dialogue": "nowhere", "turn": 1, "text": "Hm."}
    none = {"model": "gpt-x", "dialogue": "dialogue-000", "turn": 1, "text": "", "error": "slow"}
    more = (lost, {**none, "sample": 1}, {**none, "sample": 2, "error": ""})
    response = looked_at(browser, corpus, upload=uploaded(*more, models=("gpt-x", "items")))
    page = words(response)
    assert response.status_code == 200
    assert "Import 6 responses" in page
    assert '<td>gpt-x</td><td class="number">3</td>' in page
    assert "<td>items</td>" in page
    assert "Client turns, of 3" in page
    assert "1 row of no client turn of Small corpus" in page
    assert "line 7: the corpus has no dialogue “nowhere” with client turns" in page
    assert "1 row that holds an error in place of a response" in page
    assert "1 row whose text is blank" in page
    assert "<li>calm: 6</li>" in page
    assert "I keep waking up at three" in page
    assert not ModelVersion.objects.exists()


def test_confirming_makes_the_models(browser: Client, corpus: Corpus, ada: User) -> None:
    shown = looked_at(browser, corpus, upload=uploaded(), about="Asked in May.")
    staged = shown.context["staged"]
    response = looked_at(browser, corpus, staged=staged, about="Asked in May.", confirm="1")
    model = ModelVersion.objects.get()
    assert response.status_code == 302
    assert response.headers["Location"] == f"/models/{model.pk}/"
    assert model.card.startswith("Asked in May.")
    assert ImportedResponse.objects.count() == 3
    assert GenerationRun.objects.get().created_by == ada
    page = words(browser.get(f"/models/{model.pk}/"))
    assert "“gpt-x” holds 3 responses." in page
    assert "Responses from a file" in page


def test_several_models_lead_to_the_list_and_the_same_again_says_so(
    browser: Client, corpus: Corpus
) -> None:
    for said in (
        "“qwen” holds 3 responses.",
        "There already, with the same responses: gpt-x, qwen",
    ):
        shown = looked_at(browser, corpus, upload=uploaded(models=("gpt-x", "qwen")))
        response = looked_at(browser, corpus, staged=shown.context["staged"], confirm="1")
        assert response.headers["Location"] == "/models/"
        assert said in words(browser.get("/models/"))
    assert ModelVersion.objects.count() == 2


def test_unmatched_rows_refuse_the_file_until_they_may_be_left_out(
    browser: Client, corpus: Corpus
) -> None:
    lost = {"model": "gpt-x", "dialogue": "nowhere", "turn": 1, "text": "Hm."}
    staged = looked_at(browser, corpus, upload=uploaded(lost)).context["staged"]
    refused = looked_at(browser, corpus, staged=staged, confirm="1")
    assert refused.status_code == 422
    assert "answers.jsonl, line 4: the corpus has no dialogue" in words(refused)
    assert not ModelVersion.objects.exists()
    looked_at(browser, corpus, staged=staged, confirm="1", leave_out="on")
    assert ImportedResponse.objects.count() == 3


def test_a_fault_is_named_and_the_file_need_not_be_chosen_again(
    browser: Client, corpus: Corpus
) -> None:
    broken = {"model": "gpt-x", "dialogue": "dialogue-000", "turn": 1}
    response = looked_at(browser, corpus, upload=uploaded(broken))
    assert response.status_code == 422
    assert "answers.jsonl, line 4, text: it is missing. Add the key" in words(response)
    assert "Chosen: answers.jsonl." in words(response)
    nothing = looked_at(browser, corpus)
    assert nothing.status_code == 422
    assert "Choose a file." in words(nothing)


def test_another_persons_upload_is_not_found(browser: Client, corpus: Corpus, team: Team) -> None:
    staged = looked_at(browser, corpus, upload=uploaded()).context["staged"]
    member = make_user("max@example.org")
    Membership.objects.create(team=team, user=member)
    browser.force_login(member)
    response = looked_at(browser, corpus, staged=staged, confirm="1")
    assert response.status_code == 422
    assert not ModelVersion.objects.exists()


def test_a_member_imports_and_a_stranger_sees_only_the_own_teams_corpora(
    client: Client, corpus: Corpus, team: Team
) -> None:
    member, stranger = make_user("max@example.org"), make_user("sam@example.org")
    Membership.objects.create(team=team, user=member)
    make_team("Other lab", owner=stranger)
    client.force_login(member)
    assert "Small corpus" in words(client.get(URL))
    client.force_login(stranger)
    assert "Small corpus" not in words(client.get(URL))
    refused = looked_at(client, corpus, upload=uploaded())
    assert refused.status_code == 422
    client.logout()
    assert client.get(URL).status_code == 302


def test_therapists_of_a_corpus_stand_in_the_same_choice(
    browser: Client, corpus: Corpus, team: Team
) -> None:
    assert f'href="{URL}#therapists"' in words(browser.get("/models/"))
    register = reverse("therapists_register", args=[corpus.pk])
    assert f'action="{register}"' in words(browser.get(URL))
    model = register_imported(team, "Therapists of Small corpus", corpus)
    page = words(browser.get(URL))
    assert f'<a href="/models/{model.pk}/">Therapists of Small corpus</a>' in page
    assert register not in page
    assert "written by models" not in page
    assert "What the therapists" in model.card


@pytest.mark.parametrize("format", ["escot", "esvr", "simulated"])
def test_replies_that_models_wrote_are_not_offered_as_therapists(
    browser: Client, corpus: Corpus, format: str
) -> None:
    Corpus.objects.update(format=format)
    register = reverse("therapists_register", args=[corpus.pk])
    detail = reverse("corpus_detail", args=[corpus.pk])
    for url in (URL, detail):
        page = words(browser.get(url))
        assert f'action="{register}"' in page
        assert "Use the replies as a model" in page
    assert "written by models" in words(browser.get(URL))
    browser.post(register)
    model = ModelVersion.objects.get()
    assert model.name == "Replies of Small corpus"
    assert "written by models" in model.card
    assert "Replies of Small corpus</a> <span" in words(browser.get(URL))
