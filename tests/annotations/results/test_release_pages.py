from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotations.derivation.rules import DerivationRules
from annotations.models import (
    Assignment,
    DatasetErasure,
    PreferenceDataset,
    ReleaseJob,
    Study,
)
from annotations.release_forms import ReleaseRulesForm
from annotations.services.datasets import release_preferences
from annotations.services.release_jobs import run_release
from inference.models import JobState, ModelVersion
from mood_eval.models import Team, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
USUAL = {
    "evidence": "both",
    "margin": "2",
    "decision": "majority",
    "ties": "dropped",
    "adjudicated_first": "on",
    "rater_kinds": ["person"],
    "min_active_seconds": "0",
    "min_votes": "1",
    "min_agreement": "0",
    "splitting": "none",
    "train": "80",
    "validation": "10",
    "test": "10",
    "seed": "0",
}


@pytest.fixture
def dataset(compared_study: Study) -> PreferenceDataset:
    return release_preferences(study=compared_study, rules=DerivationRules(splitting="none"))


def asked_for(client: Client, study: Study, **changes: Any) -> ReleaseJob:
    """What the form leads to, once a worker has done it."""
    response = client.post(reverse("release_new", args=[study.pk]), {**USUAL, **changes})
    job = ReleaseJob.objects.order_by("pk").last()
    assert job is not None, response.content.decode()
    assert response.headers["Location"] == reverse("release_job", args=[job.pk])
    if job.is_active:
        assert run_release(job.pk)
    job.refresh_from_db()
    return job


def test_a_release_is_made_as_a_job_and_its_page_leads_on_to_it(
    client: Client, ada: User, compared_study: Study
) -> None:
    client.force_login(ada)
    client.post(reverse("release_new", args=[compared_study.pk]), USUAL)
    job = ReleaseJob.objects.get()
    url = reverse("release_job", args=[job.pk])
    waiting = client.get(url).content.decode()
    assert "as soon as a worker" in waiting
    assert f'hx-get="{url}"' in waiting
    run_release(job.pk)
    made = PreferenceDataset.objects.get()
    detail = reverse("release_detail", args=[made.pk])
    assert client.get(url).headers["Location"] == detail
    assert client.get(url, headers={"HX-Request": "true"}).headers["HX-Redirect"] == detail
    page = client.get(detail).content.decode()
    assert "Release 1: 6 preference pairs" in page
    assert "Rows released" in page
    assert made.created_by == ada
    results = client.get(reverse("study_results", args=[compared_study.pk])).content.decode()
    assert "Release 1</a>" in results
    assert f'href="{detail}"' in client.get(reverse("dataset_list")).content.decode()


def test_unchanged_answers_lead_to_the_release_there_is(
    client: Client, ada: User, compared_study: Study
) -> None:
    client.force_login(ada)
    first = asked_for(client, compared_study)
    again = asked_for(client, compared_study)
    assert again.dataset == first.dataset
    page = client.get(reverse("release_job", args=[again.pk]), follow=True).content.decode()
    assert "Nothing has changed since this release" in page
    assert PreferenceDataset.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("margin", "0", "greater than or equal to 0.01"),
        ("margin", "two", "Enter a number"),
        ("train", "70", "must sum to 1"),
        ("rater_kinds", [], "Choose people, judges or both"),
        ("criteria", "kindness", "not one of the available choices"),
    ],
)
def test_senseless_rules_are_refused_in_words(
    client: Client, ada: User, compared_study: Study, field: str, value: Any, said: str
) -> None:
    client.force_login(ada)
    given = {**USUAL, "splitting": "seeded", field: value}
    response = client.post(reverse("release_new", args=[compared_study.pk]), given)
    assert said in response.content.decode()
    assert not ReleaseJob.objects.exists()


def test_the_form_as_it_stands_is_the_usual_rules(compared_study: Study) -> None:
    form = ReleaseRulesForm({**USUAL, "splitting": "seeded"}, study=compared_study)
    assert form.is_valid(), form.errors
    assert form.rules == DerivationRules(safety_criteria=())


