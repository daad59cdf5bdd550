"""Every address, for everyone: owner, member, rater, stranger, and who has not signed in.

A new address without a line here fails the first test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from annotations.services.consent import give_consent
from annotations.services.datasets import release_preferences
from inference.models import Clip, Dialogue, TrainingRun
from mood_eval.models import User
from tests.answered_studies import (
    CLEARLY_FIRST,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
OTHERS = ("admin/", "accounts/")
"""Not written here: Django's and allauth's own pages, with their own tests."""
PEOPLE = ("owner", "member", "rater", "stranger", "anonymous")
Statuses = tuple[int, int, int, int, int]

EVERYONE: Statuses = (200, 200, 200, 200, 200)
SIGNED_IN: Statuses = (200, 200, 200, 200, 302)
RESEARCHERS: Statuses = (200, 200, 404, 200, 302)
TEAM: Statuses = (200, 200, 404, 404, 302)
TEAM_ACTS: Statuses = (302, 302, 404, 404, 302)
RATER: Statuses = (404, 404, 200, 404, 302)
RATER_ACTS: Statuses = (404, 404, 302, 404, 302)
API_LIST: Statuses = (200, 200, 200, 200, 403)
API_ROW: Statuses = (200, 200, 404, 404, 403)

# In this order for each person: what changes the world for the lines below stands last.
ADDRESSES: dict[str, tuple[str, str, Statuses]] = {
    "home": ("get", "", EVERYONE),
    "healthz": ("get", "", EVERYONE),
    "demo_sign_in": ("post", "", (404, 404, 404, 404, 404)),
    "corpus_list": ("get", "", RESEARCHERS),
    "corpus_detail": ("get", "corpus", TEAM),
    "dialogue_detail": ("get", "dialogue", TEAM),
    "clip": ("get", "clip", TEAM),
    "clip_original": ("get", "clip", TEAM),
    "model_list": ("get", "", RESEARCHERS),
    "model_detail": ("get", "model", TEAM),
    "run_list": ("get", "", RESEARCHERS),
    "run_new": ("get", "", RESEARCHERS),
    "run_detail": ("get", "run", TEAM),
    "run_responses_jsonl": ("get", "run", TEAM),
    "run_responses_csv": ("get", "run", TEAM),
    "run_recognition": ("get", "run", TEAM),
    "run_recognition_file": ("get", "recognition file", TEAM),
    "training_list": ("get", "", RESEARCHERS),
    "training_detail": ("get", "training", TEAM),
    "training_log": ("get", "training", TEAM),
    "training_next": ("get", "training", TEAM),
    "study_list": ("get", "", RESEARCHERS),
    "study_new": ("get", "", RESEARCHERS),
    "study_detail": ("get", "study", TEAM),
    "study_results": ("get", "study", TEAM),
    "release_detail": ("get", "release", TEAM),
    "release_file": ("get", "release file", TEAM),
    "rating_home": ("get", "", SIGNED_IN),
    "rating_recorded": ("get", "", SIGNED_IN),
    "rating_study": ("get", "place", RATER),
    "rating_item": ("get", "item", RATER),
    "rating_clip": ("get", "item clip", RATER),
    "rating_captions": ("get", "item clip", RATER),
    "rating_consent": ("post", "place", RATER_ACTS),
    "rating_save": ("post", "item", (404, 404, 400, 404, 401)),
    "rating_flag": ("post", "item", (404, 404, 400, 404, 302)),
    "rating_submit": ("post", "item", (404, 404, 422, 404, 302)),
    "rating_skip": ("post", "item", RATER_ACTS),
    "api_schema": ("get", "", API_LIST),
    **{
        f"api_{name}-list": ("get", "", API_LIST)
        for name in ("corpus", "model", "run", "training", "study", "dataset")
    },
    "api_corpus-detail": ("get", "corpus", API_ROW),
    "api_model-detail": ("get", "model", API_ROW),
    "api_run-detail": ("get", "run", API_ROW),
    "api_run-responses": ("get", "run", API_ROW),
    "api_training-detail": ("get", "training", API_ROW),
    "api_study-detail": ("get", "study", API_ROW),
    "api_study-agreement": ("get", "study", API_ROW),
    "api_dataset-detail": ("get", "release", API_ROW),
    "therapists_register": ("post", "corpus", TEAM_ACTS),
    "run_answer_again": ("post", "run", TEAM_ACTS),
    "run_cancel": ("post", "run", TEAM_ACTS),
    "run_resume": ("post", "run", TEAM_ACTS),
    "training_cancel": ("post", "training", TEAM_ACTS),
    "training_resume": ("post", "training", TEAM_ACTS),
    "training_generate": ("post", "training", TEAM_ACTS),
    "training_follow_up": ("post", "training", TEAM_ACTS),
    "release_new": ("post", "study", TEAM_ACTS),
    "study_launch": ("post", "study", TEAM_ACTS),
    "study_close": ("post", "study", TEAM_ACTS),
}


@dataclass(frozen=True)
class World:
    people: dict[str, User]
    keys: dict[str, tuple[Any, ...]]


@pytest.fixture
def world() -> World:
    owner, member, stranger = (make_user(f"{name}@example.org") for name in ("ada", "max", "sam"))
    team = make_team(owner=owner, members=[member])
    make_team("Another lab", owner=stranger)
    corpus = make_corpus_with_dialogues(team, 1, name="hush-corpus", clips=True)
    runs = [
        make_run_with_responses(team, corpus, name, f"{name[5:]} words")
        for name in ("hush-first", "hush-second")
    ]
    study = make_study(team, runs, raters=1, name="Quiet study")
    place = study.raters.get()
    give_consent(place)
    part = add_part(study, "pairwise", make_instrument())
    stimulus, both = responses_by_stimulus(runs)[0]
    assignment = choose(add_item(part, stimulus, both), place, CLEARLY_FIRST)
    release = release_preferences(study=study)
    model = runs[0].model_version
    make_model_version(team, "hush-third", kind="multimood", path="x", weights_sha256="0" * 64)
    recognising = make_run_with_responses(team, corpus, "hush-third")
    training = TrainingRun.objects.create(
        team=team, name="hush-training", method="dpo", base=model, dataset_path=release.folder
    )
    keys = {
        "": (),
        "corpus": (corpus.pk,),
        "dialogue": (Dialogue.objects.get().pk,),
        "clip": (Clip.objects.all()[0].pk,),
        "model": (model.pk,),
        "run": (runs[0].pk,),
        "recognition file": (recognising.pk, "confusion.csv"),
        "training": (training.pk,),
        "study": (study.pk,),
        "release": (release.pk,),
        "release file": (release.pk, "pairs.jsonl"),
        "place": (place.uuid,),
        "item": (assignment.pk,),
        "item clip": (assignment.pk, 1),
    }
    people = {"owner": owner, "member": member, "rater": place.user, "stranger": stranger}
    return World(people, keys)


def names(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if path.startswith(OTHERS):
            continue
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, path)
        else:
            yield pattern.name or path


def test_every_address_stands_in_the_table() -> None:
    assert set(names(get_resolver().url_patterns)) == set(ADDRESSES)


def words_of(response: HttpResponse) -> str:
    if getattr(response, "streaming", False):
        return ""
    return response.content.decode(errors="replace") + str(response.headers)


@pytest.mark.parametrize("person", PEOPLE)
def test_every_address_answers_as_the_table_says(world: World, client: Client, person: str) -> None:
    if person != "anonymous":
        client.force_login(world.people[person])
    for name, (method, key, statuses) in ADDRESSES.items():
        url = reverse(name, args=world.keys[key])
        response = getattr(client, method)(url)
        assert response.status_code == statuses[PEOPLE.index(person)], (name, url)
        if person == "anonymous" and response.status_code == 302:
            assert response.headers["Location"].startswith("/accounts/login/"), name
        if person not in ("owner", "member"):
            assert "hush" not in words_of(response), name
        if method == "post":
            assert client.get(url).status_code in (302, 404, 405), f"{name} acts on a mere visit"
