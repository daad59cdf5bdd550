"""Registering models that were not made here."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from inference.errors import DomainError
from inference.model_forms import EndpointForm, TextModelForm
from inference.services.endpoints import register_endpoint
from inference.services.text_models import register_text_model
from mood_eval.access import current_team

REGISTERED = "“%s” is registered. It can answer client turns now."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_new(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    form = EndpointForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            model = register_endpoint(
                team=team, name=data["name"], endpoint=form.endpoint(), card=data["card"]
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, REGISTERED % model)
            return redirect("model_detail", pk=model.pk)
    context = {"form": form, "addresses": settings.ENDPOINT_URLS}
    return render(request, "inference/endpoint_new.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def text_model_new(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    form = TextModelForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            model = register_text_model(
                team=team,
                name=data["name"],
                path=data["path"],
                card=data["card"],
                below=settings.VAR,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, REGISTERED % model)
            return redirect("model_detail", pk=model.pk)
    return render(request, "inference/text_model_new.html", {"form": form})
