"""Messages on their way: one try under a lease, and the next one later.

The row is the queue, as of every job. While a message waits for its next try, `lease_expires_at`
says when that is, so that the sweep of any worker sends it again then. A worker that is killed in
the middle of a try leaves its lease to run out: the try is made again, and the receiver may get
the message twice, with the same id.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotations.models import WebhookDelivery
from annotations.services.webhook_http import Answered, post_signed
from inference.errors import WrongStateError
from inference.models import JobState
from inference.services import jobs
from inference.services.jobs import Lease, LeaseLost

logger = logging.getLogger(__name__)
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 12 * 60))
"""After each try that failed; after the last one the message is given up."""
PAUSED_UNTIL = timedelta(days=1)


def deliver(pk: int) -> bool:
    """One try, if it is due. False where it is not, or where another worker has the row."""
    delivery = WebhookDelivery.objects.select_related("webhook").filter(pk=pk).first()
    if delivery is None:  # its receiver was deleted
        return False
    if not delivery.webhook.active or delivery.next_try_at > timezone.now():
        wait(delivery)
        return False
    lease = Lease.take(WebhookDelivery, pk)
    if lease is None:
        return False
    with lease:
        try:
            lease.check()
            answered = send(delivery)
            with lease.commit_chunk() as row:
                note(row, answered)
        except LeaseLost:
            logger.warning("Webhook delivery %s was taken over or deleted.", pk)
        except (jobs.JobCancelled, jobs.WorkerStopping):
            lease.release()
    return True


def wait(delivery: WebhookDelivery) -> None:
    """Not due: the sweep comes back to it then, and not every minute."""
    until = (
        F("next_try_at")
        if delivery.webhook.active
        else jobs.in_seconds(PAUSED_UNTIL.total_seconds())
    )
    WebhookDelivery.objects.filter(pk=delivery.pk, state=JobState.QUEUED).update(
        lease_expires_at=until
    )


def send(delivery: WebhookDelivery) -> Answered:
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "X-MoodEval-Event": delivery.event,
        "X-MoodEval-Delivery": str(delivery.payload["id"]),
    }
    return post_signed(delivery.webhook.url, delivery.webhook.secret, body, headers)


def note(row: WebhookDelivery, answered: Answered) -> None:
    """Within the transaction that holds the row, which stores `done` as well."""
    row.status, row.answer = answered.status, answered.text
    row.done += 1
    row.lease_token = None
    if answered.taken:
        row.state, row.error = JobState.DONE, ""
        row.finished_at, row.lease_expires_at = timezone.now(), None
    elif row.done > len(PAUSES):
        row.state, row.error = JobState.FAILED, f"Given up after {row.done} tries."
        row.finished_at, row.lease_expires_at = timezone.now(), None
    else:
        row.state = JobState.QUEUED
        row.next_try_at = timezone.now() + PAUSES[row.done - 1]
        row.lease_expires_at = row.next_try_at
    row.save()


@transaction.atomic
def send_again(delivery: WebhookDelivery) -> WebhookDelivery:
    """At once, with all its tries; the message keeps its id."""
    row = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
    if row.state == JobState.RUNNING:
        raise WrongStateError("This message is being sent at this moment. Look again shortly.")
    row.done, row.next_try_at = 0, timezone.now()
    row.save(update_fields=["done", "next_try_at"])
    jobs.enqueue(row)
    row.refresh_from_db()
    return row