def test_every_rule_can_be_chosen_on_the_page(compared_study: Study) -> None:
    given = {
        **USUAL,
        "evidence": "choices",
        "criteria": ["overall"],
        "per_criterion": "on",
        "margin": "1.5",
        "decision": "unanimous",
        "ties": "equal",
        "adjudicated_first": "",
        "rater_kinds": ["person", "llm"],
        "qualified_only": "on",
        "min_active_seconds": "4",
        "min_panel_agreement": "60",
        "min_votes": "2",
        "min_agreement": "75",
        "safety_floor": "3",
        "keep": ["cycle"],
        "balance_length": "on",
        "splitting": "seeded",
        "train": "90",
        "validation": "0",
        "seed": "7",
        "with_words": "on",
    }
    form = ReleaseRulesForm(given, study=compared_study)
    assert form.is_valid(), form.errors
    assert form.rules == DerivationRules(
        evidence="choices",
        criteria=("overall",),
        per_criterion=True,
        margin=1.5,
        decision="unanimous",
        ties="equal",
        adjudicated_first=False,
        rater_kinds=("person", "llm"),
        qualified_only=True,
        min_active_seconds=4,
        min_panel_agreement=0.6,
        min_votes=2,
        min_agreement=0.75,
        safety_criteria=(),
        safety_floor=3,
        keep=("cycle",),
        balance_length=True,
        shares=(("train", 0.9), ("test", 0.1)),
        seed=7,
        with_words=True,
    )


def test_nothing_to_release_is_said_with_the_counts_and_can_be_tried_again(
    client: Client, ada: User, compared_study: Study
) -> None:
    client.force_login(ada)
    for assignment in Assignment.objects.filter(rater__study=compared_study):
        assignment.preferences.all().delete()
    job = asked_for(client, compared_study)
    assert job.state == JobState.FAILED
    page = client.get(reverse("release_job", args=[job.pk])).content.decode()
    assert "No preference pair" in page
    assert "Choose other rules" in page
    client.post(reverse("release_job_act", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_waiting_release_can_be_cancelled(
    client: Client, ada: User, compared_study: Study
) -> None:
    client.force_login(ada)
    client.post(reverse("release_new", args=[compared_study.pk]), USUAL)
    job = ReleaseJob.objects.get()
    page = client.post(reverse("release_job_act", args=[job.pk]), follow=True).content.decode()
    assert "It was cancelled. Nothing was released." in page
    assert not run_release(job.pk)
    assert not PreferenceDataset.objects.exists()


def test_files_are_downloaded_as_released(
    client: Client, ada: User, dataset: PreferenceDataset
) -> None:
    client.force_login(ada)
    for name in (*dataset.manifest["files"], "manifest.json"):
        response = client.get(reverse("release_file", args=[dataset.pk, name]))
        assert response.getvalue() == (settings.VAR / dataset.folder / name).read_bytes()
        assert "attachment" in response["Content-Disposition"]


@pytest.mark.parametrize("name", ["..", "config.json", "%2e%2e%2fsecret_key"])
def test_no_other_file_can_be_downloaded(
    client: Client, ada: User, dataset: PreferenceDataset, name: str
) -> None:
    client.force_login(ada)
    url = reverse("release_detail", args=[dataset.pk]) + f"files/{name}"
    assert client.get(url).status_code == 404


def test_a_release_is_downloaded_in_a_trainers_format(
    client: Client, ada: User, dataset: PreferenceDataset
) -> None:
    client.force_login(ada)
    response = client.get(
        reverse("release_export", args=[dataset.pk]), {"format": "trl-preference"}
    )
    assert response.streaming
    rows = [json.loads(line) for line in response.getvalue().decode().splitlines()]
    assert len(rows) == 6
    assert {"prompt", "chosen", "rejected"} <= rows[0].keys()
    assert "trl-preference.jsonl" in response.headers["Content-Disposition"]
    assert json.loads(response.headers["X-Export-Summary"])["rows"] == {"": 6}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"format": "excel"}, "Nothing was downloaded"),
        ({"format": "trl-preference", "splits": "dev"}, "Nothing was downloaded"),
    ],
)
def test_what_cannot_be_downloaded_is_said_on_the_releases_page(
    client: Client, ada: User, dataset: PreferenceDataset, asked: dict[str, str], said: str
) -> None:
    dataset = release_preferences(study=dataset.study, rules=DerivationRules(seed=3))  # type: ignore[arg-type]
    client.force_login(ada)
    url = reverse("release_export", args=[dataset.pk])
    assert said in client.get(url, asked, follow=True).content.decode()


