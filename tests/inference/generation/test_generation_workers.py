"""Real Celery workers on a real broker: killed, stopped, and two at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.contracts import GenerationOptions
from inference.models import Clip, Corpus, GenerationRun, JobState, ModelVersion
from inference.services import jobs
from inference.services.generation import (
    answer_failed_again,
    cancel_generation_run,
    create_generation_run,
    resume_generation_run,
    run_generation,
)
from inference.services.model_versions import register_checkpoint, register_imported
from tests.factories import make_corpus_with_dialogues, make_team
from tests.inference.generation.conftest import repair
from tests.processes import PROJECT, wait_until

Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Workers as the launcher starts them, with leases short enough for a test."""
    workers: list[subprocess.Popen[bytes]] = []
    environment = {**child_environment, "JOB_LEASE_SECONDS": "3", "JOB_SWEEP_SECONDS": "1"}

    def start() -> subprocess.Popen[bytes]:
        name = f"gpu-{len(workers)}"
        command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
        command += ["--queues", "gpu", "--pool", "threads", "--concurrency", "1"]
        command += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle"]
        with (tmp_path / f"{name}.log").open("wb") as log:
            worker = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


@pytest.fixture
def large_corpus(transactional_db: None) -> Corpus:
    return make_corpus_with_dialogues(make_team(), 30)


@pytest.fixture
def therapists(large_corpus: Corpus) -> ModelVersion:
    return register_imported(large_corpus.team, "therapists", large_corpus)


def make_run(
    model: ModelVersion, corpus: Corpus, limit: int | None = None, **more: Any
) -> GenerationRun:
    options = GenerationOptions(batch_size=1, max_new_tokens=24, modality="text", seed=3, **more)
    return create_generation_run(
        team=corpus.team, model_version=model, corpus=corpus, limit=limit, options=options
    )


def done(run: GenerationRun) -> int:
    run.refresh_from_db()
    return run.done


def has_ended(run: GenerationRun) -> bool:
    run.refresh_from_db()
    return not run.is_active


def answers(run: GenerationRun) -> dict[tuple[int, int], str]:
    rows = run.responses.values_list("stimulus_id", "sample", "raw")
    return {(stimulus, sample): raw for stimulus, sample, raw in rows}


def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    large_corpus: Corpus, start_worker: Start, tiny_checkpoint: Path
) -> None:
    model = register_checkpoint(team=large_corpus.team, name="tiny", path=tiny_checkpoint)
    run = make_run(model, large_corpus, limit=10, samples=2, temperature=0.8)
    worker = start_worker()
    assert wait_until(lambda: done(run) >= 4, 90)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    at_kill = answers(run)
    assert 4 <= len(at_kill) < 20
    assert run.state == JobState.RUNNING

    start_worker()
    assert wait_until(lambda: done(run) > len(at_kill), 120)
    assert wait_until(lambda: has_ended(run), 90)
    assert (run.state, run.done, run.responses.count()) == (JobState.DONE, 20, 20)
    assert answers(run).items() >= at_kill.items()

    again = make_run(model, large_corpus, limit=10, samples=2, temperature=0.8)
    assert wait_until(lambda: has_ended(again), 60)
    assert answers(again) == answers(run)


def test_a_worker_goes_on_past_a_broken_clip_and_answers_it_once_it_is_repaired(
    corpus: Corpus, tiny: ModelVersion, broken_clip: Clip, start_worker: Start
) -> None:
    options = GenerationOptions(max_new_tokens=4)
    run = create_generation_run(
        team=corpus.team, model_version=tiny, corpus=corpus, options=options
    )
    start_worker()
    assert wait_until(lambda: has_ended(run), 90)
    assert (run.state, run.done) == (JobState.DONE, 6)
    (failed,) = run.responses.exclude(error="")
    assert failed.error.startswith("Dialogue “dialogue-000”, turn 4: ")
    repair(broken_clip)
    answer_failed_again(run)
    assert wait_until(lambda: has_ended(run), 60)
    assert (run.state, run.done, run.responses.filter(error="").count()) == (JobState.DONE, 6, 6)


def test_two_workers_never_answer_twice(
    large_corpus: Corpus, therapists: ModelVersion, start_worker: Start
) -> None:
    runs = [make_run(therapists, large_corpus) for _ in range(2)]
    for run in runs:
        for _ in range(5):
            jobs.send(run.task_name, run.pk)
    start_worker()
    start_worker()
    assert wait_until(lambda: all(map(has_ended, runs)), 90)
    for run in runs:
        assert (run.state, run.done, run.attempts) == (JobState.DONE, 90, 1)
        counts = Counter(run.responses.values_list("stimulus_id", flat=True))
        assert set(counts.values()) == {1}


def test_a_run_is_cancelled_and_resumed_and_handed_back_by_a_worker_that_stops(
    transactional_db: None, start_worker: Start
) -> None:
    corpus = make_corpus_with_dialogues(make_team(), 80)
    run = make_run(register_imported(corpus.team, "therapists", corpus), corpus)
    worker = start_worker()
    assert wait_until(lambda: done(run) >= 5, 60)
    cancel_generation_run(run)
    assert wait_until(lambda: has_ended(run), 10)
    assert run.state == JobState.CANCELLED
    assert 5 <= run.done < 240
    assert run.responses.count() == run.done

    at_cancel = run.done
    resume_generation_run(run)
    assert wait_until(lambda: done(run) > at_cancel, 60)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=15) == 0
    run.refresh_from_db()
    assert (run.state, run.lease_token) == (JobState.QUEUED, None)

    at_stop = run.done
    worker = start_worker()
    assert wait_until(lambda: done(run) > at_stop, 60)
    worker.send_signal(signal.SIGQUIT)
    worker.wait(timeout=15)
    run.refresh_from_db()
    assert (run.state, run.lease_token) == (JobState.QUEUED, None)
    assert run.done < 240

    assert run_generation(run.pk)
    assert has_ended(run)
    assert (run.state, run.responses.count()) == (JobState.DONE, 240)


def test_a_frozen_worker_that_wakes_up_writes_nothing_more(
    large_corpus: Corpus, therapists: ModelVersion, start_worker: Start
) -> None:
    run = make_run(therapists, large_corpus)
    worker = start_worker()
    assert wait_until(lambda: done(run) >= 5, 60)
    os.kill(worker.pid, signal.SIGSTOP)
    assert wait_until(lambda: run_generation(run.pk), 20)
    assert has_ended(run)
    os.kill(worker.pid, signal.SIGCONT)
    time.sleep(2)
    run.refresh_from_db()
    assert (run.state, run.done, run.responses.count()) == (JobState.DONE, 90, 90)
    assert worker.poll() is None
