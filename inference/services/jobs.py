"""Leases on jobs: the row is the queue, a message is only a hint.

A worker claims a row with a token and an expiry by the database's clock, renews it from a thread
with a connection of its own, and commits its work in chunks under a check of the token. Whoever
lost the lease cannot write. Duplicate messages are harmless: only one of them can claim.

In the table, `lease_expires_at` of a queued row is when its message counts as lost, and `attempts`
counts the claims since the work last made progress.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from celery import current_app
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from kombu.exceptions import OperationalError as BrokerError

from inference.errors import DomainError, WrongStateError
from inference.models import Job, JobState

J = TypeVar("J", bound=Job)
logger = logging.getLogger(__name__)

MESSAGE_LOST_SECONDS = 60
MAX_ATTEMPTS = 5
RENEWALS_PER_LEASE = 4

worker_stopping = threading.Event()
"""Set when this process was asked to stop: running jobs hand their lease back."""


class LeaseLost(Exception):  # noqa: N818 - an interruption, not a fault
    """Another worker has the job, or it was ended: stop, and write nothing more."""


class JobCancelled(Exception):  # noqa: N818
    """Somebody asked for the job to stop."""


class WorkerStopping(Exception):  # noqa: N818
    """This worker is shutting down; the job goes on elsewhere."""


def unleased() -> Q:
    """Open rows that no worker holds."""
    return Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_expires_at__lt=Now())


def let_go_when_frozen() -> None:
    """A worker that is stopped while it holds the row would keep everyone else from claiming it:
    PostgreSQL ends its transaction once its lease would have run out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
            [f"{settings.JOB_LEASE_SECONDS}s"],
        )


def in_seconds(seconds: float) -> Any:
    return Now() + timedelta(seconds=seconds)


def enqueue(job: Job) -> None:
    """Within a transaction: the row waits for a worker, and after the commit one is told."""
    type(job)._default_manager.filter(pk=job.pk).update(
        state=JobState.QUEUED,
        cancel_requested=False,
        lease_token=None,
        lease_expires_at=in_seconds(MESSAGE_LOST_SECONDS),
        attempts=0,
        error="",
        finished_at=None,
    )
    send_on_commit(job)


def send_on_commit(job: Job) -> None:
    task_name, pk = job.task_name, job.pk
    transaction.on_commit(lambda: send(task_name, pk))


def send(task_name: str, pk: int) -> None:
    try:
        current_app.send_task(task_name, args=[pk], retry=False)
    except BrokerError:
        logger.warning("%s(%s) was not sent: no broker. A sweep sends it later.", task_name, pk)


def claim(model: type[Job], pk: int, token: uuid.UUID) -> bool:
    return bool(
        model._default_manager.filter(unleased(), pk=pk).update(
            state=JobState.RUNNING,
            lease_token=token,
            lease_expires_at=in_seconds(settings.JOB_LEASE_SECONDS),
            attempts=F("attempts") + 1,
            started_at=Coalesce("started_at", Now()),
            finished_at=None,
        )
    )


