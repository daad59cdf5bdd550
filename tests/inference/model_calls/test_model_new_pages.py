from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference.models import ModelVersion
from inference.services.endpoints import endpoint_of
from tests.chat_server import ChatServer
from tests.inference.model_calls.conftest import KEY, KEY_VARIABLE
from tests.inference.model_calls.people import People, make_people

PAGES = ("endpoint_new", "text_model_new")


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


def asked(server: ChatServer, **change: Any) -> dict[str, Any]:
    return {
        "name": "qwen",
        "url": server.url,
        "model": "tiny",
        "key_variable": KEY_VARIABLE,
        "takes": ["frames"],
        "prompt_price": "0.15",
        "answer_price": "0.60",
        "currency": "EUR",
        "card": "By somebody.",
        **change,
    }


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_for_researchers_only(people: People, client: Client, page: str) -> None:
    for person, status in (("ada", 200), ("max", 200), ("sam", 200), ("rui", 404)):
        assert people.as_person(person).get(reverse(page)).status_code == status
        if status == 404:
            assert people.as_person(person).post(reverse(page), {"name": "x"}).status_code == 404
    response = client.get(reverse(page))
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("person", ["ada", "max"])
def test_endpoint_new_registers_for_the_persons_team(
    people: People, server: ChatServer, allowed: None, person: str
) -> None:
    response = people.as_person(person).post(reverse("endpoint_new"), asked(server), follow=True)
    model = ModelVersion.objects.get()
    assert response.redirect_chain == [(reverse("model_detail", args=[model.pk]), 302)]
    assert model.team == people.team
    endpoint = endpoint_of(model)
    assert (endpoint.takes, endpoint.currency) == (("text", "frames"), "EUR")
    assert (endpoint.structured, endpoint.at_once) == (False, 4)
    page = response.content.decode()
    assert "“qwen” is registered" in page
    assert f"from the variable {KEY_VARIABLE}" in page
    assert "0.15 EUR a million tokens" in page
    assert KEY not in page


def test_a_strangers_model_is_his_own(people: People, server: ChatServer, allowed: None) -> None:
    people.as_person("sam").post(reverse("endpoint_new"), asked(server))
    model = ModelVersion.objects.get()
    assert model.team != people.team
    url = reverse("model_detail", args=[model.pk])
    assert people.as_person("ada").get(url).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://elsewhere/v1"}, "Select a valid choice"),
        ({"key_variable": "OTHER"}, "Select a valid choice"),
        ({"name": ""}, "This field is required"),
        ({"prompt_price": "-1"}, "greater than or equal to 0"),
        ({"prompt_price": "NaN"}, "Enter a number"),
        ({"currency": "1E1"}, "three letters"),
        ({"tries": "0"}, "greater than or equal to 1"),
    ],
)
def test_endpoint_new_says_what_is_wrong_and_keeps_what_was_entered(
    people: People, server: ChatServer, allowed: None, change: dict[str, str], words: str
) -> None:
    response = people.as_person("ada").post(reverse("endpoint_new"), asked(server, **change))
    page = response.content.decode()
    assert words in page
    assert "By somebody." in page
    assert ('<details class="form__more" open>' in page) == ("tries" in change)
    assert not ModelVersion.objects.exists()


def test_a_missing_key_and_a_taken_name_are_told(
    people: People, server: ChatServer, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = people.as_person("ada")
    ada.post(reverse("endpoint_new"), asked(server))
    page = ada.post(reverse("endpoint_new"), asked(server)).content.decode()
    assert "already a model named “qwen”" in page
    monkeypatch.delenv(KEY_VARIABLE)
    page = ada.post(reverse("endpoint_new"), asked(server, name="other")).content.decode()
    assert f"{KEY_VARIABLE} is empty in the environment" in page
    assert ModelVersion.objects.count() == 1


def test_the_page_says_for_which_address_a_key_is_and_refuses_it_for_others(
    people: People, server: ChatServer, allowed: None, settings: Any
) -> None:
    other = "https://elsewhere.example/v1"
    settings.ENDPOINT_URLS = [server.url, other]
    settings.ENDPOINT_KEYS = [f"{KEY_VARIABLE}@{server.url}", "BARE_KEY"]
    ada = people.as_person("ada")
    page = ada.get(reverse("endpoint_new")).content.decode()
    assert f"{KEY_VARIABLE}, for {server.url}" in page
    assert "BARE_KEY" not in page
    page = ada.post(reverse("endpoint_new"), asked(server, url=other)).content.decode()
    assert f"hold keys for {other}" in page
    assert not ModelVersion.objects.exists()


def test_without_addresses_the_pages_say_which_settings_to_set(
    people: People, settings: Any
) -> None:
    settings.ENDPOINT_URLS = []
    ada = people.as_person("ada")
    page = ada.get(reverse("endpoint_new")).content.decode()
    assert "<code>ENDPOINT_URLS</code>" in page
    assert "<code>ENDPOINT_KEYS</code>" in page
    assert '<form class="form card"' not in page
    models = ada.get(reverse("model_list")).content.decode()
    assert "<code>ENDPOINT_URLS</code>" in models
    for name in (*PAGES, "responses_new"):
        assert reverse(name) in models


def test_text_model_new_takes_names_of_the_hub_without_asking_it(people: People) -> None:
    given = {"name": "qwen", "path": "Qwen/Qwen2.5-7B-Instruct@main"}
    response = people.as_person("max").post(reverse("text_model_new"), given)
    model = ModelVersion.objects.get()
    assert response["Location"] == reverse("model_detail", args=[model.pk])
    assert (model.kind, model.path, model.weights_sha256) == ("text", given["path"], "")
    assert model.team == people.team


def test_text_model_new_reads_nothing_outside_the_data_folder(
    people: People, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    link = Path(project.VAR) / "a-way-out"
    link.symlink_to(tmp_path)
    try:
        answers = set()
        for path in (str(tmp_path), f"{tmp_path}/nowhere", "a-way-out", "../..", "x" * 400):
            page = people.as_person("ada").post(
                reverse("text_model_new"), {"name": "x", "path": path}
            )
            text = page.content.decode()
            assert "There is no folder and no file" in text
            answers.add(text.count("errorlist"))
        assert answers == {1}
    finally:
        link.unlink()
    assert not ModelVersion.objects.exists()


def test_run_new_begins_with_what_the_model_takes(
    people: People, server: ChatServer, allowed: None
) -> None:
    ada = people.as_person("ada")
    ada.post(reverse("endpoint_new"), asked(server))
    model = ModelVersion.objects.get()
    page = ada.get(reverse("run_new"), {"model": model.pk}).content.decode()
    assert '<option value="v" selected>' in page
    assert 'name="budget"' in page


def test_pages_cost_the_same_queries_with_many_models(
    people: People, server: ChatServer, allowed: None
) -> None:
    ada = people.as_person("ada")

    def queries() -> list[int]:
        counts = []
        for name in (*PAGES, "model_list"):
            ada.get(reverse(name))
            with CaptureQueriesContext(connection) as captured:
                assert ada.get(reverse(name)).status_code == 200
            counts.append(len(captured))
        return counts

    ada.post(reverse("endpoint_new"), asked(server))
    before = queries()
    for number in range(20):
        ada.post(reverse("endpoint_new"), asked(server, name=f"model {number}"))
    assert queries() == before
