from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from inference.models import ModelVersion
from inference.selectors.cautions import cautions_about_model, cautions_about_models
from inference.selectors.endpoints import endpoint_facts
from inference.selectors.model_calls import spending_of_model
from inference.selectors.model_versions import (
    lineage,
    models_of_team,
    scored_criteria,
    training_behind,
)
from inference.selectors.runs import runs_of_model
from inference.selectors.training import config_in_words
from inference.selectors.training_report import training_report
from mood_eval.access import current_team, team_object

PAGE_SIZE = 50
PERCEIVING = (ModelVersion.Kind.MULTIMOOD, ModelVersion.Kind.ENDPOINT)
"""Kinds that may be given pictures and sound."""


@login_required
@require_GET
def model_list(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    page = Paginator(models_of_team(team), PAGE_SIZE).get_page(request.GET.get("page"))
    cautions = cautions_about_models(page)
    rows = [(model, cautions[model.pk]) for model in page]
    context = {"page": page, "rows": rows, "addresses": settings.ENDPOINT_URLS}
    return render(request, "inference/model_list.html", context)


@login_required
@require_GET
def model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    model = team_object(request.user, ModelVersion.objects.all(), pk=pk)
    training = training_behind(model)
    runs = Paginator(runs_of_model(model), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "model": model,
        "lineage": lineage(model),
        "page": runs,
        "cautions": cautions_about_model(model),
        "training": training,
        "config": config_in_words(training) if training else [],
        "report": training_report(training) if training else None,
        "criteria": scored_criteria(model),
        "endpoint": endpoint_facts(model),
        "spending": spending_of_model(model),
        "is_reward": model.kind == ModelVersion.Kind.REWARD,
        "is_trainable": model.kind == ModelVersion.Kind.MULTIMOOD,
        "compares_modalities": model.kind in PERCEIVING,
    }
    return render(request, "inference/model_detail.html", context)
