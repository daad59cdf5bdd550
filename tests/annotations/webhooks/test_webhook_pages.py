"""The team's pages of its receivers: what they say, and what each button does."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.models import Study, Webhook, WebhookDelivery
from annotations.services.deliveries import deliver
from annotations.services.webhooks import announce
from inference.models import JobState
from mood_eval.models import Team, User
from tests.annotations.webhooks.conftest import Receiver, draft_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client, team: Team) -> Client:
    client.force_login(User.objects.get(email="ada@example.org"))
    return client


@pytest.fixture
def delivery(team: Team, webhook: Webhook) -> WebhookDelivery:
    study: Study = draft_study(team, [])
    announce("study.closed", study)
    return WebhookDelivery.objects.get()


def test_a_receiver_is_added_with_its_events(ada: Client, team: Team) -> None:
    assert "Nobody is told yet" in ada.get("/webhooks/").content.decode()
    chosen = {"url": "http://localhost/hook", "events": ["study.closed", "flag.raised"]}
    response = ada.post("/webhooks/", chosen, follow=True)
    webhook = team.webhooks.get()
    assert webhook.events == ["study.closed", "flag.raised"]
    assert webhook.secret in response.content.decode()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"url": "http://localhost/hook"}, "Choose at least one event"),
        ({"url": "nowhere", "events": ["study.closed"]}, "whole address"),
    ],
)
def test_a_refusal_keeps_what_was_written(ada: Client, sent: dict[str, object], words: str) -> None:
    response = ada.post("/webhooks/", sent)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert f'value="{sent["url"]}"' in page


def test_a_message_is_seen_with_its_answer_and_sent_again(
    ada: Client, receiver: Receiver, delivery: WebhookDelivery
) -> None:
    receiver.answers, receiver.text = [500], "out of order"
    deliver(delivery.pk)
    url = f"/webhooks/{delivery.webhook_id}/"
    page = ada.get(url).content.decode()
    assert "Try 2 of 6 at" in page
    assert "out of order" in page
    ada.post(f"{url}messages/{delivery.pk}/again")
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == JobState.DONE
    assert "Taken" in ada.get(url).content.decode()


def test_pause_resume_new_secret_and_events(ada: Client, webhook: Webhook) -> None:
    url, secret = f"/webhooks/{webhook.pk}/", webhook.secret
    assert "Paused" in ada.post(f"{url}pause", follow=True).content.decode()
    assert Webhook.objects.filter(active=False).exists()
    ada.post(f"{url}resume")
    ada.post(f"{url}renew")
    ada.post(url, {"events": ["rater.joined"]})
    webhook.refresh_from_db()
    assert webhook.active
    assert webhook.secret != secret
    assert webhook.events == ["rater.joined"]


def test_deleting_asks_first(ada: Client, webhook: Webhook) -> None:
    url = f"/webhooks/{webhook.pk}/"
    assert "Delete this webhook?" in ada.get(f"{url}remove/").content.decode()
    assert ada.get(f"{url}delete").status_code == 405
    ada.post(f"{url}delete")
    assert not Webhook.objects.exists()


def test_the_list_asks_the_same_for_one_and_for_many(
    ada: Client, team: Team, webhook: Webhook
) -> None:
    with CaptureQueriesContext(connection) as one:
        ada.get("/webhooks/")
    for number in range(10):
        Webhook.objects.create(team=team, url=f"http://localhost/{number}", secret="x", events=[])
    with CaptureQueriesContext(connection) as many:
        ada.get("/webhooks/")
    assert len(many) == len(one)
