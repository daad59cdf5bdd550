from __future__ import annotations

import time
from collections.abc import Callable

from inference.models import Job

POLL_SECONDS = 0.5


def work_until_ended(job: Job, work: Callable[[], bool], show: Callable[[], None]) -> None:
    """Does the work in this process, or watches the worker that was faster.

    `work` returns False while another worker has the row; it is tried again and again, so that
    the job is taken over here when that worker dies.
    """
    while True:
        work()
        job.refresh_from_db()
        show()
        if not job.is_active:
            return
        time.sleep(POLL_SECONDS)
