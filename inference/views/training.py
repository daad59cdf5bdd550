from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from inference.errors import DomainError
from inference.models import TrainingRun
from inference.selectors.cautions import cautions_about_model, what_stops
from inference.selectors.jobs import waiting_note
from inference.selectors.training import (
    training_curves,
    training_measures,
    training_progress,
    training_runs_of_team,
)
from inference.services.training import (
    cancel_training_run,
    log_file,
    resume_training_run,
)
from inference.services.training_process import log_tail
from mood_eval.access import current_team, team_object
from mood_eval.htmx import is_htmx, page_or_fragment

PAGE_SIZE = 50


@login_required
@require_GET
def training_list(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    page = Paginator(training_runs_of_team(team), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "inference/training_list.html", {"page": page})


@login_required
@require_GET
def training_detail(request: HttpRequest, pk: int) -> HttpResponse:
    run = _training_run(request, pk)
    context: dict[str, object] = {
        "training": run,
        "progress": training_progress(run),
        "waiting": waiting_note(run),
        "curves": training_curves(run),
        "measures": training_measures(run),
        "stopped": what_stops(run),
    }
    if not is_htmx(request):
        context["log"] = log_tail(log_file(run))
        context["cautions"] = cautions_about_model(run.result or run.base)
    response = page_or_fragment(
        request, "inference/training_detail.html", "inference/training_progress.html", context
    )
    if is_htmx(request) and not run.is_active:
        response["HX-Refresh"] = "true"  # the whole page, now with what to do next
    return response


@login_required
@require_GET
def training_log(request: HttpRequest, pk: int) -> HttpResponse:
    run = _training_run(request, pk)
    return render(request, "inference/training_log.html", {"log": log_tail(log_file(run))})


@login_required
@require_POST
def training_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = _training_run(request, pk)
    try:
        cancel_training_run(run)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("training_detail", pk=run.pk)


@login_required
@require_POST
def training_resume(request: HttpRequest, pk: int) -> HttpResponse:
    run = _training_run(request, pk)
    try:
        resume_training_run(run)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("training_detail", pk=run.pk)


def _training_run(request: HttpRequest, pk: int) -> TrainingRun:
    runs = TrainingRun.objects.select_related("base", "result", "created_by")
    return team_object(request.user, runs, pk=pk)
