from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from inference.errors import DomainError
from inference.models import TrainingRun
from inference.selectors.cautions import cautions_about_model, what_stops
from inference.selectors.jobs import waiting_note
from inference.selectors.training import (
    config_in_words,
    preset_of,
    training_measures,
    training_progress,
    training_runs_of_team,
)
from inference.selectors.training_curves import training_curves
from inference.selectors.training_lines import MEDIA_TYPE, progress_lines
from inference.selectors.training_report import training_report
from inference.selectors.training_samples import samples_by_step, samples_of_turn
from inference.services.training import (
    cancel_training_run,
    log_file,
    resume_training_run,
)
from inference.services.training_process import log_tail
from mood_eval.access import current_team, team_object
from mood_eval.htmx import is_htmx, page_or_fragment

PAGE_SIZE = 50
MOST_DIGITS = 10


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
        "stopped": what_stops(run),
    }
    if not is_htmx(request):
        context["config"] = config_in_words(run)
        context["preset"] = preset_of(run)
        context["measures"] = training_measures(run)
        context["report"] = training_report(run)
        context["samples"] = samples_by_step(run)
        context["reward_models"] = list(run.reward_models.order_by("name"))
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
def training_samples(request: HttpRequest, pk: int) -> HttpResponse:
    """`?step=` shows what was answered then, `?turn=` all answers to one client turn."""
    run = _training_run(request, pk)
    asked = request.GET.get("step", "")
    turn = samples_of_turn(run, request.GET["turn"]) if "turn" in request.GET else None
    step = int(asked) if asked.isdecimal() and len(asked) < MOST_DIGITS else None
    context: dict[str, object] = {
        "training": run,
        "turn": turn,
        "samples": None if turn else samples_by_step(run, step),
    }
    return page_or_fragment(
        request,
        "inference/training_samples_page.html",
        "inference/training_samples.html",
        context,
    )


@login_required
@require_GET
def training_progress_jsonl(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    run = _training_run(request, pk)
    response = StreamingHttpResponse(progress_lines(run), content_type=MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="training-{run.pk}-progress.jsonl"'
    response["Cache-Control"] = "no-store"
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
    runs = TrainingRun.objects.select_related("base", "result", "corpus", "created_by")
    return team_object(request.user, runs, pk=pk)
