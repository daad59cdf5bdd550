"""A team's receivers of messages about its studies, and what became of each message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.models import Webhook
from annotations.selectors.webhooks import deliveries_of, delivery_for, webhook_for, webhooks_of
from annotations.services.deliveries import PAUSES, send_again
from annotations.services.webhooks import (
    add_webhook,
    delete_webhook,
    edit_webhook,
    renew_secret,
    set_active,
)
from annotations.webhook_forms import EventsForm, WebhookForm
from inference.errors import DomainError
from mood_eval.access import current_team


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def webhook_list(request: HttpRequest) -> HttpResponse:
    """POST adds one."""
    team = current_team(request.user)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            webhook = add_webhook(team=team, **form.cleaned_data)
        except DomainError as error:
            form.add_error("url", str(error))
        else:
            messages.success(request, "From now on messages go to this address.")
            return redirect("webhook_detail", webhook.pk)
    context = {"team": team, "webhooks": webhooks_of(team), "form": form}
    return render(
        request, "webhooks/webhook_list.html", context, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def webhook_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """POST changes its events."""
    webhook = webhook_for(request.user, pk)
    form = EventsForm(request.POST) if request.method == "POST" else EventsForm.of(webhook)
    if request.method == "POST" and form.is_valid():
        edit_webhook(webhook=webhook, **form.cleaned_data)
        messages.success(request, "Saved. It holds from the next event on.")
        return redirect("webhook_detail", pk)
    context = {
        "webhook": webhook,
        "form": form,
        "deliveries": deliveries_of(webhook),
        "tries": len(PAUSES) + 1,
    }
    return render(
        request, "webhooks/webhook_detail.html", context, status=422 if form.errors else 200
    )


@require_POST
@login_required
def webhook_pause(request: HttpRequest, pk: int) -> HttpResponse:
    return done(request, pk, lambda webhook: set_active(webhook, False), "Nothing is sent for now.")


@require_POST
@login_required
def webhook_resume(request: HttpRequest, pk: int) -> HttpResponse:
    return done(request, pk, lambda webhook: set_active(webhook, True), "Messages are sent again.")


@require_POST
@login_required
def webhook_renew(request: HttpRequest, pk: int) -> HttpResponse:
    said = "There is a new secret. Give it to the receiver: the old one is no longer used."
    return done(request, pk, renew_secret, said)


def done(request: HttpRequest, pk: int, act: Callable[[Webhook], Any], said: str) -> HttpResponse:
    act(webhook_for(request.user, pk))
    messages.success(request, said)
    return redirect("webhook_detail", pk)


@require_GET
@never_cache
@login_required
def webhook_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first: the messages go with it."""
    webhook = webhook_for(request.user, pk)
    return render(request, "webhooks/webhook_remove.html", {"webhook": webhook})


@require_POST
@login_required
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponse:
    delete_webhook(webhook_for(request.user, pk))
    messages.success(request, "Nothing more is sent to that address.")
    return redirect("webhook_list")


@require_POST
@login_required
def webhook_again(request: HttpRequest, pk: int, delivery: int) -> HttpResponse:
    found = delivery_for(request.user, pk, delivery)
    try:
        send_again(found)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The message is on its way. Reload the page in a moment.")
    return redirect("webhook_detail", pk)
