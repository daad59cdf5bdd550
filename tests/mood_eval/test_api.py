from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from annotations.services.analyses import run_analysis
from annotations.services.studies import create_study, launch_study
from mood_eval.models import Team
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
LISTS = ("corpora", "models", "runs", "training", "studies", "datasets")


@pytest.fixture
def team() -> Team:
    ada, max_ = make_user("ada@example.org"), make_user("max@example.org")
    team = make_team(owner=ada, members=[max_])
    corpus = make_corpus_with_dialogues(team)
    runs = [make_run_with_responses(team, corpus, name) for name in ("one", "two")]
    study = create_study(
        team=team,
        template="multimood-trust-both",
        runs=runs,
        raters=["rui@example.org", "mina@example.org"],
        seed=1,
    )
    launch_study(study)
    make_team("Another lab", owner=make_user("sam@example.org"))
    return team


@pytest.fixture
def as_person(client: Client) -> Callable[[str], Client]:
    def sign_in(email: str) -> Client:
        from mood_eval.models import User

        client.force_login(User.objects.get(email=email))
        return client

    return sign_in


@pytest.mark.parametrize("email", ["ada@example.org", "max@example.org"])
def test_members_read_what_their_team_has(
    team: Team, as_person: Callable[[str], Client], email: str
) -> None:
    client = as_person(email)
    assert [one["name"] for one in client.get("/api/models/").json()["results"]] == ["one", "two"]
    run = team.generation_runs.first()
    assert run is not None
    responses = client.get(f"/api/runs/{run.pk}/responses/").json()["results"]
    assert len(responses) == run.responses.count() > 0
    study = team.studies.get()
    assert client.get(f"/api/studies/{study.pk}/results/").status_code == 409
    assert client.post(f"/api/studies/{study.pk}/results/").status_code == 202
    run_analysis(study.analyses.get().pk)
    report = client.get(f"/api/studies/{study.pk}/results/").json()
    parts = report["sections"]["agreement"]["parts"]
    assert [part["design"] for part in parts] == ["absolute", "pairwise"]


@pytest.mark.parametrize("email", ["sam@example.org", "rui@example.org"])
def test_to_strangers_and_raters_nothing_exists(
    team: Team, as_person: Callable[[str], Client], email: str
) -> None:
    client = as_person(email)
    for name in LISTS:
        assert client.get(f"/api/{name}/").json()["results"] == []
    study, run = team.studies.get(), team.generation_runs.first()
    assert run is not None
    assert client.get(f"/api/studies/{study.pk}/").status_code == 404
    assert client.get(f"/api/studies/{study.pk}/results/").status_code == 404
    assert client.post(f"/api/studies/{study.pk}/results/").status_code == 404
    assert client.get(f"/api/runs/{run.pk}/responses/").status_code == 404


@pytest.mark.parametrize("name", [*LISTS, "schema"])
def test_nobody_reads_without_signing_in(team: Team, client: Client, name: str) -> None:
    assert client.get(f"/api/{name}/").status_code == 403


def test_what_generation_leaves_is_only_read(
    team: Team, as_person: Callable[[str], Client]
) -> None:
    client = as_person("ada@example.org")
    for name in set(LISTS) - {"studies", "training"}:
        assert client.post(f"/api/{name}/", {}).status_code == 405


def test_the_description_names_every_list(team: Team, as_person: Callable[[str], Client]) -> None:
    schema = as_person("ada@example.org").get("/api/schema/?format=json").json()
    assert {f"/api/{name}/" for name in LISTS} <= set(schema["paths"])