def test_of_an_erased_release_manifest_and_card_stay_and_the_rows_do_not_leave(
    client: Client, ada: User, dataset: PreferenceDataset, tiny: ModelVersion
) -> None:
    DatasetErasure.objects.create(dataset=dataset, pseudonyms=["R1"])
    client.force_login(ada)
    page = client.get(reverse("release_detail", args=[dataset.pk])).content.decode()
    assert "This release is no longer used. R1&#x27;s answers in it were erased" in page
    assert "Train on this release" not in page
    statuses = {
        name: client.get(reverse("release_file", args=[dataset.pk, name])).status_code
        for name in (*dataset.manifest["files"], "manifest.json")
    }
    assert {name for name, status in statuses.items() if status == 200} == {
        "README.md",
        "manifest.json",
    }
    asked = {"format": "trl-preference"}
    refused = client.get(reverse("release_export", args=[dataset.pk]), asked, follow=True)
    assert "no longer used" in refused.content.decode()
    assert "Holds erased answers" in client.get(reverse("dataset_list")).content.decode()


def test_the_page_leads_to_a_training_run_on_the_release(
    client: Client, ada: User, dataset: PreferenceDataset, tiny: ModelVersion
) -> None:
    client.force_login(ada)
    page = client.get(reverse("release_detail", args=[dataset.pk])).content.decode()
    address = f"{reverse('training_new')}?release={dataset.pk}"
    assert f'href="{address}"' in page
    opened = client.get(address).content.decode()
    assert f'<option value="{dataset.pk}" selected>' in opened
    assert f'<option value="{tiny.pk}" selected>' in opened


def test_an_empty_list_says_what_to_do(client: Client, ada: User, team: Team) -> None:
    client.force_login(ada)
    page = client.get(reverse("dataset_list")).content.decode()
    assert "No dataset yet" in page
    assert reverse("dataset_import") in page


def test_a_long_list_takes_as_many_queries_as_a_short_one(
    client: Client, ada: User, compared_study: Study, django_assert_num_queries: Any
) -> None:
    client.force_login(ada)
    release_preferences(study=compared_study, rules=DerivationRules(splitting="none"))
    client.get(reverse("dataset_list"))
    with django_assert_num_queries(5):
        client.get(reverse("dataset_list"))
    for margin in (3, 4, 5):
        rules = DerivationRules(splitting="none", margin=margin)
        release_preferences(study=compared_study, rules=rules)
    with django_assert_num_queries(5):
        assert client.get(reverse("dataset_list")).content.decode().count("<code>") == 4


def test_pages_are_for_the_team_only(
    client: Client, team: Team, compared_study: Study, dataset: PreferenceDataset
) -> None:
    member, sam = make_user("member@example.org"), make_user("sam@example.org")
    team.memberships.create(user=member)
    rui = compared_study.raters.all()[0].user
    pages = [
        reverse("release_detail", args=[dataset.pk]),
        reverse("release_file", args=[dataset.pk, "pairs.jsonl"]),
        reverse("release_export", args=[dataset.pk]) + "?format=trl-preference",
    ]
    release = reverse("release_new", args=[compared_study.pk])
    for url in (*pages, release):
        assert "login" in client.get(url).headers["Location"]
    client.force_login(member)
    assert [client.get(url).status_code for url in pages] == [200, 200, 200]
    job = asked_for(client, compared_study)
    for stranger in (sam, rui):
        client.force_login(stranger)
        assert [client.get(url).status_code for url in pages] == [404, 404, 404]
        assert client.post(release, USUAL).status_code == 404
        assert client.get(reverse("release_job", args=[job.pk])).status_code == 404
        assert client.post(reverse("release_job_act", args=[job.pk])).status_code == 404


def test_who_still_rates_in_the_study_sees_no_release_of_it(
    client: Client, team: Team, compared_study: Study, dataset: PreferenceDataset
) -> None:
    place = compared_study.raters.all()[0]
    team.memberships.create(user=place.user)
    Study.objects.filter(pk=compared_study.pk).update(state=Study.State.OPEN)
    job = ReleaseJob.objects.create(study=compared_study)
    client.force_login(place.user)
    assert client.get(reverse("release_detail", args=[dataset.pk])).status_code == 404
    assert client.get(reverse("release_job", args=[job.pk])).status_code == 404
    page = client.get(reverse("release_new", args=[compared_study.pk])).content.decode()
    assert "Release preferences" not in page
    assert f"/releases/{dataset.pk}/" not in client.get(reverse("dataset_list")).content.decode()
