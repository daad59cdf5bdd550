"""Events of studies, told to a team's own systems: who is told, and what happened."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotations.models import Study, Webhook, WebhookDelivery
from annotations.selectors.webhooks import has_completed, webhooks_for
from annotations.services.webhook_addresses import check_receiver
from inference.errors import InvalidOptionsError
from inference.models import JobState
from inference.services import jobs
from mood_eval.models import Team

Event = Webhook.Event
Facts = Mapping[str, Any]
MOST = 20
"""Receivers of one team."""
REMEMBERED_SECONDS = 30.0
_wanted: dict[int, tuple[float, bool]] = {}
"""Team -> until when it is known whether it waits for the completion of studies."""


def announce(event: str, study: Study, **facts: Any) -> None:
    """In the transaction of what happened: both are stored or neither.

    `facts` leave the house: pseudonyms and numbers, never addresses or anybody's words.
    """
    announce_all(event, study, [facts])


def announce_all(event: str, study: Study, each: Iterable[Facts]) -> None:
    """One message for each of these facts; a single query where nobody is to be told."""
    receivers = list(webhooks_for(study, event))
    if not receivers:
        return
    now = timezone.now()
    told = {"id": study.pk, "name": study.name}
    for facts in each:
        payload = {"event": event, "time": now.isoformat(), "study": told, "facts": dict(facts)}
        for webhook in receivers:
            delivery = WebhookDelivery.objects.create(
                webhook=webhook,
                study=study,
                event=event,
                payload={"id": str(uuid.uuid4()), **payload},
                next_try_at=now,
            )
            jobs.enqueue(delivery)


def watch_completion(study: Study) -> None:
    """After each independent answer; costs a query only where a receiver waits for the last one.

    Looked at after the commit: of two people who submit the last two items at the same moment,
    neither sees the other's answer before.
    """
    if waits_for_completion(study.team_id):
        transaction.on_commit(lambda: announce_completion(study), robust=True)


def waits_for_completion(team: int) -> bool:
    until, known = _wanted.get(team, (0.0, False))
    if time.monotonic() >= until:
        rows = Webhook.objects.filter(team=team, events__contains=[Event.STUDY_COMPLETED])
        known = rows.filter(active=True).exists()
        _wanted[team] = (time.monotonic() + REMEMBERED_SECONDS, known)
    return known


@transaction.atomic
def announce_completion(study: Study) -> None:
    """Once per study; also at its close, should a process end right after the last answer."""
    if not webhooks_for(study, Event.STUDY_COMPLETED).exists() or not has_completed(study):
        return
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    told = WebhookDelivery.objects.filter(study=study, event=Event.STUDY_COMPLETED)
    if not told.exists():
        announce(Event.STUDY_COMPLETED, study)


@transaction.atomic
def add_webhook(*, team: Team, url: str, events: Collection[str]) -> Webhook:
    url = url.strip()
    check_receiver(url)
    chosen = check_events(events)
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    rows = Webhook.objects.filter(team=team)
    if rows.filter(url=url).exists():
        raise InvalidOptionsError("Messages go to this address already. Change its events instead.")
    if rows.count() >= MOST:
        raise InvalidOptionsError(f"A team has at most {MOST} receivers. Delete one first.")
    webhook = Webhook.objects.create(
        team=team, url=url, events=chosen, secret=secrets.token_urlsafe(32)
    )
    _wanted.pop(team.pk, None)
    return webhook


@transaction.atomic
def edit_webhook(*, webhook: Webhook, events: Collection[str]) -> Webhook:
    webhook = locked(webhook)
    webhook.events = check_events(events)
    webhook.save(update_fields=["events"])
    _wanted.pop(webhook.team_id, None)
    return webhook


@transaction.atomic
def renew_secret(webhook: Webhook) -> Webhook:
    """From the next message on; the old one proves nothing any more."""
    webhook = locked(webhook)
    webhook.secret = secrets.token_urlsafe(32)
    webhook.save(update_fields=["secret"])
    return webhook


@transaction.atomic
def set_active(webhook: Webhook, active: bool) -> Webhook:
    """Events during a pause are told to nobody; messages that wait already go out after it."""
    webhook = locked(webhook)
    if webhook.active != active:
        webhook.active = active
        webhook.save(update_fields=["active"])
        if active:
            for delivery in webhook.deliveries.filter(state=JobState.QUEUED).order_by("pk"):
                jobs.enqueue(delivery)
    _wanted.pop(webhook.team_id, None)
    return webhook


@transaction.atomic
def delete_webhook(webhook: Webhook) -> None:
    """With its messages, those that wait included."""
    locked(webhook).delete()
    _wanted.pop(webhook.team_id, None)


def locked(webhook: Webhook) -> Webhook:
    return Webhook.objects.select_for_update().get(pk=webhook.pk)


def check_events(events: Collection[str]) -> list[str]:
    unknown = sorted(set(events) - set(Event.values))
    if unknown:
        raise InvalidOptionsError(
            f"There is no event {', '.join(unknown)}. Events: {', '.join(Event.values)}."
        )
    chosen = [event for event in Event.values if event in events]
    if not chosen:
        raise InvalidOptionsError("Choose at least one event to be told of.")
    return chosen
