"""With the real trainer in its own process, on a random tiny checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from inference.backends.multimood import KEPT, Checkpoint, load_multimood
from inference.errors import InvalidOptionsError
from inference.models import JobState, ModelVersion, TrainingPoint, TrainingRun
from inference.preference_files import PAIRS_FILE
from inference.selectors.training import training_facts
from inference.services import jobs
from inference.services.model_versions import NameTakenError, checkpoint_folder
from inference.services.training import (
    DatasetChangedError,
    cancel_training_run,
    resume_training_run,
    start_training_run,
    trainer_config,
)
from inference.services.training_process import (
    end_leftovers,
    start_trainer,
    trainer_environment,
)
from inference.services.training_supervision import run_training
from mood_eval.models import Team
from tests.inference.supervision.conftest import StartTraining
from tests.processes import processes_in, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(run: TrainingRun) -> TrainingRun:
    return TrainingRun.objects.select_related("base", "result").get(pk=run.pk)


def train_until(run: TrainingRun, step: int) -> threading.Thread:
    """Supervises in a thread, as a worker does; returns once the run has come to `step`."""

    def work() -> None:
        try:
            run_training(run.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert wait_until(lambda: fresh(run).done >= step or not worker.is_alive(), 90)
    return worker


def test_training_leaves_the_next_version_with_its_curves(
    start: StartTraining, base: ModelVersion, tiny_checkpoint: Path
) -> None:
    load_multimood(Checkpoint(tiny_checkpoint, base.weights_sha256))
    run = start()
    assert run_training(run.pk)
    assert KEPT.keys() == []  # its memory was the trainer's
    run = fresh(run)
    assert (run.state, run.error, run.done, run.total) == (JobState.DONE, "", 4, 4)
    points = list(TrainingPoint.objects.filter(run=run))
    assert [point.step for point in points] == [1, 2, 3, 4]
    assert points[0].values["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert run.result is not None
    assert run.result.parent == run.base
    assert run.result.weights_sha256 != run.base.weights_sha256
    assert checkpoint_folder(run.result.path).is_relative_to(settings.VAR / "training")
    facts = training_facts(run)
    assert facts["measures"]["reward_margin"] > points[0].values["reward_margin"] + 0.05
    assert "reward_margin" in run.result.card


def test_stopped_run_keeps_a_checkpoint_and_goes_on_until_its_worker_shuts_down(
    start: StartTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    monkeypatch.setattr(jobs, "worker_stopping", stopping)
    run = start(max_steps=400, save_steps=400)
    worker = train_until(run, 2)
    cancel_training_run(fresh(run))
    worker.join(60)
    stopped = fresh(run)
    assert stopped.state == JobState.CANCELLED
    assert not processes_in(settings.VAR / run.folder)
    (checkpoint,) = (settings.VAR / run.folder / "output").glob("checkpoint-*")
    step = int(checkpoint.name.partition("-")[2])
    assert 2 <= step < 400

    resume_training_run(stopped)
    worker = train_until(run, step + 1)
    begins = [e["step"] for e in told(run) if e["event"] == "begin"]
    assert begins == [0, step]
    stopping.set()
    before = time.monotonic()
    worker.join(60)
    assert time.monotonic() - before < 10
    assert fresh(run).state == JobState.QUEUED
    assert not processes_in(settings.VAR / run.folder)
    steps = list(TrainingPoint.objects.filter(run=run).values_list("step", flat=True))
    assert steps == list(range(1, steps[-1] + 1))


def told(run: TrainingRun) -> list[dict[str, object]]:
    lines = (settings.VAR / run.folder / "output" / "progress.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_dataset_changed_after_the_start_is_refused(start: StartTraining, release: Path) -> None:
    run = start()
    (release / PAIRS_FILE).write_text("")
    run_training(run.pk)
    assert fresh(run).state == JobState.FAILED
    assert "was changed after its release" in fresh(run).error


def test_error_of_the_trainer_is_the_runs_error(start: StartTraining, release: Path) -> None:
    run = start(modality="av")  # the named clips are not below the media root
    run_training(run.pk)
    assert fresh(run).state == JobState.FAILED
    assert "there is no clip" in fresh(run).error
    assert not ModelVersion.objects.filter(parent=run.base).exists()


def test_trainer_that_dies_without_a_word_is_reported_with_its_log(start: StartTraining) -> None:
    run = start(max_steps=400)
    worker = train_until(run, 0)
    config = settings.VAR / run.folder / "config.json"
    assert wait_until(lambda: end_leftovers(config), 30)
    worker.join(60)
    assert fresh(run).state == JobState.FAILED
    assert "exit code -9" in fresh(run).error


def test_trainer_dies_with_the_process_that_supervises_it(
    start: StartTraining, tmp_path: Path
) -> None:
    run = start(max_steps=4000)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(trainer_config(run)))
    program = (
        "import os, sys; from pathlib import Path; import django; django.setup();"
        "from inference.services.training_process import start_trainer;"
        f"start_trainer(Path({str(config)!r}), Path({str(tmp_path / 'log.txt')!r}), 1);"
        "print('started', flush=True); sys.stdin.read()"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=settings.BASE_DIR,
    )
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == b"started\n"
    assert len(trainers(config)) == 1
    supervisor.kill()
    supervisor.wait()
    assert wait_until(lambda: not trainers(config), 5)


def trainers(config: Path) -> list[int]:
    named = f"inference.training {config}"
    return [number for number, command in processes_in(config.parent).items() if named in command]


def test_trainer_is_given_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = (
        "SECRET_KEY",
        "EMAIL_HOST_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "HF_TOKEN",
        "REDIS_URL",
    )
    for name in (*secrets, "DATABASE_URL", "TOKENIZERS_PARALLELISM", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "1")
    passed = trainer_environment()
    assert not {*secrets, "DATABASE_URL"} & passed.keys()
    assert {"PATH", "TOKENIZERS_PARALLELISM", "CUDA_VISIBLE_DEVICES"} <= passed.keys()


def test_two_processes_are_started_under_torchrun_and_none_is_left(
    start: StartTraining, tmp_path: Path
) -> None:
    run = start(max_steps=3, processes=2, batch_size=2)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(trainer_config(run)))
    trainer = start_trainer(config, tmp_path / "log.txt", processes=2)
    assert wait_until(lambda: len(trainers(config)) >= 2, 60)
    trainer.end(seconds=2)  # too short for a checkpoint, so that they have to be killed
    assert wait_until(lambda: not trainers(config), 5)


def test_refusals_come_before_a_run_exists(
    start: StartTraining, team: Team, base: ModelVersion, release: Path
) -> None:
    with pytest.raises(InvalidOptionsError, match="learning_rate: must be above 0"):
        start(learning_rate=0.0)
    with pytest.raises(InvalidOptionsError, match="speed: no such key"):
        start(speed=3)
    with pytest.raises(InvalidOptionsError, match="output: filled in by the platform"):
        start(output="/elsewhere")
    for name, error in (("tiny", NameTakenError), ("other", DatasetChangedError)):
        with pytest.raises(error):
            start_training_run(
                team=team,
                name=name,
                method="dpo",
                base=base,
                dataset_path=release,
                dataset_sha256="0" * 64,
            )
    assert not TrainingRun.objects.exists()