def request_cancel(job: Job) -> None:
    """A job that no worker holds ends at once; a running one at its next check."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    with transaction.atomic():
        rows.select_for_update().get()  # or a worker could hand it back between the two updates
        cancelled = rows.filter(unleased()).update(state=JobState.CANCELLED, **ended())
        if not cancelled and not rows.filter(state=JobState.RUNNING).update(cancel_requested=True):
            raise WrongStateError("This has already ended; there is nothing to cancel.")


def resume(job: Job) -> None:
    """A cancelled or failed job waits for a worker again; what it has done stays done."""
    with transaction.atomic():
        row = type(job)._default_manager.select_for_update().get(pk=job.pk)
        if row.state not in (JobState.CANCELLED, JobState.FAILED):
            raise WrongStateError("Only what was cancelled or has failed can be resumed.")
        enqueue(row)


def ended() -> dict[str, Any]:
    return {"finished_at": Now(), "lease_token": None, "lease_expires_at": None}


class Lease(Generic[J]):
    """`with Lease.take(Model, pk) as lease:`; None when another worker has the row."""

    def __init__(self, model: type[J], pk: int, token: uuid.UUID) -> None:
        self.model = model
        self.pk = pk
        self.token = token
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"lease {pk}", daemon=True)

    @classmethod
    def take(cls, model: type[J], pk: int) -> Lease[J] | None:
        token = uuid.uuid4()
        return cls(model, pk, token) if claim(model, pk, token) else None

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._heart.join()

    def _held(self) -> Any:
        return self.model._default_manager.filter(
            pk=self.pk, state=JobState.RUNNING, lease_token=self.token
        )

    def _beat(self) -> None:
        pause = settings.JOB_LEASE_SECONDS / RENEWALS_PER_LEASE
        try:
            while not self._closed.wait(pause):
                try:
                    if not self.renew():
                        return
                except Error:
                    logger.exception("The lease on %s was not renewed.", self.pk)
                    connection.close()
        finally:
            connection.close()

    def renew(self) -> bool:
        expiry = in_seconds(settings.JOB_LEASE_SECONDS)
        return bool(self._held().update(lease_expires_at=expiry))

    def check(self) -> None:
        """Between steps: raises LeaseLost, JobCancelled or WorkerStopping."""
        cancelled = self._held().values_list("cancel_requested", flat=True).first()
        if cancelled is None:
            raise LeaseLost
        if cancelled:
            raise JobCancelled
        if worker_stopping.is_set():
            raise WorkerStopping

    @contextmanager
    def commit_chunk(self) -> Iterator[J]:
        """A transaction that holds the row; the caller writes its rows and sets `done`."""
        with transaction.atomic():
            let_go_when_frozen()
            # Not against references to the row: who holds what the caller waits for may add one.
            row: J | None = self._held().select_for_update(no_key=True).first()
            if row is None:
                raise LeaseLost
            yield row
            row.attempts = 1
            row.save(update_fields=["done", "total", "attempts"])

    def finish(self) -> None:
        self._end(state=JobState.DONE, error="", **ended())

    def cancel(self) -> None:
        self._end(state=JobState.CANCELLED, **ended())

    def fail(self, message: str) -> None:
        self._end(state=JobState.FAILED, error=message, **ended())

    def release(self) -> None:
        """Back to the queue: the next worker to start takes it. Nothing went wrong."""
        self._end(state=JobState.QUEUED, lease_token=None, lease_expires_at=None, attempts=0)

    def _end(self, **values: Any) -> None:
        if not self._held().update(**values):
            raise LeaseLost


def work_under_lease(
    model: type[J], pk: int, work: Callable[[Lease[J]], None], failure: str
) -> bool:
    """Works until the job ends or is taken away; False when another worker has it.

    `failure` begins the message that a person reads after a fault nobody foresaw.
    """
    lease = Lease.take(model, pk)
    if lease is None:
        return False
    with lease:
        try:
            _settle(lease, work, failure)
        except LeaseLost:
            logger.warning("%s %s was taken over or ended elsewhere.", model.__name__, pk)
    return True


def _settle(lease: Lease[J], work: Callable[[Lease[J]], None], failure: str) -> None:
    try:
        work(lease)
        lease.finish()
    except JobCancelled:
        lease.cancel()
    except WorkerStopping:
        lease.release()
    except KeyboardInterrupt:
        with suppress(LeaseLost):
            lease.release()
        raise
    except (LeaseLost, OperationalError, InterfaceError):
        raise  # the database, not the work: a sweep sends the job again
    except DomainError as error:
        lease.fail(str(error))
    except Exception as error:
        # The border: whoever waits has to read on the job's page what went wrong.
        logger.exception("%s %s failed.", lease.model.__name__, lease.pk)
        lease.fail(f"{failure}: {type(error).__name__}: {error}")
