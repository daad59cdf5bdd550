"""Who taught a reward model taught the policies it scores; a corpus that was read is not fresh."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset, Study
from annotations.selectors.fresh_sessions import learned_from
from annotations.selectors.lineage import ancestry, erasures_behind, offspring, trainings_behind
from annotations.selectors.withdrawals import releases_holding
from annotations.services.datasets import release_preferences
from annotations.services.training import (
    follow_up_name,
    generate_for_follow_up,
    train_on_release,
)
from annotations.services.withdrawal import withdraw
from inference.corpora import generic
from inference.errors import InvalidOptionsError, UnknownNameError
from inference.models import Corpus, JobState, ModelVersion, TrainingRun
from inference.reward_files import REWARD_ARCHITECTURE
from inference.services.generation import create_generation_run
from inference.services.model_versions import register_checkpoint
from inference.services.training import trainer_config
from inference.services.training_corpora import train_on_corpus
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_dialogue, make_team

pytestmark = pytest.mark.django_db
WHOLE = DerivationRules(splitting="none")
FRESH = {"split": "fresh"}


@pytest.fixture
def release(compared_study: Study) -> PreferenceDataset:
    return release_preferences(study=compared_study, rules=WHOLE)


@pytest.fixture
def reward_folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that says of itself that it scores answers."""
    folder = tmp_path / "reward"
    shutil.copytree(tiny_checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "architectures": [REWARD_ARCHITECTURE]})
    )
    return folder


@pytest.fixture
def reward(
    release: PreferenceDataset, tiny: ModelVersion, team: Team, reward_folder: Path
) -> ModelVersion:
    """As if it had been trained on the release."""
    run = train_on_release(dataset=release, base=tiny, method="reward")
    model = register_checkpoint(team=team, name="taste", path=reward_folder, parent=tiny)
    return learned(run, model)


@pytest.fixture
def other(team: Team) -> Corpus:
    """Of which the release holds nothing: three dialogues to train on, one for evaluation."""
    corpus = make_corpus_with_dialogues(team, 3, name="Other", split="train")
    session = corpus.sessions.create(label="held out")
    make_dialogue(corpus, session, "held-out", split="validation")
    return corpus


def learned(run: TrainingRun, result: ModelVersion) -> ModelVersion:
    run.result, run.state, run.started_at = result, JobState.DONE, timezone.now()
    run.save()
    return result


def policy_of(run: TrainingRun, name: str = "policy") -> ModelVersion:
    model = ModelVersion.objects.create(
        team=run.team, name=name, kind=run.base.kind, path=run.base.path, parent=run.base
    )
    return learned(run, model)


def test_a_folder_that_scores_answers_is_registered_as_a_reward_model(
    reward: ModelVersion,
) -> None:
    assert reward.kind == ModelVersion.Kind.REWARD


def test_whoever_taught_the_reward_model_taught_the_policy(
    reward: ModelVersion, tiny: ModelVersion, other: Corpus, release: PreferenceDataset
) -> None:
    run = train_on_corpus(corpus=other, method="ppo", base=tiny, reward_models=[reward])
    assert list(run.reward_models.all()) == [reward]
    policy = policy_of(run)
    assert ancestry([policy.pk])[policy.pk] == {policy.pk, tiny.pk, reward.pk}
    assert offspring([reward.pk])[reward.pk] == {reward.pk, policy.pk}
    assert trainings_behind([policy.pk]).releases == {release.pk}
    rated = {row.session_id for row in release.sessions.all()}
    corpus = release.sessions.all()[0].session.corpus
    assert learned_from(corpus, trainings_behind([policy.pk])) == rated
    assert follow_up_name(run) == "Version 1 against version 2", "a reward model is no version"


def test_erased_answers_mark_the_policies_that_a_reward_model_scored(
    reward: ModelVersion, tiny: ModelVersion, other: Corpus, compared_study: Study
) -> None:
    run = train_on_corpus(corpus=other, method="grpo", base=tiny, reward_models=[reward])
    policy = policy_of(run)
    assert erasures_behind(policy) == []
    rater = compared_study.raters.select_related("study").get(pseudonym="R1")
    withdraw(rater, erase=True)
    (behind,) = erasures_behind(policy)
    assert behind.learned == reward
    (held,) = releases_holding(rater)
    assert {model.name for model in held.models} == {"taste", "policy"}


