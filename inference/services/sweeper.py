"""Sends jobs again whose worker has gone or whose message was lost.

A thread in every worker does it, not celery beat: beat is one more process that must run exactly
once and whose messages wait behind a busy worker. Here an advisory lock makes one sweep at a time
of any number of workers, and as long as one worker lives, sweeps go on.
"""

from __future__ import annotations

import logging
import threading

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from inference.models import Job, JobState
from inference.services.jobs import (
    MAX_ATTEMPTS,
    MESSAGE_LOST_SECONDS,
    ended,
    in_seconds,
    send_on_commit,
    unleased,
)

logger = logging.getLogger(__name__)

SWEEP_LOCK = 0x4D4F4F44
STOPPED_TOO_OFTEN = (
    f"The worker stopped {MAX_ATTEMPTS} times in a row without finishing a step, for example for "
    "lack of memory. Look into the worker's log, then resume."
)


def job_models() -> list[type[Job]]:
    """Jobs of both floors, found without importing the upper one."""
    return [model for model in apps.get_models() if issubclass(model, Job)]


@transaction.atomic
def sweep(*, all_queued: bool = False) -> int:
    """Number of jobs sent again; `all_queued` also those whose message may still be on its way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    return sum(_sweep(model, all_queued) for model in job_models())


def _sweep(model: type[Job], all_queued: bool) -> int:
    lost = Q() if all_queued else Q(lease_expires_at=None) | Q(lease_expires_at__lt=Now())
    rows = model._default_manager.filter(unleased()).filter(lost)
    jobs = list(rows.select_for_update(skip_locked=True).order_by("pk"))
    unwanted = [job.pk for job in jobs if job.cancel_requested]
    wanted = [job for job in jobs if not job.cancel_requested]
    hopeless = [job.pk for job in wanted if job.attempts >= MAX_ATTEMPTS]
    again = [job for job in wanted if job.attempts < MAX_ATTEMPTS]
    model._default_manager.filter(pk__in=unwanted).update(state=JobState.CANCELLED, **ended())
    model._default_manager.filter(pk__in=hopeless).update(
        state=JobState.FAILED, error=STOPPED_TOO_OFTEN, **ended()
    )
    model._default_manager.filter(pk__in=[job.pk for job in again]).update(
        state=JobState.QUEUED,
        lease_token=None,
        lease_expires_at=in_seconds(MESSAGE_LOST_SECONDS),
    )
    for job in again:
        logger.info("%s %s is sent again.", model._meta.verbose_name, job.pk)
        send_on_commit(job)
    return len(again)


class SweeperThread(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        all_queued = True
        while True:
            try:
                sweep(all_queued=all_queued)
                all_queued = False
            except Exception:  # the border of the thread: whatever it was, sweeps must go on
                logger.exception("The sweep failed; the next one is due as usual.")
            finally:
                connection.close()
            if self._stopped.wait(settings.JOB_SWEEP_SECONDS):
                return
