from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotations.models import DatasetTraining, PreferenceDataset, Study
from annotations.services.datasets import release_preferences
from inference.models import ModelVersion, TrainingRun
from mood_eval.models import Team, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(compared_study: Study) -> PreferenceDataset:
    return release_preferences(study=compared_study)


def test_button_releases_once_and_then_shows_the_existing_release(
    client: Client, ada: User, compared_study: Study
) -> None:
    client.force_login(ada)
    url = reverse("release_new", args=[compared_study.pk])
    first = client.post(url, {"margin": 2}, follow=True).content.decode()
    assert "Release 1 holds 6 pairs." in first
    assert first.index("compared directly") < first.index(">Released</td>")
    assert "Nothing has changed" in client.post(url, {"margin": 2}, follow=True).content.decode()
    assert PreferenceDataset.objects.get().created_by == ada
    results = client.get(reverse("study_results", args=[compared_study.pk])).content.decode()
    assert "Release 1</a>" in results


@pytest.mark.parametrize("margin", ["0", "-1", "two", ""])
def test_senseless_margin_is_refused_in_words(
    client: Client, ada: User, compared_study: Study, margin: str
) -> None:
    client.force_login(ada)
    url = reverse("release_new", args=[compared_study.pk])
    page = client.post(url, {"margin": margin}, follow=True).content.decode()
    assert "whole number of points" in page
    assert not PreferenceDataset.objects.exists()


def test_nothing_to_release_is_said_with_the_counts(
    client: Client, ada: User, compared_study: Study
) -> None:
    client.force_login(ada)
    for preference in list(compared_study.parts.get().items.all()):
        for assignment in preference.assignments.all():
            assignment.preferences.all().delete()
    url = reverse("release_new", args=[compared_study.pk])
    assert "No preference pair" in client.post(url, {"margin": 2}, follow=True).content.decode()


def test_files_are_downloaded_as_released(
    client: Client, ada: User, dataset: PreferenceDataset
) -> None:
    client.force_login(ada)
    for name in ("pairs.jsonl", "manifest.json", "README.md"):
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


def test_release_page_starts_a_training_run_linked_to_it(
    client: Client, ada: User, dataset: PreferenceDataset, tiny: ModelVersion
) -> None:
    client.force_login(ada)
    url = reverse("release_detail", args=[dataset.pk])
    assert "Start the training" in client.get(url).content.decode()
    options = {"epochs": 1, "learning_rate": 1e-3, "beta": 0.1, "batch_size": 2, "seed": 7}
    response = client.post(url, {"base": tiny.pk, "name": "", **options})
    run = TrainingRun.objects.get()
    assert response.headers["Location"] == reverse("training_detail", args=[run.pk])
    assert (run.name, run.state, run.created_by) == ("tiny-dpo-1", "queued", ada)
    assert run.dataset_sha256 == dataset.sha256
    assert run.config["seed"] == 7
    assert DatasetTraining.objects.get().dataset == dataset


def test_training_is_refused_with_the_reason(
    client: Client, ada: User, dataset: PreferenceDataset, tiny: ModelVersion
) -> None:
    client.force_login(ada)
    url = reverse("release_detail", args=[dataset.pk])
    options = {"epochs": 1, "learning_rate": 1e-3, "beta": 0.1, "batch_size": 2, "seed": 7}
    page = client.post(url, {"base": tiny.pk, "name": "tiny", **options}).content.decode()
    assert "already a model named" in page
    assert not TrainingRun.objects.exists()


def test_pages_are_for_the_team_only(
    client: Client, team: Team, compared_study: Study, dataset: PreferenceDataset
) -> None:
    member, sam = make_user("member@example.org"), make_user("sam@example.org")
    team.memberships.create(user=member)
    rui = compared_study.raters.all()[0].user
    pages = [
        reverse("release_detail", args=[dataset.pk]),
        reverse("release_file", args=[dataset.pk, "pairs.jsonl"]),
    ]
    release = reverse("release_new", args=[compared_study.pk])
    for url in pages:
        assert "login" in client.get(url).headers["Location"]
    assert "login" in client.post(release, {"margin": 2}).headers["Location"]
    client.force_login(member)
    assert [client.get(url).status_code for url in pages] == [200, 200]
    assert client.post(release, {"margin": 2}).status_code == 302
    for stranger in (sam, rui):
        client.force_login(stranger)
        assert [client.get(url).status_code for url in pages] == [404, 404]
        assert client.post(release, {"margin": 2}).status_code == 404
        assert client.post(pages[0], {}).status_code == 404
