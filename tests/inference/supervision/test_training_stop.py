"""A training that is told to stop has time to write its checkpoint, and is killed after that.

The trainer is a small program here that takes a known time to stop.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from inference.models import TrainingRun
from inference.services import jobs
from inference.services.jobs import JobCancelled, Lease, WorkerStopping
from inference.services.training import cancel_training_run, output_folder
from inference.services.training_disk import DiskNeed, NoRoomError, RoomWatch
from inference.services.training_process import TrainerProcess
from inference.services.training_progress import ProgressReader
from inference.services.training_supervision import STOPPED, UNSAVED, watch
from inference.training.progress import PROGRESS_FILE
from tests.inference.supervision.conftest import StartTraining
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
TRAINER = """
import signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
print("ready", flush=True)
while not asked:
    time.sleep(0.01)
time.sleep(float(sys.argv[1]))
with open(sys.argv[2], "a") as progress:
    progress.write(sys.argv[3] + "\\n")
"""
SAVED = json.dumps({"event": "stopped", "step": 2})
PLENTY, TOO_MUCH = DiskNeed(0, 0, 1), DiskNeed(0, 2**62, 1)


@pytest.fixture
def run(start: StartTraining) -> TrainingRun:
    run = start()
    output_folder(run).mkdir(parents=True)
    return run


def trainer_of(run: TrainingRun, seconds: float) -> TrainerProcess:
    progress = output_folder(run) / PROGRESS_FILE
    popen = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(seconds), str(progress), SAVED],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert popen.stdout is not None
    assert popen.stdout.readline() == b"ready\n"
    return TrainerProcess(popen, Path(django_settings.VAR / run.folder / "config.json"))


def watched(run: TrainingRun, seconds: float, need: DiskNeed = PLENTY) -> None:
    """Until the watch is told to stop, which raises why."""
    trainer = trainer_of(run, seconds)
    lease = Lease.take(TrainingRun, run.pk)
    assert lease is not None
    if need is PLENTY:
        cancel_training_run(run)
    with lease:
        reader = ProgressReader(output_folder(run) / PROGRESS_FILE)
        watch(lease, trainer, reader, RoomWatch(run.team, need, output_folder(run)), None)


def test_a_checkpoint_that_takes_its_time_is_waited_for(run: TrainingRun) -> None:
    with pytest.raises(JobCancelled):
        watched(run, 2)
    assert TrainingRun.objects.get(pk=run.pk).error == ""
    assert SAVED in (output_folder(run) / PROGRESS_FILE).read_text()


def test_without_room_it_is_said_that_the_checkpoint_is_there(run: TrainingRun) -> None:
    with pytest.raises(NoRoomError, match="are free on the disk") as stop:
        watched(run, 1, TOO_MUCH)
    assert str(stop.value).endswith(STOPPED)


def test_what_does_not_end_is_killed_and_that_is_said(run: TrainingRun, settings: Settings) -> None:
    settings.TRAINING_STOP_SECONDS = 0
    with pytest.raises(JobCancelled):
        watched(run, 600)
    assert TrainingRun.objects.get(pk=run.pk).error == UNSAVED


def test_a_worker_that_ends_meanwhile_does_not_wait(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    monkeypatch.setattr(jobs, "worker_stopping", stopping)
    monkeypatch.setattr("inference.services.training_supervision.HURRIED_STOP_SECONDS", 0.5)
    ended: list[type[BaseException]] = []

    def work() -> None:
        try:
            watched(run, 600)
        except (JobCancelled, WorkerStopping) as stop:
            ended.append(type(stop))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert wait_until(lambda: TrainingRun.objects.get(pk=run.pk).cancel_requested, 60)
    stopping.set()
    worker.join(60)
    assert ended == [JobCancelled]
