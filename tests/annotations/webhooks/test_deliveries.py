"""Messages reach a real server, are signed, and are tried again until they are taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotations.models import Study, Webhook, WebhookDelivery
from annotations.services import webhook_http
from annotations.services.deliveries import PAUSES, deliver, send_again
from annotations.services.webhook_http import KEPT, signature
from annotations.services.webhooks import announce, delete_webhook, set_active
from inference.errors import WrongStateError
from inference.models import JobState
from inference.services.sweeper import sweep
from mood_eval.models import Team
from tests.annotations.webhooks.conftest import Receiver, draft_study, seconds_since
from tests.factories import make_user
from tests.processes import PROJECT, wait_until

Event = Webhook.Event
pytestmark = pytest.mark.django_db


@pytest.fixture
def study(team: Team) -> Study:
    return draft_study(team, [make_user("rui@example.org")])


@pytest.fixture
def delivery(study: Study, webhook: Webhook) -> WebhookDelivery:
    announce(Event.FLAG_RAISED, study, kind="harm", rater="R01")
    return WebhookDelivery.objects.get()


def due(delivery: WebhookDelivery) -> None:
    """As if the time until the next try were over."""
    past = timezone.now() - timedelta(seconds=1)
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    rows.update(next_try_at=past, lease_expires_at=past)


def test_a_message_says_what_happened_and_where(
    delivery: WebhookDelivery, receiver: Receiver, study: Study
) -> None:
    assert deliver(delivery.pk)
    (got,) = receiver.received
    assert got.payload["event"] == "flag.raised"
    assert got.payload["study"] == {"id": study.pk, "name": study.name}
    assert got.payload["facts"] == {"kind": "harm", "rater": "R01"}
    assert got.headers["X-MoodEval-Event"] == "flag.raised"
    assert got.headers["X-MoodEval-Delivery"] == got.payload["id"]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.answer) == (JobState.DONE, 200, "taken")


def test_the_signature_proves_sender_and_time(
    delivery: WebhookDelivery, receiver: Receiver, webhook: Webhook
) -> None:
    deliver(delivery.pk)
    (got,) = receiver.received
    at, given = got.headers["X-MoodEval-Signature"].split(", ")
    assert abs(int(at.removeprefix("t=")) - time.time()) < 30
    signed = f"{at.removeprefix('t=')}.".encode() + got.body
    expected = hmac.new(webhook.secret.encode(), signed, hashlib.sha256).hexdigest()
    assert given == f"v1={expected}"
    assert signature("another secret", int(at[2:]), got.body) != f"{at}, {given}"


def test_a_message_is_sent_once(delivery: WebhookDelivery, receiver: Receiver) -> None:
    assert deliver(delivery.pk)
    assert not deliver(delivery.pk)
    assert len(receiver.received) == 1


def test_after_an_error_it_waits_a_minute_and_is_then_taken(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    receiver.answers = [500]
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.done) == (JobState.QUEUED, 500, 1)
    assert timedelta(seconds=50) < delivery.next_try_at - timezone.now() < timedelta(seconds=61)
    assert not deliver(delivery.pk), "not before its time"
    assert len(receiver.received) == 1
    due(delivery)
    assert deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.done) == (JobState.DONE, 200, 2)
    first, second = receiver.received
    assert first.payload["id"] == second.payload["id"]


def test_pauses_grow_and_then_it_is_given_up(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.answers = [503] * 6
    for pause in PAUSES:
        deliver(delivery.pk)
        delivery.refresh_from_db()
        left = delivery.next_try_at - timezone.now()
        assert pause - timedelta(seconds=20) < left <= pause
        due(delivery)
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.done) == (JobState.FAILED, 6)
    assert delivery.error == "Given up after 6 tries."
    assert [p.total_seconds() / 60 for p in PAUSES] == [1, 5, 30, 120, 720]


def test_a_sweep_comes_back_to_it_when_it_is_due_and_not_before(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    receiver.answers = [500]
    deliver(delivery.pk)
    assert sweep() == 0
    due(delivery)
    assert sweep() == 1


def test_a_worker_that_starts_asks_for_everything_and_leaves_what_is_not_due(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    receiver.answers = [500]
    deliver(delivery.pk)
    assert sweep(all_queued=True) == 1
    assert not deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.lease_expires_at == delivery.next_try_at


def test_a_receiver_that_never_answers_is_left_after_the_time_limit(
    delivery: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_http, "SECONDS", 0.5)
    receiver.seconds = 20
    start = time.monotonic()
    deliver(delivery.pk)
    assert seconds_since(start) < 3
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status) == (JobState.QUEUED, None)
    assert "No answer within" in delivery.answer


def test_a_receiver_that_speaks_a_byte_at_a_time_is_left_as_well(
    delivery: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_http, "SECONDS", 0.5)
    receiver.drip = True
    start = time.monotonic()
    deliver(delivery.pk)
    assert seconds_since(start) < 3
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status) == (JobState.QUEUED, None)


def test_nobody_listening_is_said_in_words(study: Study, webhook: Webhook) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        Webhook.objects.update(url=f"http://127.0.0.1:{free.getsockname()[1]}/")
    announce(Event.STUDY_CLOSED, study)
    delivery = WebhookDelivery.objects.get()
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status) == (JobState.QUEUED, None)
    assert delivery.answer.startswith("No connection")


def test_redirects_are_not_followed(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.answers, receiver.location = [307], receiver.url
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert len(receiver.received) == 1
    assert (delivery.state, delivery.status) == (JobState.QUEUED, 307)


def test_of_the_answer_the_beginning_is_kept_as_the_database_takes_it(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    receiver.text = "a\0b" + "x" * 5000
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert len(delivery.answer) == KEPT
    assert delivery.answer.startswith("abx")


def test_what_was_given_up_or_taken_can_be_sent_again_with_all_tries(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    WebhookDelivery.objects.update(state=JobState.FAILED, done=6, error="Given up after 6 tries.")
    again = send_again(delivery)
    assert (again.state, again.done, again.error) == (JobState.QUEUED, 0, "")
    assert deliver(delivery.pk)
    assert deliver(send_again(delivery).pk)
    assert [got.payload["id"] for got in receiver.received] == [delivery.payload["id"]] * 2


def test_what_is_being_sent_is_not_sent_again_beside_it(delivery: WebhookDelivery) -> None:
    WebhookDelivery.objects.update(state=JobState.RUNNING)
    with pytest.raises(WrongStateError):
        send_again(delivery)


def test_a_paused_receiver_gets_what_waited_once_it_goes_on(
    delivery: WebhookDelivery, receiver: Receiver, webhook: Webhook, study: Study
) -> None:
    set_active(webhook, False)
    announce(Event.STUDY_CLOSED, study)
    assert not deliver(delivery.pk)
    assert not receiver.received
    set_active(webhook, True)
    assert deliver(delivery.pk)
    assert [got.payload["event"] for got in receiver.received] == ["flag.raised"]


def test_a_deleted_receiver_gets_nothing_more(
    delivery: WebhookDelivery, receiver: Receiver, webhook: Webhook
) -> None:
    delete_webhook(webhook)
    assert not deliver(delivery.pk)
    assert not receiver.received


Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    workers: list[subprocess.Popen[bytes]] = []
    environment = {**child_environment, "JOB_LEASE_SECONDS": "3", "JOB_SWEEP_SECONDS": "1"}

    def start() -> subprocess.Popen[bytes]:
        name = f"default-{len(workers)}"
        command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
        command += ["--queues", "default", "--pool", "threads", "--concurrency", "1"]
        command += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle"]
        with (tmp_path / f"{name}.log").open("wb") as log:
            workers.append(
                subprocess.Popen(
                    command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
                )
            )
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_a_try_loses_no_message(
    start_worker: Start, receiver: Receiver, delivery: WebhookDelivery
) -> None:
    receiver.seconds = 8
    worker = start_worker()
    assert wait_until(lambda: receiver.received, 60), "the first worker has begun"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.done) == (JobState.RUNNING, 0)
    receiver.seconds = 0
    start_worker()
    assert wait_until(lambda: is_done(delivery), 60)
    ids = {got.payload["id"] for got in receiver.received}
    assert len(receiver.received) == 2
    assert ids == {delivery.payload["id"]}
    assert json.loads(receiver.received[0].body) == json.loads(receiver.received[1].body)


def is_done(delivery: WebhookDelivery) -> bool:
    delivery.refresh_from_db()
    return delivery.state == JobState.DONE
