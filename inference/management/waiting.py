from __future__ import annotations

import time
from collections.abc import Callable

from inference.errors import DomainError
from inference.models import Job

POLL_SECONDS = 0.5


class InterruptedHereError(DomainError):
    pass


def work_until_ended(job: Job, work: Callable[[], bool], show: Callable[[], None]) -> None:
    """Does the work in this process, or watches the worker that was faster.

    `work` returns False while another worker has the row; it is tried again and again, so that
    the job is taken over here when that worker dies.
    """
    try:
        while not _has_ended(job, work, show):
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt as interrupt:
        job.refresh_from_db()
        raise InterruptedHereError(
            f"Interrupted at {job.done} of {job.total}. What is done is kept, and the rest waits "
            "for a worker of the queue gpu."
        ) from interrupt


def _has_ended(job: Job, work: Callable[[], bool], show: Callable[[], None]) -> bool:
    work()
    job.refresh_from_db()
    show()
    return not job.is_active
