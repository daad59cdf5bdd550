"""A blind study of one model's runs that differ in what it perceived, drafted by one button."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotations.models import Study
from annotations.services.modality_studies import draft_modality_study
from inference.errors import WrongStateError
from inference.models import GenerationRun, JobState, RunGroup
from mood_eval.models import User
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

WAYS = ("av", "a", "v", "text")


@pytest.fixture
def group(db: None) -> RunGroup:
    team = make_team(owner=make_user())
    corpus = make_corpus_with_dialogues(team, 2, clips=True)
    make_model_version(team, "perceiver", kind="multimood", path="x")
    group = RunGroup.objects.create(team=team, name="perceiver on Small corpus, by modality")
    for way in WAYS:
        run = make_run_with_responses(team, corpus, "perceiver", f"I saw or heard {way}.")
        GenerationRun.objects.filter(pk=run.pk).update(options={"modality": way})
        group.runs.add(run)
    return group


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_the_button_drafts_one_study_of_all_runs(group: RunGroup) -> None:
    ada = client_of(User.objects.get(email="ada@example.org"))
    url = reverse("run_group_study", args=[group.pk])
    assert url in ada.get(reverse("run_group", args=[group.pk])).content.decode()
    answer = ada.post(url)
    study = Study.objects.get()
    assert answer.headers["Location"] == reverse("study_detail", args=[study.pk])
    assert ada.post(url).headers["Location"] == answer.headers["Location"]
    assert Study.objects.count() == 1
    runs = [link.run for link in study.study_runs.select_related("run")]
    assert [run.options["modality"] for run in runs] == list(WAYS)
    assert study.state == Study.State.DRAFT
    assert "video and audio" in study.amendments.get().reason


def test_raters_read_neither_the_model_nor_what_it_perceived(group: RunGroup) -> None:
    study = draft_modality_study(group)
    read = " ".join((study.name, study.consent_text, study.content_note)).lower()
    assert not [word for word in ("perceiver", "modalit", "audio", "sound") if word in read]


def test_it_waits_for_every_run(group: RunGroup) -> None:
    last = group.runs.order_by("-pk")[0]
    GenerationRun.objects.filter(pk=last.pk).update(state=JobState.RUNNING)
    with pytest.raises(WrongStateError, match=f"Not done: run {last.pk}"):
        draft_modality_study(group)
    ada = client_of(User.objects.get(email="ada@example.org"))
    answer = ada.post(reverse("run_group_study", args=[group.pk]), follow=True)
    assert "once every run is done" in answer.content.decode()
    assert not Study.objects.exists()


@pytest.mark.parametrize(("person", "status"), [("member", 302), ("stranger", 404)])
def test_members_draft_it_and_strangers_find_nothing(
    group: RunGroup, person: str, status: int
) -> None:
    user = make_user(f"{person}@example.org")
    if person == "member":
        group.team.memberships.create(user=user)
    else:
        make_team("Elsewhere", owner=user)
    assert client_of(user).post(reverse("run_group_study", args=[group.pk])).status_code == status
    assert Study.objects.exists() is (status == 302)
