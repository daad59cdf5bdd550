"""A real worker that is killed while a judge is at work: nothing is lost, nothing paid twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from annotations.models import JudgeAnswer, JudgeRun, Rating
from inference.models import JobState
from tests.annotations.judges.judged_studies import absolute_study, always, endpoint_judge, start
from tests.chat_server import ChatServer, hang
from tests.factories import make_team
from tests.processes import PROJECT, wait_until

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def server(settings: Settings, transactional_db: None) -> Iterator[ChatServer]:
    with ChatServer(answer=always(7)) as server:
        settings.ENDPOINT_URLS = [server.url]
        yield server


@pytest.fixture
def start_worker(
    child_environment: dict[str, str], server: ChatServer, tmp_path: Path
) -> Iterator[Start]:
    workers: list[subprocess.Popen[bytes]] = []
    environment = {
        **child_environment,
        "ENDPOINT_URLS": server.url,
        "JOB_LEASE_SECONDS": "3",
        "JOB_SWEEP_SECONDS": "1",
    }

    def begin() -> subprocess.Popen[bytes]:
        name = f"judge-{len(workers)}"
        command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
        command += ["--queues", "gpu", "--pool", "threads", "--concurrency", "1"]
        command += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle"]
        with (tmp_path / f"{name}.log").open("wb") as log:
            worker = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        workers.append(worker)
        return worker

    yield begin
    for worker in workers:
        worker.kill()
        worker.wait()


def done(run: JudgeRun) -> int:
    run.refresh_from_db()
    return run.done


def has_ended(run: JudgeRun) -> bool:
    run.refresh_from_db()
    return not run.is_active


def test_a_killed_worker_pays_for_nothing_twice(server: ChatServer, start_worker: Start) -> None:
    team = make_team()
    study = absolute_study(team, dialogues=4)
    server.rule = lambda asked: hang if len(server.paid) == 5 else None
    run = start(study, endpoint_judge(team, server.url, at_once=1))
    worker = start_worker()
    assert wait_until(lambda: done(run) == 5 and len(server.asked) == 6, 120)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    kept = dict(JudgeAnswer.objects.values_list("assignment_id", "call_id"))
    assert run.state == JobState.RUNNING
    assert len(kept) == 5

    server.rule = lambda asked: None
    start_worker()
    assert wait_until(lambda: has_ended(run), 120)
    assert (run.state, run.done, run.error) == (JobState.DONE, 12, "")
    assert dict(JudgeAnswer.objects.values_list("assignment_id", "call_id")).items() >= kept.items()
    paid = Counter(str(asked.messages[-1]["content"]) for asked in server.paid)
    assert len(server.paid) == 12
    assert sum(paid.values()) == JudgeAnswer.objects.count() == 12
    assert Rating.objects.filter(assignment__rater=run.rater).count() == 36
