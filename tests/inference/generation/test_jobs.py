"""The lease engine on generation runs, in one process; workers have their own tests."""

from __future__ import annotations

import threading
import time
import uuid
from copy import copy
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.functions import Now
from pytest_django import Settings

from inference.errors import WrongStateError
from inference.models import Corpus, GenerationRun, JobState, ModelVersion, Response
from inference.services import jobs
from inference.services.generation import create_generation_run
from inference.services.jobs import Lease, LeaseLost
from inference.services.sweeper import SWEEP_LOCK, job_models, sweep


@pytest.fixture(autouse=True)
def short_lease(settings: Settings) -> None:
    settings.JOB_LEASE_SECONDS = 1


@pytest.fixture
def run(corpus: Corpus, therapists: ModelVersion) -> GenerationRun:
    return create_generation_run(team=corpus.team, model_version=therapists, corpus=corpus)


def take(run: GenerationRun) -> Lease[GenerationRun]:
    lease = Lease.take(GenerationRun, run.pk)
    assert lease is not None
    return lease


def let_expire(run: GenerationRun) -> None:
    GenerationRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def test_only_one_of_many_claims_at_once_succeeds(run: GenerationRun) -> None:
    gate, won = threading.Barrier(8), []

    def claim() -> None:
        gate.wait()
        won.append(jobs.claim(GenerationRun, run.pk, uuid.uuid4()))
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_lease_is_free_again_only_after_it_expired(run: GenerationRun) -> None:
    take(run)
    assert Lease.take(GenerationRun, run.pk) is None
    let_expire(run)
    assert Lease.take(GenerationRun, run.pk) is not None
    run.refresh_from_db()
    assert run.attempts == 2


@pytest.mark.parametrize("state", [JobState.DONE, JobState.CANCELLED, JobState.FAILED])
def test_what_has_ended_cannot_be_claimed(run: GenerationRun, state: str) -> None:
    GenerationRun.objects.update(state=state)
    assert Lease.take(GenerationRun, run.pk) is None


def test_the_heartbeat_keeps_a_lease_longer_than_it_lasts(run: GenerationRun) -> None:
    with take(run) as lease:
        time.sleep(2)
        assert Lease.take(GenerationRun, run.pk) is None
        lease.check()
    time.sleep(1.2)
    assert Lease.take(GenerationRun, run.pk) is not None


def test_who_lost_the_lease_writes_nothing(run: GenerationRun) -> None:
    with take(run) as slow:
        let_expire(run)
        with take(run) as fast:
            with pytest.raises(LeaseLost):
                slow.check()
            with pytest.raises(LeaseLost), slow.commit_chunk():
                pytest.fail("the chunk of a lost lease was opened")
            for end in (slow.finish, slow.cancel, slow.release):
                with pytest.raises(LeaseLost):
                    end()
            with pytest.raises(LeaseLost):
                slow.fail("late")
            with fast.commit_chunk() as row:
                row.done = 1
            fast.finish()
    run.refresh_from_db()
    assert (run.state, run.done, run.error) == (JobState.DONE, 1, "")


def test_a_worker_frozen_within_a_chunk_holds_nobody_up(run: GenerationRun) -> None:
    frozen, thawed, refused = threading.Event(), threading.Event(), threading.Event()

    def freeze() -> None:
        lease = take(run)
        try:
            with lease.commit_chunk() as row:
                row.done = 5
                frozen.set()
                thawed.wait()
        except DatabaseError:
            refused.set()
        connection.close()

    worker = threading.Thread(target=freeze)
    worker.start()
    frozen.wait()
    began = time.monotonic()
    while not jobs.claim(GenerationRun, run.pk, uuid.uuid4()):
        assert time.monotonic() - began < 10
        time.sleep(0.1)
    thawed.set()
    worker.join()
    assert refused.is_set()
    run.refresh_from_db()
    assert run.done == 0


