"""What a worker that is killed has paid for, by the server's own count.

Bound: an answer is paid for once, but for the questions under way at the kill, of which there are
at most as many as are asked at a time.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inference.endpoints import Endpoint
from inference.models import Corpus, GenerationRun, JobState, ModelCall, ModelVersion
from inference.services.endpoints import register_endpoint
from inference.services.generation import create_generation_run
from mood_eval.models import Team
from tests.chat_server import ChatServer, hang
from tests.factories import make_corpus_with_dialogues
from tests.inference.model_calls.conftest import KEY, KEY_VARIABLE, WORDS_ONLY
from tests.processes import PROJECT, wait_until

Start = Callable[[], subprocess.Popen[bytes]]
AT_ONCE = 2
ANSWERED_TOGETHER = 6
BEFORE_THE_KILL = 8


@pytest.fixture
def start_worker(
    child_environment: dict[str, str], server: ChatServer, tmp_path: Path
) -> Iterator[Start]:
    workers: list[subprocess.Popen[bytes]] = []
    environment = {
        **child_environment,
        "JOB_LEASE_SECONDS": "3",
        "JOB_SWEEP_SECONDS": "1",
        "ENDPOINT_URLS": server.url,
        "ENDPOINT_KEYS": KEY_VARIABLE,
        KEY_VARIABLE: KEY,
    }

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
        command += ["--queues", "gpu", "--pool", "threads", "--concurrency", "1"]
        command += ["--hostname", f"paid-{len(workers)}@%h", "--without-gossip", "--without-mingle"]
        with (tmp_path / f"worker-{len(workers)}.log").open("wb") as log:
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
def corpus(team: Team) -> Corpus:
    """24 client turns."""
    return make_corpus_with_dialogues(team, 8)


@pytest.fixture
def run(team: Team, corpus: Corpus, endpoint: Endpoint) -> GenerationRun:
    model: ModelVersion = register_endpoint(team=team, name="remote", endpoint=endpoint)
    options = replace(WORDS_ONLY, batch_size=ANSWERED_TOGETHER)
    return create_generation_run(team=team, model_version=model, corpus=corpus, options=options)


def has_ended(run: GenerationRun) -> bool:
    run.refresh_from_db()
    return not run.is_active


def kill(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def test_only_what_was_under_way_at_the_kill_is_asked_twice(
    run: GenerationRun, server: ChatServer, start_worker: Start
) -> None:
    server.rule = lambda asked: hang if len(server.asked) > BEFORE_THE_KILL else None
    worker = start_worker()
    assert wait_until(lambda: len(server.asked) == BEFORE_THE_KILL + AT_ONCE, 90)
    kill(worker)
    # A thread asks nothing before its last answer is kept.
    stored = ModelCall.objects.filter(run=run)
    assert len(server.paid) == stored.count() == BEFORE_THE_KILL
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.RUNNING, ANSWERED_TOGETHER)

    server.rule = lambda asked: None
    start_worker()
    assert wait_until(lambda: has_ended(run), 120)
    assert (run.state, run.done, run.responses.filter(error="").count()) == (JobState.DONE, 24, 24)
    assert len(server.paid) == 24
    assert len(server.asked) == 24 + AT_ONCE
    assert sorted(stored.values_list("attempt", flat=True)) == [1] * 24


def test_wherever_it_is_killed_the_bound_holds(
    run: GenerationRun, server: ChatServer, start_worker: Start
) -> None:
    worker = start_worker()
    assert wait_until(lambda: len(server.paid) >= BEFORE_THE_KILL, 90)
    kill(worker)
    at_kill = ModelCall.objects.filter(run=run).count()
    start_worker()
    assert wait_until(lambda: has_ended(run), 120)
    assert (run.state, run.done) == (JobState.DONE, 24)
    assert at_kill <= 24 <= len(server.paid) <= 24 + AT_ONCE
