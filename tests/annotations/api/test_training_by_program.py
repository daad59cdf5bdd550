"""A program starts a training run, follows it, stops it and resumes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from annotations.models import PreferenceDataset
from annotations.services.datasets import release_preferences
from inference.models import Corpus, JobState, ModelVersion, TrainingRun
from inference.reward_files import REWARD_ARCHITECTURE
from inference.services.model_versions import register_checkpoint
from mood_eval.models import Team
from tests.annotations.api.conftest import Signed, World
from tests.answered_studies import (
    CLEARLY_FIRST,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def base(world: World, tiny_checkpoint: Path) -> ModelVersion:
    for name in ("training", "releases"):
        shutil.rmtree(settings.VAR / name, ignore_errors=True)
    return register_checkpoint(team=world.team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def corpus(world: World) -> Corpus:
    return make_corpus_with_dialogues(world.team, 2, name="Lessons", split="train")


def reward_model(team: Team, checkpoint: Path, folder: Path) -> ModelVersion:
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = [REWARD_ARCHITECTURE]
    (folder / "config.json").write_text(json.dumps(config))
    return register_checkpoint(team=team, name=f"taste of {team}", path=folder)


def release_of(team: Team) -> PreferenceDataset:
    corpus = make_corpus_with_dialogues(team, 2, name="Rated")
    runs = [make_run_with_responses(team, corpus, name, f"{name} words") for name in ("a", "b")]
    study = make_study(team, runs)
    part = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    for stimulus, both in responses_by_stimulus(runs):
        item = add_item(part, stimulus, both)
        for rater in study.raters.all():
            choose(item, rater, CLEARLY_FIRST)
    return release_preferences(study=study)


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(f"/api/{path}", body, content_type="application/json")


def test_started_on_a_corpus_stopped_and_resumed(
    signed: Signed, base: ModelVersion, corpus: Corpus
) -> None:
    client = signed("member")
    body = {"method": "sft", "base": base.pk, "corpus": corpus.pk, "preset": "sft-two-cores"}
    started = post(client, "training/", **body, config={"max_steps": 7}, name="Kinder")
    assert started.status_code == 201, started.content
    told = started.json()
    assert (told["name"], told["state"], told["base"]) == ("Kinder", "queued", "tiny")
    assert (told["corpus"], told["dataset"], told["preset"]) == ("Lessons", None, "sft-two-cores")
    assert (told["config"]["max_steps"], told["config"]["device"]) == (7, "cpu")
    assert (told["report"], told["stage"], told["reward_models"]) == ({}, "", [])
    address = f"training/{told['id']}/"
    stopped = post(client, f"{address}cancel/")
    assert (stopped.status_code, stopped.json()["state"]) == (200, JobState.CANCELLED)
    assert post(client, f"{address}cancel/").status_code == 409
    assert post(client, f"{address}resume/").json()["state"] == JobState.QUEUED
    assert TrainingRun.objects.get(name="Kinder").created_by is not None


def test_started_on_a_release_with_a_reward_model(
    signed: Signed, world: World, base: ModelVersion, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    reward = reward_model(world.team, tiny_checkpoint, tmp_path / "reward")
    release = release_of(world.team)
    told = post(
        signed("owner"),
        "training/",
        method="grpo",
        base=base.pk,
        dataset=release.pk,
        reward_models=[reward.pk],
        config={"max_steps": 1},
    ).json()
    assert (told["method"], told["dataset"]) == ("grpo", release.pk)
    assert told["reward_models"] == [reward.name]
    kinds = {
        row["name"]: row["kind"] for row in signed("owner").get("/api/models/").json()["results"]
    }
    assert kinds[reward.name] == "reward"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"corpus": None}, "dataset, corpus: give one of them"),
        ({"method": "dpo"}, "needs a release, not a corpus"),
        ({"method": "magic"}, "method: "),
        ({"base": 10**9}, "base: There is no model 1000000000 for you"),
        ({"corpus": 10**9}, "corpus: There is no corpus 1000000000 for you"),
        ({"preset": "dpo-one-gpu"}, "dpo-one-gpu is for dpo, not sft"),
        ({"config": {"speed": 3}}, "speed: no such key"),
        ({"config": {"held_out": "/etc/passwd"}}, "held_out: reaches beyond"),
        ({"config": {"epochs": 10**400}}, "too large"),
        ({"config": {"modality": "\0"}}, "cannot be stored"),
        ({"config": [1]}, "config: "),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(
    changes: dict[str, Any], said: str, signed: Signed, base: ModelVersion, corpus: Corpus
) -> None:
    before = TrainingRun.objects.count()
    body = {"method": "sft", "base": base.pk, "corpus": corpus.pk} | changes
    given = {name: value for name, value in body.items() if value is not None}
    response = post(signed("owner"), "training/", **given)
    assert response.status_code == 400
    assert said in response.json()["detail"]
    assert TrainingRun.objects.count() == before


def test_nothing_of_another_team_can_be_used(
    signed: Signed,
    world: World,
    base: ModelVersion,
    corpus: Corpus,
    tiny_checkpoint: Path,
    tmp_path: Path,
) -> None:
    other = make_team("Third lab")
    model = register_checkpoint(team=other, name="theirs", path=tiny_checkpoint)
    reward = reward_model(other, tiny_checkpoint, tmp_path / "reward")
    lessons = make_corpus_with_dialogues(other, 1, name="Theirs", split="train")
    release = release_of(other)
    usual = {"method": "ppo", "base": base.pk, "corpus": corpus.pk}
    foreign: list[dict[str, Any]] = [
        usual | {"base": model.pk},
        usual | {"corpus": lessons.pk},
        usual | {"reward_models": [reward.pk]},
        {"method": "ppo", "base": base.pk, "dataset": release.pk},
    ]
    before = TrainingRun.objects.count()
    for body in foreign:
        response = post(signed("owner"), "training/", **body)
        assert response.status_code == 400
        assert "for you" in response.json()["detail"]
    assert TrainingRun.objects.count() == before


def test_points_and_samples_come_by_step_and_as_lines(
    signed: Signed, world: World, base: ModelVersion
) -> None:
    run = TrainingRun.objects.get(pk=world.keys["api_training.pk"])
    for step in (3, 2):
        run.points.create(step=step, values={"loss": 1 / step, "kl": 0.5})
        run.samples.create(step=step, key="d:0", client="Hello.", text=f"Answer {step}.")
    client, address = signed("member"), f"/api/training/{run.pk}/"
    first = client.get(f"{address}points/?page_size=2").json()
    assert [point["step"] for point in first["results"]] == [1, 2]
    (last,) = client.get(first["next"]).json()["results"]
    assert (last["step"], last["values"]) == (3, {"loss": 1 / 3, "kl": 0.5})
    samples = client.get(f"{address}samples/").json()["results"]
    assert [(s["step"], s["text"]) for s in samples[1:]] == [(2, "Answer 2."), (3, "Answer 3.")]
    response = client.get(f"{address}progress/")
    assert response.streaming
    assert response.headers["Content-Type"] == "application/x-ndjson"
    events = [json.loads(line) for line in response.getvalue().decode().splitlines()]
    assert [(e["event"], e["step"]) for e in events] == [
        (event, step) for step in (1, 2, 3) for event in ("log", "samples")
    ]
    asked = {"Accept": "application/x-ndjson"}
    again = client.get(f"{address}progress/", headers=asked)
    assert [json.loads(line) for line in again.getvalue().splitlines()] == events
    refused = signed("stranger").get(f"{address}progress/", headers=asked)
    assert (refused.status_code, refused.headers["Content-Type"]) == (404, "application/x-ndjson")
    assert "detail" in json.loads(refused.content)
    run.report = {"kl": 0.25}
    run.save()
    assert client.get(address).json()["report"] == {"kl": 0.25}


def test_a_list_of_runs_takes_the_same_queries_however_long(
    signed: Signed, world: World, base: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        run = TrainingRun.objects.create(
            team=world.team, name=f"run {number}", method="ppo", base=base, dataset_path="x"
        )
        run.reward_models.add(base)
    client = signed("owner")
    with django_assert_max_num_queries(5):
        rows = client.get("/api/training/").json()["results"]
    assert len(rows) == 13
