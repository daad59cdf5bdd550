from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from annotations.models import PreferenceDataset
from annotations.services.datasets import release_preferences
from inference.models import Corpus, ModelVersion, TrainingPoint, TrainingRun, TrainingSample
from inference.services.model_versions import register_checkpoint
from mood_eval.models import Team, User
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

MakeRun = Callable[..., TrainingRun]


@dataclass
class Lab:
    """Ada owns the team, Max is a member of it, Sam has a team of his own."""

    ada: User
    max: User
    sam: User
    team: Team
    corpus: Corpus
    base: ModelVersion

    def as_person(self, name: str) -> Client:
        client = Client()
        client.force_login(getattr(self, name))
        return client


@pytest.fixture
def lab(db: None, tiny_checkpoint: Path) -> Lab:
    ada, max_, sam = (make_user(f"{name}@example.org") for name in ("ada", "max", "sam"))
    team = make_team(owner=ada, members=[max_])
    make_team("Another lab", owner=sam)
    corpus = make_corpus_with_dialogues(team, 3, name="hush-corpus", split="train")
    base = register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)
    return Lab(ada, max_, sam, team, corpus, base)


@pytest.fixture
def ada(lab: Lab) -> Client:
    return lab.as_person("ada")


@pytest.fixture
def release(lab: Lab) -> PreferenceDataset:
    """Nine pairs, of which every one was decided for the first model."""
    for name in ("releases", "training"):
        shutil.rmtree(settings.VAR / name, ignore_errors=True)
    runs = [
        make_run_with_responses(lab.team, lab.corpus, name, f"Words of the {name} one.")
        for name in ("kind", "curt")
    ]
    study = make_study(lab.team, runs, name="hush-study")
    part = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    for stimulus, both in responses_by_stimulus(runs):
        item = add_item(part, stimulus, both)
        for rater in study.raters.all():
            choose(item, rater, CLEARLY_FIRST)
    return release_preferences(study=study)


@pytest.fixture
def reward_model(lab: Lab) -> ModelVersion:
    return make_model_version(
        lab.team, "hush-reward", kind=ModelVersion.Kind.REWARD, path=lab.base.path
    )


@pytest.fixture
def make_run(lab: Lab) -> MakeRun:
    """A run as its supervisor leaves it: points at every step, samples at every evaluation."""

    def make(points: int = 0, evaluations: int = 0, turns: int = 2, **fields: Any) -> TrainingRun:
        fields = {"name": "hush-run", "method": "dpo", "state": "running"} | fields
        run = TrainingRun.objects.create(
            team=lab.team,
            base=lab.base,
            dataset_path="releases/1",
            dataset_sha256="a" * 64,
            created_by=lab.ada,
            done=points,
            total=max(points, 10),
            **fields,
        )
        every = max(1, points // evaluations) if evaluations else points + 1
        TrainingPoint.objects.bulk_create(
            TrainingPoint(run=run, step=step, values=values_at(step, step % every == 0))
            for step in range(1, points + 1)
        )
        TrainingSample.objects.bulk_create(
            TrainingSample(
                run=run,
                step=step * every,
                key=f"dialogue-{turn}/0 & more",
                client=f"Client turn {turn}.",
                client_emotion="sadness",
                therapist_emotion="neutral",
                strategy="open question",
                text=f"Answer to turn {turn} at step {step * every}.",
            )
            for step in range(1, evaluations + 1)
            for turn in range(turns)
        )
        return run

    return make


def values_at(step: int, evaluated: bool) -> dict[str, float]:
    values = {
        "loss": 0.7 / step,
        "reward_margin": step / 100,
        "accuracy": 0.5 + 0.4 * (step % 2),
        "learning_rate": 1e-4,
        "grad_norm": 1.5,
        "epoch": step / 100,
        "tokens_per_s": 812.0,
    }
    held_out = {"eval_loss": 0.8 / step, "eval_accuracy": 0.75, "eval_reward_margin": step / 200}
    return values | (held_out if evaluated else {})
