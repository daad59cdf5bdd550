"""A program asks for a release, waits for it, and downloads what it trains on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Assignment, Preference, PreferenceDataset, Study, StudyPart
from annotations.services.release_jobs import run_release
from tests.annotations.api.conftest import Signed, World

pytestmark = pytest.mark.django_db


def ask(client: Client, study: Study, rules: dict[str, Any]) -> Any:
    return client.post(
        f"/api/studies/{study.pk}/releases/", {"rules": rules}, content_type="application/json"
    )


@pytest.fixture
def answered(world: World) -> Study:
    """One pair decided by the one rater who agreed to training."""
    compared = world.place.assignments.filter(item__part__design=StudyPart.Design.PAIRWISE)
    assignment = compared.order_by("position")[0]
    first = assignment.item.candidates.get(response__text="Words number 0.")
    Preference.objects.create(assignment=assignment, preferred=first, strength=2)
    compared.filter(pk=assignment.pk).update(
        state=Assignment.State.SUBMITTED, submitted_at=timezone.now()
    )
    return world.study


def test_asked_for_followed_and_downloaded(signed: Signed, answered: Study) -> None:
    client = signed("member")
    asked = ask(client, answered, {"splitting": "none"})
    assert asked.status_code == 202
    address = f"/api/releases/{asked.json()['id']}/"
    assert client.get(address).json()["state"] == "queued"
    run_release(asked.json()["id"])
    done = client.get(address).json()
    assert (done["state"], done["made"]) == ("done", True)
    dataset = client.get(f"/api/datasets/{done['dataset']}/").json()
    assert (dataset["study"], dataset["rows"]) == ("Quiet study", 1)
    response = client.get(f"/api/datasets/{done['dataset']}/export/?kind=trl-preference")
    assert response.streaming
    (row,) = [json.loads(line) for line in response.getvalue().decode().splitlines()]
    assert row["chosen"][0]["content"] == "Words number 0."


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"margin": 0}, "margin: must lie above 0"),
        ({"kindness": 1}, "kindness: no such rule"),
        ({"criteria": ["kindness"]}, "no criterion kindness"),
        ({"shares": 3}, "shares: must be a list of pairs of a name and a number"),
        ({"weights": [["empathy"]]}, "weights: must be a list of pairs"),
        ({"margin": "two"}, "margin: must be a number"),
        ({"with_words": "false"}, "with_words: must be true or false"),
    ],
)
def test_rules_that_make_no_sense_are_refused_in_words(
    signed: Signed, answered: Study, rules: dict[str, Any], said: str
) -> None:
    response = ask(signed("owner"), answered, rules)
    assert response.status_code == 400
    assert said in response.json()["detail"]


def test_who_still_rates_in_the_study_is_told_to_wait(
    world: World, signed: Signed, answered: Study
) -> None:
    world.team.memberships.create(user=world.people["rater"])
    assert Assignment.objects.filter(rater=world.place).exists()
    response = ask(signed("rater"), answered, {})
    assert response.status_code == 403
    assert not PreferenceDataset.objects.exists()


def test_an_unknown_format_is_refused_with_those_there_are(signed: Signed, answered: Study) -> None:
    client = signed("owner")
    run_release(ask(client, answered, {"splitting": "none"}).json()["id"])
    dataset = PreferenceDataset.objects.get()
    response = client.get(f"/api/datasets/{dataset.pk}/export/?kind=excel")
    assert response.status_code == 400
    assert "excel" in response.json()["detail"]
