"""Which rewards a team may ask for, and what a trainer is handed for them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from inference.errors import InvalidOptionsError
from inference.models import Corpus, JobState, ModelVersion, TrainingRun
from inference.reward_files import REWARD_ARCHITECTURE
from inference.selectors.training import public_config
from inference.services.model_versions import register_checkpoint
from inference.services.training import resume_training_run, trainer_config
from inference.services.training_corpora import train_on_corpus
from inference.services.training_process import trainer_environment
from inference.services.training_rewards import judge_keys
from inference.services.training_supervision import run_training, version_card
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_team

pytestmark = pytest.mark.django_db
URL = "https://judge.example/v1"
JUDGE = {"kind": "judge", "url": URL, "name": "wise", "key_variable": "JUDGE_API_KEY"}


@pytest.fixture
def team() -> Team:
    shutil.rmtree(django_settings.VAR / "training", ignore_errors=True)
    return make_team()


@pytest.fixture
def base(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def corpus(team: Team) -> Corpus:
    return make_corpus_with_dialogues(team, 1, split="train")


def reward(team: Team, checkpoint: Path, folder: Path) -> ModelVersion:
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = [REWARD_ARCHITECTURE]
    (folder / "config.json").write_text(json.dumps(config))
    return register_checkpoint(team=team, name=folder.name, path=folder)


def start(corpus: Corpus, base: ModelVersion, *rewards: Any, **options: Any) -> TrainingRun:
    config = {"rewards": list(rewards)} if rewards else {}
    return train_on_corpus(corpus=corpus, method="grpo", base=base, config=config, **options)


def test_reward_models_become_terms_with_their_folders(
    corpus: Corpus, base: ModelVersion, team: Team, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    kind, safe = (reward(team, tiny_checkpoint, tmp_path / name) for name in ("kind", "safe"))
    heavy = {"kind": "model", "name": "safe", "weight": 3.0, "criteria": ["empathy"]}
    run = start(corpus, base, heavy, {"kind": "similarity"}, reward_models=[kind, safe])
    assert trainer_config(run)["rewards"] == [
        heavy | {"path": str(tmp_path / "safe")},
        {"kind": "similarity"},
        {"kind": "model", "name": "kind", "path": str(tmp_path / "kind")},
    ]
    assert str(tmp_path) not in json.dumps(run.config), "only the trainer's own file names folders"


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ({"kind": "model", "name": "unknown"}, "“unknown” is none of the run's reward models"),
        ({"kind": "model", "path": "/etc"}, "entry 1: path: filled in by the platform"),
        ({"kind": "similarity", "path": "/models/x"}, "entry 1: path: filled in by the platform"),
        (JUDGE, f"url: judges at {URL} may not be asked from here.*TRAINING_JUDGE_URLS: none"),
        ({"kind": "judge"}, "url: missing, and a judge needs it"),
        ({"kind": "function"}, "name: missing, and a function needs it"),
        ({"weight": 1}, "kind: missing"),
        ("kind", "expected a list of objects"),
        ({"kind": "model", "name": []}, r"entry 1: name: expected a text, found \[\]"),
        ({"kind": ["judge"]}, "entry 1: kind: expected a text"),
        ({"kind": "similarity", "weight": float("inf")}, "rewards: holds a number"),
    ],
)
def test_terms_that_a_team_may_not_ask_for_are_refused(
    term: Any, words: str, corpus: Corpus, base: ModelVersion
) -> None:
    with pytest.raises(InvalidOptionsError, match=words):
        start(corpus, base, term)
    assert not TrainingRun.objects.exists()


def test_a_judge_is_asked_with_the_key_that_was_allowed_and_no_other(
    corpus: Corpus,
    base: ModelVersion,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    settings.TRAINING_JUDGE_URLS = [URL]
    with pytest.raises(InvalidOptionsError, match="JUDGE_API_KEY may not be used"):
        start(corpus, base, JUDGE)
    with pytest.raises(InvalidOptionsError, match="SECRET_KEY may not be used"):
        start(corpus, base, JUDGE | {"key_variable": "SECRET_KEY"})
    settings.TRAINING_JUDGE_KEYS = ["JUDGE_API_KEY"]
    monkeypatch.delenv("JUDGE_API_KEY", raising=False)
    rule = {"kind": "function", "name": "format", "key_variable": "SECRET_KEY"}
    run = start(corpus, base, JUDGE, {"kind": "similarity"}, rule)
    monkeypatch.setenv("JUDGE_API_KEY", "whisper")
    settings.TRAINING_JUDGE_KEYS = ["JUDGE_API_KEY", "SECRET_KEY"]
    keys = judge_keys(run.config["rewards"])
    assert keys == ["JUDGE_API_KEY"]
    passed = trainer_environment(keys)
    assert passed["JUDGE_API_KEY"] == "whisper"
    assert "SECRET_KEY" not in passed
    assert "JUDGE_API_KEY" not in trainer_environment()
    assert "whisper" not in json.dumps(trainer_config(run))
    for public in (version_card(run), json.dumps(public_config(run))):
        assert "judge.example" not in public
        assert "JUDGE_API_KEY" not in public
        assert "wise" in public
    settings.TRAINING_JUDGE_KEYS = []
    assert judge_keys(run.config["rewards"]) == []
    assert run_training(run.pk), "taken back before it began"
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert "JUDGE_API_KEY may not be used" in run.error
    with pytest.raises(InvalidOptionsError, match="JUDGE_API_KEY may not be used"):
        resume_training_run(run)
    run.refresh_from_db()
    assert run.state == JobState.FAILED


def test_keys_that_reach_beyond_the_platform_are_refused(
    corpus: Corpus, base: ModelVersion
) -> None:
    for name, value in (("held_out", "/etc/passwd"), ("emotion_dataset", "x"), ("nodes", 2)):
        with pytest.raises(InvalidOptionsError, match=f"{name}: reaches beyond"):
            train_on_corpus(corpus=corpus, method="sft", base=base, config={name: value})
    wrong: dict[str, Any] = {"split": ["train"], "eval_split": {}}
    wrong |= {"epochs": float("inf"), "learning_rate": float("nan")}
    for key, given in wrong.items():
        with pytest.raises(InvalidOptionsError, match=f"{key}: (expected a text|.* not finite)"):
            train_on_corpus(corpus=corpus, method="sft", base=base, config={key: given})
    for strange in ({"modality": "a\0"}, {"a\0": 1}, {"modality": "\ud800"}):
        with pytest.raises(InvalidOptionsError, match="cannot be stored"):
            train_on_corpus(corpus=corpus, method="sft", base=base, config=strange)
    with pytest.raises(InvalidOptionsError, match="at most 120 characters"):
        train_on_corpus(corpus=corpus, method="sft", base=base, name="n" * 121)
    ModelVersion.objects.filter(pk=base.pk).update(name="b" * 120)
    base.refresh_from_db()
    assert start(corpus, base, {"kind": "similarity"}).name == f"{'b' * 100}-grpo-1"
