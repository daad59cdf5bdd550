from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from inference.contracts import GenerationOptions
from inference.endpoints import Endpoint
from inference.errors import CheckpointError, InvalidOptionsError
from inference.models import ModelVersion
from inference.selectors.endpoints import endpoint_facts, first_modality, modalities_of
from inference.services.endpoints import endpoint_of, register_endpoint
from inference.services.generation_options import check_options
from inference.services.model_versions import NameTakenError
from mood_eval.models import Team
from tests.chat_server import ChatServer
from tests.factories import make_model_version
from tests.inference.model_calls.conftest import KEY, KEY_VARIABLE


def test_a_row_gives_back_what_was_registered_and_holds_no_key(
    team: Team, endpoint: Endpoint
) -> None:
    given = replace(endpoint, takes=("frames",), prompt_price=Decimal("0.15"), url=endpoint.url)
    model = register_endpoint(team=team, name="gpt", endpoint=given, card="By somebody.")
    model.refresh_from_db()
    assert endpoint_of(model) == replace(given, takes=("text", "frames"))
    assert (model.kind, model.path, model.card) == ("endpoint", "", "By somebody.")
    assert KEY not in json.dumps(model.config)
    with pytest.raises(NameTakenError):
        register_endpoint(team=team, name="gpt", endpoint=given)