@pytest.mark.parametrize("method", ["sft", "compressor", "ppo"])
def test_the_split_of_a_corpus_that_was_trained_on_is_not_fresh(
    method: str, reward: ModelVersion, tiny: ModelVersion, other: Corpus
) -> None:
    scored_by = [reward] if method == "ppo" else []
    policy = policy_of(
        train_on_corpus(corpus=other, method=method, base=tiny, reward_models=scored_by)
    )
    behind = trainings_behind([policy.pk])
    assert behind.corpora == ((other.pk, "train"),)
    assert behind.elsewhere == ()
    labels = other.sessions.filter(pk__in=learned_from(other, behind)).values_list("label")
    assert {label for (label,) in labels} == {"session-000", "session-001", "session-002"}


def test_dialogues_that_were_trained_on_are_known_again_in_another_corpus(
    tiny: ModelVersion, other: Corpus, team: Team
) -> None:
    policy = policy_of(train_on_corpus(corpus=other, method="sft", base=tiny))
    again = make_corpus_with_dialogues(team, 4, name="Again", split="fresh")
    seen = learned_from(again, trainings_behind([policy.pk]))
    labels = again.sessions.filter(pk__in=seen).order_by("label").values_list("label", flat=True)
    assert list(labels) == ["session-000", "session-001", "session-002"]


def test_a_release_teaches_its_clients_turns_to_ppo_and_is_linked(
    release: PreferenceDataset, tiny: ModelVersion, reward: ModelVersion
) -> None:
    run = train_on_release(dataset=release, base=tiny, method="ppo", reward_models=[reward])
    assert run.dataset_link.dataset == release
    assert run.dataset_sha256 == release.sha256


def test_methods_are_refused_what_they_cannot_learn_from(
    release: PreferenceDataset, tiny: ModelVersion, other: Corpus
) -> None:
    with pytest.raises(InvalidOptionsError, match="needs a corpus, not a release"):
        train_on_release(dataset=release, base=tiny, method="sft")
    with pytest.raises(InvalidOptionsError, match="needs a release, not a corpus"):
        train_on_corpus(corpus=other, base=tiny, method="dpo")
    with pytest.raises(InvalidOptionsError, match="rewards: missing"):
        train_on_release(dataset=release, base=tiny, method="grpo")
    assert not TrainingRun.objects.exists()


def test_only_reward_models_of_the_team_score(
    release: PreferenceDataset, tiny: ModelVersion, reward: ModelVersion, reward_folder: Path
) -> None:
    elsewhere = register_checkpoint(team=make_team("Other lab"), name="taste", path=reward_folder)
    before = TrainingRun.objects.count()
    cases: list[tuple[Any, str, type[Exception], str]] = [
        ([tiny], "ppo", InvalidOptionsError, "“tiny” is no reward model"),
        ([elsewhere], "ppo", UnknownNameError, "belongs to another team"),
        ([reward], "dpo", InvalidOptionsError, "dpo uses none"),
    ]
    for models, method, error, words in cases:
        with pytest.raises(error, match=words):
            train_on_release(dataset=release, base=tiny, method=method, reward_models=models)
    assert TrainingRun.objects.count() == before


def test_a_reward_model_neither_answers_nor_is_trained_further_nor_followed_up(
    release: PreferenceDataset, reward: ModelVersion, other: Corpus, team: Team
) -> None:
    words = "“taste” is a reward model: it scores answers and gives none"
    with pytest.raises(InvalidOptionsError, match=words):
        create_generation_run(team=team, model_version=reward, corpus=other)
    with pytest.raises(InvalidOptionsError, match=words):
        train_on_release(dataset=release, base=reward)
    with pytest.raises(InvalidOptionsError, match=words):
        generate_for_follow_up(training_run=reward.trained_by)


def test_a_run_on_a_release_is_measured_on_what_nothing_behind_it_has_seen(
    release: PreferenceDataset, reward: ModelVersion, tiny: ModelVersion, team: Team
) -> None:
    """The study's corpus has two rated sessions, one set aside for training, one called fresh."""
    corpus = release.sessions.all()[0].session.corpus
    run = train_on_release(dataset=release, base=tiny)
    file = Path(trainer_config(run)["held_out"])
    assert [d.external_id for d in generic.read([file])] == ["dialogue-fresh"]
    base = policy_of(train_on_corpus(corpus=corpus, method="sft", base=tiny, config=FRESH))
    assert "held_out" not in train_on_release(dataset=release, base=base).config
    assert "held_out" not in train_on_release(dataset=release, base=tiny, method="reward").config
