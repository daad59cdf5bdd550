from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from inference.models import ModelVersion
from inference.selectors.cautions import cautions_about_model, cautions_about_models
from inference.selectors.model_versions import lineage, models_of_team
from inference.selectors.runs import runs_of_model
from mood_eval.access import current_team, team_object

PAGE_SIZE = 50


@login_required
@require_GET
def model_list(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    page = Paginator(models_of_team(team), PAGE_SIZE).get_page(request.GET.get("page"))
    cautions = cautions_about_models(page)
    rows = [(model, cautions[model.pk]) for model in page]
    return render(request, "inference/model_list.html", {"page": page, "rows": rows})


@login_required
@require_GET
def model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    models = ModelVersion.objects.select_related("trained_by")
    model = team_object(request.user, models, pk=pk)
    runs = Paginator(runs_of_model(model), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "model": model,
        "lineage": lineage(model),
        "page": runs,
        "cautions": cautions_about_model(model),
    }
    return render(request, "inference/model_detail.html", context)