def test_stray_white_space_and_a_last_slash_are_no_other_address(
    team: Team, endpoint: Endpoint
) -> None:
    given = replace(endpoint, url=f" {endpoint.url}/ ", model=" tiny ", currency="eur")
    found = endpoint_of(register_endpoint(team=team, name="gpt", endpoint=given))
    assert (found.url, found.model, found.currency) == (endpoint.url, "tiny", "EUR")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://elsewhere/v1"}, "elsewhere/v1 may not be asked .* ENDPOINT_URLS: http"),
        ({"url": ""}, "no address may not be asked"),
        ({"key_variable": "OTHER_KEY"}, f"ENDPOINT_KEYS: {KEY_VARIABLE}"),
        ({"model": "  "}, "model: name the model as the server does"),
        ({"takes": ("smell",)}, "takes: a model takes text, frames, audio"),
        ({"frames": 0}, "frames: between 1 and"),
        ({"at_once": 0}, "at_once: between 1 and"),
        ({"requests_per_minute": -1}, "requests_per_minute"),
        ({"timeout": 0.0}, "timeout: above 0"),
        ({"tries": 0}, "tries: between 1 and"),
        ({"prompt_price": Decimal(-1)}, "prompt_price and answer_price: from 0"),
        ({"answer_price": Decimal("NaN")}, "prompt_price and answer_price: from 0"),
        ({"currency": "euro"}, "currency: three letters"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_changes_nothing(
    team: Team, endpoint: Endpoint, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidOptionsError, match=words):
        register_endpoint(team=team, name="gpt", endpoint=replace(endpoint, **change))
    assert not ModelVersion.objects.exists()


def test_a_key_entered_by_mistake_is_not_repeated(team: Team, endpoint: Endpoint) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        register_endpoint(team=team, name="gpt", endpoint=replace(endpoint, key_variable=KEY))
    assert KEY not in str(refused.value)
    assert "never entered here" in str(refused.value)


def test_a_key_is_sent_only_to_its_own_address(
    remote: ModelVersion, endpoint: Endpoint, settings: Any
) -> None:
    other = "https://elsewhere.example/v1"
    settings.ENDPOINT_URLS = [endpoint.url, other]
    with pytest.raises(InvalidOptionsError, match="NAME alone counts only where"):
        endpoint_of(remote)
    settings.ENDPOINT_KEYS = [f"{KEY_VARIABLE}@{endpoint.url}/"]
    assert endpoint_of(remote).key_variable == KEY_VARIABLE
    elsewhere = replace(endpoint, url=other)
    with pytest.raises(InvalidOptionsError, match=f"hold keys for {other}"):
        register_endpoint(team=remote.team, name="gpt", endpoint=elsewhere)
    settings.ENDPOINT_KEYS.append(f"{KEY_VARIABLE}@{other}")
    assert register_endpoint(team=remote.team, name="gpt", endpoint=elsewhere)
    settings.ENDPOINT_KEYS = [f"{KEY_VARIABLE}@{other}"]
    with pytest.raises(InvalidOptionsError, match=f"hold keys for {endpoint.url}"):
        endpoint_of(remote)


def test_the_settings_are_asked_again_whenever_the_model_is(
    remote: ModelVersion, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert endpoint_of(remote).model == "tiny"
    monkeypatch.setenv(KEY_VARIABLE, " ")
    with pytest.raises(InvalidOptionsError, match=f"{KEY_VARIABLE} is empty in the environment"):
        endpoint_of(remote)
    settings.ENDPOINT_URLS = []
    with pytest.raises(InvalidOptionsError, match="ENDPOINT_URLS: none"):
        endpoint_of(remote)
    with pytest.raises(CheckpointError, match="no model behind an address"):
        endpoint_of(make_model_version(remote.team, "human"))


@pytest.mark.parametrize(
    ("takes", "modalities"),
    [
        ((), ("text",)),
        (("frames",), ("v", "text")),
        (("audio",), ("a", "text")),
        (("frames", "audio"), ("av", "a", "v", "text")),
    ],
)
def test_a_model_is_given_only_what_it_takes(
    team: Team, endpoint: Endpoint, takes: Any, modalities: tuple[str, ...]
) -> None:
    given = replace(endpoint, takes=("text", *takes))
    model = register_endpoint(team=team, name="gpt", endpoint=given)
    assert modalities_of(model) == modalities
    assert first_modality(team, str(model.pk)) == modalities[0]
    for modality in ("av", "a", "v", "text"):
        options = GenerationOptions(modality=modality)
        if modality in modalities:
            check_options(options, model)
        else:
            with pytest.raises(InvalidOptionsError, match=r"cannot be given this.*“text”"):
                check_options(options, model)


def test_options_of_the_published_code_and_emotions_without_a_clip_are_refused(
    remote: ModelVersion,
) -> None:
    for options, words in (
        (GenerationOptions(modality="text", as_published=True), "published code"),
        (GenerationOptions(modality="text", task="emotion"), "from the clip alone"),
    ):
        with pytest.raises(InvalidOptionsError, match=words):
            check_options(options, remote)


def test_another_teams_or_no_models_modality_is_the_usual_one(remote: ModelVersion) -> None:
    stranger = Team.objects.create(name="Sam's team")
    assert first_modality(stranger, str(remote.pk)) == "av"
    assert first_modality(remote.team, "") == "av"
    assert first_modality(remote.team, "9" * 30) == "av"


def test_the_command_registers_and_reports(team: Team, server: ChatServer, allowed: None) -> None:
    out = io.StringIO()
    call_command(
        "register_endpoint", "qwen", "--url", server.url, "--model", "tiny",
        "--key-variable", KEY_VARIABLE, "--takes", "frames", "--prompt-price", "0.15",
        "--answer-price", "0.6", "--currency", "eur", "--at-once", "8", "--json", stdout=out,
    )  # fmt: skip
    report = json.loads(out.getvalue())
    model = ModelVersion.objects.get()
    assert report["endpoint"] == dict(endpoint_facts(model))
    assert report["endpoint"]["Price, read"] == "0.15 EUR a million tokens"
    assert report["endpoint"]["Takes"] == "words, pictures from the clip"
    assert endpoint_of(model).at_once == 8
    assert KEY not in out.getvalue()


def test_the_command_refuses_with_the_name_of_the_setting(team: Team, settings: Any) -> None:
    settings.ENDPOINT_URLS = []
    with pytest.raises(CommandError, match="ENDPOINT_URLS: none") as refused:
        call_command("register_endpoint", "x", "--url", "http://localhost/v1", "--model", "m")
    assert refused.value.returncode == 1
    for price in ("-1", "many", "nan"):
        with pytest.raises(CommandError, match="is no amount"):
            call_command(
                "register_endpoint", "x", "--url", "u", "--model", "m", f"--prompt-price={price}"
            )
