"""`train`: by every method, from a corpus or a release, by names that belong to the team."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from inference.models import Corpus, JobState, ModelVersion, TrainingRun
from inference.reward_files import REWARD_ARCHITECTURE
from inference.services.model_versions import register_checkpoint
from inference.training.config import METHODS
from inference.training.presets import PRESETS
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_dialogue, make_team, make_user

OPTIONS = {"max_steps": 2, "modality": "text", "device": "cpu", "report": False, "eval_steps": 0}


@pytest.fixture
def team() -> Team:
    return make_team(owner=make_user("ada@example.org"))


@pytest.fixture
def base(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    shutil.rmtree(settings.VAR / "training", ignore_errors=True)
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def corpus(team: Team) -> Corpus:
    return make_corpus_with_dialogues(team, 2, name="Talks", split="train")


@pytest.fixture
def reward(team: Team, tiny_checkpoint: Path, tmp_path: Path) -> ModelVersion:
    folder = tmp_path / "reward"
    shutil.copytree(tiny_checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = [REWARD_ARCHITECTURE]
    (folder / "config.json").write_text(json.dumps(config))
    return register_checkpoint(team=team, name="taste", path=folder)


def train(*arguments: str, config: dict[str, Any] | None = None, folder: Path) -> dict[str, Any]:
    file = folder / "options.json"
    file.write_text(json.dumps(OPTIONS | (config or {})))
    out = StringIO()
    call_command("train", *arguments, f"--config={file}", "--json", stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


@pytest.mark.django_db(transaction=True)
def test_a_corpus_is_trained_on_here_and_now(
    base: ModelVersion, corpus: Corpus, tmp_path: Path
) -> None:
    report = train("sft", "--corpus=Talks", "--base=tiny", "--wait", folder=tmp_path)
    assert (report["state"], report["done"], report["result"]) == ("done", 2, "tiny-sft-1")
    run = TrainingRun.objects.get()
    assert (run.corpus, run.stage) == (corpus, "")
    assert run.result is not None
    assert run.result.parent == base
    assert run.points.count() == 2


@pytest.mark.django_db
def test_a_preset_gives_what_the_file_does_not(
    base: ModelVersion, corpus: Corpus, reward: ModelVersion, tmp_path: Path
) -> None:
    session = corpus.sessions.create(label="held out")
    make_dialogue(corpus, session, "held-out", split="val")
    report = train(
        *("grpo", "--corpus=Talks", "--base=tiny", "--reward-model=taste"),
        *("--preset=grpo-multimood", "--name=warmer"),
        folder=tmp_path,
    )
    assert (report["state"], report["config"]["beta"]) == ("queued", 1.12)
    assert report["config"]["max_steps"] == 2
    run = TrainingRun.objects.get(name="warmer")
    assert (run.preset, run.config["eval_split"]) == ("grpo-multimood", "val")
    assert list(run.reward_models.all()) == [reward]


@pytest.mark.django_db
def test_what_belongs_to_another_team_is_not_known(
    base: ModelVersion, corpus: Corpus, reward: ModelVersion, tmp_path: Path
) -> None:
    other = make_team("Other lab")
    make_corpus_with_dialogues(other, 1, name="Their talks", split="train")
    ModelVersion.objects.create(team=other, name="theirs", kind="reward", path="x")
    usual = {"--corpus": "Talks", "--base": "tiny", "--reward-model": "taste"}
    for option, name, words in (
        ("--corpus", "Their talks", "no corpus named “Their talks”"),
        ("--base", "theirs", "no model named “theirs”"),
        ("--reward-model", "theirs", "no model named “theirs”"),
    ):
        given = [f"{key}={value}" for key, value in (usual | {option: name}).items()]
        with pytest.raises(CommandError, match=words) as refusal:
            train("grpo", *given, folder=tmp_path)
        assert refusal.value.returncode == 1
    assert not TrainingRun.objects.exists()


@pytest.mark.django_db
def test_wrong_usage_is_told_apart_from_a_refusal(base: ModelVersion, corpus: Corpus) -> None:
    for arguments, words in (
        (["sft", "--corpus=Talks"], "Not given: base"),
        (["--base=tiny"], "Not given: method"),
        (["sft", "--base=tiny"], "--dataset, the folder of a release, or --corpus"),
    ):
        with pytest.raises(CommandError, match=words) as refusal:
            call_command("train", *arguments)
        assert refusal.value.returncode == 2
    with pytest.raises(CommandError, match="needs a release, not a corpus") as refusal:
        call_command("train", "dpo", "--corpus=Talks", "--base=tiny")
    assert refusal.value.returncode == 1


def test_presets_are_listed_with_their_sources() -> None:
    out = StringIO()
    call_command("train", "--presets", stdout=out)
    assert all(name in out.getvalue() for name in PRESETS)
    assert all(method in out.getvalue() for method in METHODS)
    out = StringIO()
    call_command("train", "grpo", "--presets", "--json", stdout=out)
    listed = json.loads(out.getvalue())["presets"]
    assert {preset["method"] for preset in listed} == {"grpo"}
    paper = next(preset for preset in listed if preset["name"] == "grpo-multimood")
    assert paper["values"]["beta"] == 1.12
    assert "AAAI" in paper["source"]


@pytest.mark.django_db
def test_the_queue_is_told_of_a_run_without_wait(
    base: ModelVersion, corpus: Corpus, tmp_path: Path
) -> None:
    train("compressor", "--corpus=Talks", "--base=tiny", config={}, folder=tmp_path)
    assert TrainingRun.objects.get().state == JobState.QUEUED
