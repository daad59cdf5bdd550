"""What a run takes on the disk, and what a team may take."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference.machine_memory import GIB
from inference.models import Corpus, JobState, ModelVersion, TrainingRun
from inference.services import training_disk
from inference.services.model_versions import register_checkpoint
from inference.services.training import cancel_training_run, parsed_config, resume_training_run
from inference.services.training_corpora import train_on_corpus
from inference.services.training_disk import (
    BESIDE,
    DiskNeed,
    NoRoomError,
    RoomWatch,
    bytes_by_run,
    disk_need,
    half_written,
    remove_checkpoints,
)
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    shutil.rmtree(settings.VAR / "training", ignore_errors=True)
    return make_team(owner=make_user())


@pytest.fixture
def base(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def corpus(team: Team) -> Corpus:
    return make_corpus_with_dialogues(team, 1, split="train")


def start(corpus: Corpus, base: ModelVersion, **config: Any) -> TrainingRun:
    return train_on_corpus(corpus=corpus, method="sft", base=base, config=config)


def write(run: TrainingRun, name: str, size: int) -> Path:
    file = settings.VAR / run.folder / "output" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return file


def test_the_estimate_follows_from_the_bases_tensors(corpus: Corpus, base: ModelVersion) -> None:
    from safetensors import safe_open

    (file,) = Path(base.path).glob("*.safetensors")
    with safe_open(file, "pt") as tensors:
        shapes = {name: tensors.get_tensor(name).shape for name in tensors.keys()}  # noqa: SIM118
    towers = {name for name in shapes if {"vision_tower", "audio_tower"} & set(name.split("."))}
    every = sum(shape.numel() for shape in shapes.values())
    frozen = sum(shapes[name].numel() for name in towers)

    whole = disk_need(parsed_config(start(corpus, base, keep_checkpoints=2)))
    assert whole.final == 4 * every
    assert whole.checkpoint == 4 * every + 8 * (every - frozen)
    assert whole.total == whole.final + 4 * whole.checkpoint + BESIDE

    lora = disk_need(
        parsed_config(start(corpus, base, lora=True, lora_rank=4, projectors="frozen"))
    )
    wanted = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    adapted = [
        sum(shape)
        for name, shape in shapes.items()
        if name not in towers and name.endswith(tuple(f"{part}.weight" for part in wanted))
    ]
    assert lora.final == whole.final, "adapters are merged at the end"
    assert lora.checkpoint == 12 * 4 * sum(adapted)


def test_a_run_that_does_not_fit_is_refused_with_figures_and_remedies(
    corpus: Corpus, base: ModelVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(corpus, base)
    write(first, "checkpoint-1/model.safetensors", 3 * 2**20)
    settings.TRAINING_DISK_QUOTA_GIB = (disk_need(parsed_config(first)).total + 2**20) / GIB
    with pytest.raises(NoRoomError, match=r"have 3 MB of .*“tiny-sft-1” 3 MB.*training_disk"):
        start(corpus, base)
    settings.TRAINING_DISK_QUOTA_GIB = 0
    second = start(corpus, base)
    settings.TRAINING_DISK_QUOTA_GIB = 0.001
    cancel_training_run(second)
    with pytest.raises(NoRoomError, match="will take about"):
        resume_training_run(second)
    settings.TRAINING_DISK_QUOTA_GIB = 0
    TrainingRun.objects.filter(pk=second.pk).update(stage="features")
    resume_training_run(second)
    second.refresh_from_db()
    assert second.stage == "", "what it did before it was stopped"

    full = shutil.disk_usage("/")._replace(free=7)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(NoRoomError, match=r"on the disk, and 0 MB are free\. Keep fewer"):
        start(corpus, base)
    assert TrainingRun.objects.count() == 2


def test_a_run_that_was_let_begin_is_not_stopped_while_it_writes_a_checkpoint(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, disk = 2**20, shutil.disk_usage("/")
    need = DiskNeed(final=3 * size, checkpoint=size, checkpoints=4)
    kept = 2
    monkeypatch.setattr(training_disk, "CHECK_SECONDS", 0.0)

    def stopped(free: int, written: int) -> bool:
        part = tmp_path / "checkpoint-30" / "model.safetensors"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(b"x" * written)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: disk._replace(free=free))
        try:
            RoomWatch(team, need, tmp_path).check()
        except NoRoomError:
            return True
        return False

    for written in (0, size // 2, size):
        assert not stopped(need.total - kept * size - written, written)
    assert half_written(tmp_path) == size
    assert not stopped(BESIDE + size // 2, size // 2), "it still fits"
    assert stopped(BESIDE + size // 2 - 1, size // 2)
    (tmp_path / "checkpoint-30" / "complete").touch()
    assert half_written(tmp_path) == 0
    assert stopped(BESIDE + size - 1, size), "another one would not"


def test_another_teams_runs_are_not_counted(corpus: Corpus, base: ModelVersion) -> None:
    write(start(corpus, base), "checkpoint-1/optimizer.pt", 5000)
    assert bytes_by_run(corpus.team) == {"tiny-sft-1": 5000}
    assert bytes_by_run(make_team("Other lab")) == {}


def test_checkpoints_go_and_the_final_model_stays(corpus: Corpus, base: ModelVersion) -> None:
    run = start(corpus, base)
    files = [write(run, f"{name}/weights", 10) for name in ("checkpoint-1", "checkpoint-20")]
    final = write(run, "final/weights", 10)
    assert remove_checkpoints(final.parent.parent) == 20
    assert final.exists()
    assert not any(file.parent.exists() for file in files)


def test_command_lists_runs_and_frees_those_that_are_over(
    corpus: Corpus, base: ModelVersion, team: Team
) -> None:
    run = start(corpus, base, max_steps=3)
    write(run, "checkpoint-1/weights", 3 * 2**20)
    out = StringIO()
    call_command("training_disk", stdout=out)
    assert "tiny-sft-1  queued  3 MB" in out.getvalue()
    with pytest.raises(CommandError, match="“tiny-sft-1” is not over"):
        call_command("training_disk", "--remove=tiny-sft-1")
    TrainingRun.objects.filter(pk=run.pk).update(state=JobState.FAILED)
    out = StringIO()
    call_command("training_disk", "--remove=tiny-sft-1", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["given_back"], report["bytes"]) == (3 * 2**20, 0)
    other = make_team("Other lab")
    with pytest.raises(CommandError, match="no training run named “tiny-sft-1”"):
        call_command("training_disk", "--remove=tiny-sft-1", f"--team={other.name}")