def test_a_chunk_that_fails_leaves_nothing(run: GenerationRun) -> None:
    stimulus = run.selection.all()[0].stimulus
    answer = Response(run=run, stimulus=stimulus, text="", raw="", seconds=0)

    def write_twice(lease: Lease[GenerationRun]) -> None:
        with lease.commit_chunk() as row:
            row.done = 2
            Response.objects.bulk_create([answer, copy(answer)])

    with take(run) as lease:
        with pytest.raises(IntegrityError):
            write_twice(lease)
        lease.check()
    run.refresh_from_db()
    assert (run.done, run.responses.count()) == (0, 0)


def test_a_sweep_sends_a_dead_workers_job_again(run: GenerationRun) -> None:
    take(run)
    assert sweep() == 0
    let_expire(run)
    assert sweep() == 1
    run.refresh_from_db()
    assert (run.state, run.lease_token) == (JobState.QUEUED, None)
    assert sweep() == 0  # its message is on the way


def test_a_sweep_sends_a_waiting_job_whose_message_was_lost(run: GenerationRun) -> None:
    assert sweep() == 0
    assert sweep(all_queued=True) == 1
    let_expire(run)
    assert sweep() == 1


def test_a_job_that_kills_every_worker_is_given_up(run: GenerationRun) -> None:
    for _ in range(jobs.MAX_ATTEMPTS):
        take(run)
        let_expire(run)
        sweep()
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert "stopped 5 times" in run.error
    jobs.resume(run)
    run.refresh_from_db()
    assert (run.state, run.attempts, run.error) == (JobState.QUEUED, 0, "")


def test_progress_counts_as_a_fresh_start(run: GenerationRun) -> None:
    for done in range(jobs.MAX_ATTEMPTS + 1):
        with take(run) as lease, lease.commit_chunk() as row:
            row.done = done
        let_expire(run)
        assert sweep() == 1
    run.refresh_from_db()
    assert run.state == JobState.QUEUED


def test_one_sweep_at_a_time(run: GenerationRun) -> None:
    let_expire(run)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SWEEP_LOCK])
            held.set()
            release.wait()
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    assert sweep() == 0
    release.set()
    holder.join()
    assert sweep() == 1


def test_cancelling_a_job_whose_worker_died_ends_it_at_once(run: GenerationRun) -> None:
    take(run)
    jobs.request_cancel(run)
    run.refresh_from_db()
    assert (run.state, run.cancel_requested) == (JobState.RUNNING, True)
    let_expire(run)
    jobs.request_cancel(run)
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED


def test_a_job_that_is_handed_back_while_it_is_cancelled_ends(run: GenerationRun) -> None:
    lease = take(run)
    released = threading.Event()

    def hand_back() -> None:
        with transaction.atomic():
            lease.release()
            released.set()
            time.sleep(0.3)
        connection.close()

    worker = threading.Thread(target=hand_back)
    worker.start()
    released.wait()
    jobs.request_cancel(run)
    worker.join()
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED


def test_a_job_whose_worker_died_before_it_read_the_cancel_is_not_sent_again(
    run: GenerationRun,
) -> None:
    take(run)
    jobs.request_cancel(run)
    let_expire(run)
    assert sweep() == 0
    run.refresh_from_db()
    assert (run.state, run.lease_token) == (JobState.CANCELLED, None)
    assert run.finished_at is not None


def test_workers_that_stop_in_order_do_not_count_against_a_job(run: GenerationRun) -> None:
    for _ in range(jobs.MAX_ATTEMPTS + 1):
        with take(run) as lease:
            lease.release()
        assert sweep() == 1
    run.refresh_from_db()
    assert run.state == JobState.QUEUED


def test_only_ended_jobs_are_resumed(run: GenerationRun) -> None:
    with pytest.raises(WrongStateError):
        jobs.resume(run)
    with take(run) as lease:
        with pytest.raises(WrongStateError):
            jobs.resume(run)
        lease.finish()
    with pytest.raises(WrongStateError):
        jobs.resume(run)


def test_every_kind_of_job_is_swept_and_names_its_task() -> None:
    import inference.tasks

    names = {model.__name__: model.task_name for model in job_models()}
    assert {"GenerationRun", "TrainingRun", "StudyAnalysis"} <= names.keys()
    app = inference.tasks.gpu_generate.app
    app.loader.import_default_modules()  # as a worker does when it starts
    for name in names.values():
        assert app.tasks[name]
