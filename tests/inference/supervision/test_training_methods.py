"""Killed, stopped and resumed: a run by each kind of trainer goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from inference.models import (
    Corpus,
    JobState,
    ModelVersion,
    TrainingPoint,
    TrainingRun,
    TrainingSample,
)
from inference.services import training_disk
from inference.services.training import cancel_training_run, resume_training_run
from inference.services.training_corpora import train_on_corpus
from inference.services.training_disk import NoRoomError
from inference.services.training_process import end_leftovers
from inference.services.training_supervision import run_training
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_dialogue
from tests.processes import processes_in, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
OPTIONS: dict[str, dict[str, Any]] = {
    "sft": {},
    "grpo": {
        "rewards": [{"kind": "function", "name": "asks_a_question"}],
        "generations": 2,
        "max_new_tokens": 8,
        "minibatch_size": 2,
    },
}
Start = Callable[..., TrainingRun]


@pytest.fixture
def corpus(team: Team) -> Corpus:
    corpus = make_corpus_with_dialogues(team, 3, split="train")
    session = corpus.sessions.create(label="held out")
    make_dialogue(corpus, session, "held-out", split="validation")
    return corpus


@pytest.fixture
def start(corpus: Corpus, base: ModelVersion) -> Iterator[Start]:
    shutil.rmtree(settings.VAR / "training", ignore_errors=True)
    runs: list[TrainingRun] = []

    def begin(method: str, **config: Any) -> TrainingRun:
        usual = {"modality": "text", "device": "cpu", "batch_size": 2, "report": False}
        options = usual | OPTIONS[method] | config
        runs.append(train_on_corpus(corpus=corpus, method=method, base=base, config=options))
        return runs[-1]

    yield begin
    for run in runs:
        assert not processes_in(settings.VAR / run.folder)


def fresh(run: TrainingRun) -> TrainingRun:
    return TrainingRun.objects.select_related("result").get(pk=run.pk)


def watched(run: TrainingRun) -> threading.Thread:
    """Supervised in a thread, as by a worker."""

    def work() -> None:
        try:
            run_training(run.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    return worker


def output(run: TrainingRun) -> Path:
    return Path(settings.VAR / run.folder / "output")


def begins(run: TrainingRun) -> list[int]:
    lines = (output(run) / "progress.jsonl").read_text().splitlines()
    return [event["step"] for event in map(json.loads, lines) if event["event"] == "begin"]


def steps(run: TrainingRun) -> list[int]:
    """Of optimiser steps: at 0 some methods measure the base."""
    points = TrainingPoint.objects.filter(run=run, step__gt=0)
    return list(points.values_list("step", flat=True))


def saved(run: TrainingRun) -> list[int]:
    found = output(run).glob("checkpoint-*/complete")
    return sorted(int(file.parent.name.partition("-")[2]) for file in found)


@pytest.mark.parametrize(("method", "length"), [("sft", 30), ("grpo", 10)])
def test_a_killed_trainer_is_told_of_and_the_run_goes_on_at_its_checkpoint(
    method: str, length: int, start: Start
) -> None:
    reports = method == "sft"
    run = start(
        method, max_steps=length, save_steps=2, eval_steps=5, sample_stimuli=1, report=reports
    )
    worker = watched(run)
    assert wait_until(lambda: saved(run) or not worker.is_alive(), 120), "a checkpoint"
    assert end_leftovers(settings.VAR / run.folder / "config.json") == 1
    worker.join(120)
    assert (fresh(run).state, fresh(run).result) == (JobState.FAILED, None)
    assert "exit code -9" in fresh(run).error
    before = saved(run)[-1]
    resume_training_run(fresh(run))
    assert run_training(run.pk)
    ended = fresh(run)
    assert (ended.state, ended.error, ended.done, ended.stage) == (JobState.DONE, "", length, "")
    assert begins(run) == [0, before]
    assert steps(run) == list(range(1, length + 1))
    answered = TrainingSample.objects.filter(run=run).values_list("step", flat=True)
    assert {5, length} <= set(answered)
    assert len(set(answered)) == len(answered), "one answer a step to the one stimulus"
    assert list(output(run).glob("checkpoint-*")) == [], "only the final model is kept"
    assert ended.result is not None
    assert ended.result.weights_sha256 != run.base.weights_sha256
    assert bool(ended.report) == reports
    assert "problem" not in ended.report


def test_a_killed_workers_run_goes_on_with_the_next_worker(start: Start, database_url: str) -> None:
    run = start("grpo", max_steps=12, save_steps=2)
    program = (
        "import django; django.setup();"
        "from inference.services.training_supervision import run_training;"
        f"run_training({run.pk})"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url},
    )
    assert wait_until(lambda: saved(run) or worker.poll() is not None, 120)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert wait_until(lambda: not processes_in(settings.VAR / run.folder), 30)
    assert fresh(run).state == JobState.RUNNING
    before = saved(run)[-1]
    TrainingRun.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now())
    assert run_training(run.pk)
    assert (fresh(run).state, fresh(run).done) == (JobState.DONE, 12)
    assert begins(run) == [0, before]
    assert steps(run) == list(range(1, 13))


def test_a_run_is_stopped_with_a_checkpoint_and_resumed_from_it(start: Start) -> None:
    run = start("grpo", max_steps=400, save_steps=400)
    worker = watched(run)
    assert wait_until(lambda: fresh(run).done >= 1 or not worker.is_alive(), 120)
    cancel_training_run(fresh(run))
    worker.join(120)
    assert fresh(run).state == JobState.CANCELLED
    (step,) = saved(run)
    assert 1 <= step < 400
    resume_training_run(fresh(run))
    worker = watched(run)
    assert wait_until(lambda: fresh(run).done > step or not worker.is_alive(), 120)
    cancel_training_run(fresh(run))
    worker.join(120)
    assert begins(run) == [0, step]


def test_a_run_that_comes_over_the_quota_is_stopped_with_a_checkpoint(
    start: Start, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(training_disk, "CHECK_SECONDS", 0.0)
    run = start("sft", max_steps=400, save_steps=400)
    worker = watched(run)
    assert wait_until(lambda: fresh(run).done >= 1 or not worker.is_alive(), 120)
    settings.TRAINING_DISK_QUOTA_GIB = 1e-9
    worker.join(120)
    stopped = fresh(run)
    assert stopped.state == JobState.FAILED
    assert "training runs have" in stopped.error
    assert "can be resumed once there is room" in stopped.error
    (step,) = saved(run)
    with pytest.raises(NoRoomError):
        resume_training_run(stopped)
    settings.TRAINING_DISK_QUOTA_GIB = 0
    resume_training_run(stopped)
    worker = watched(run)
    assert wait_until(lambda: fresh(run).done > step or not worker.is_alive(), 120)
    cancel_training_run(fresh(run))
    worker.join(120)
    assert begins(run) == [0, step]


def test_two_processes_train_and_none_is_left(start: Start) -> None:
    run = start("grpo", max_steps=2, processes=2)
    assert run_training(run.pk)
    ended = fresh(run)
    assert (ended.state, ended.error, ended.done) == (JobState.DONE, "", 2)
    assert steps(run) == [1, 2]
    assert ended.result is not None
