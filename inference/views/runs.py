from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from inference.errors import DomainError
from inference.forms import GenerationRunForm, ResumeForm
from inference.models import GenerationRun
from inference.selectors.benchmarks import suites_of
from inference.selectors.endpoints import first_modality
from inference.selectors.jobs import waiting_note
from inference.selectors.model_calls import run_ledger
from inference.selectors.responses import FILTERS, answered_stimuli, shown_responses
from inference.selectors.run_groups import groups_of_run
from inference.selectors.run_options import option_words, options_of
from inference.selectors.runs import run_counts, run_for_member, run_progress, runs_of_team
from inference.services.generation import (
    answer_failed_again,
    cancel_generation_run,
    create_generation_run,
    resume_generation_run,
)
from mood_eval.access import current_team
from mood_eval.htmx import is_htmx, page_or_fragment

PAGE_SIZE = 50
RESPONSES_PER_PAGE = 20


@login_required
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    page = Paginator(runs_of_team(team), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "inference/run_list.html", {"page": page})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_new(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    asked = request.GET.get("model", "")
    initial = {
        "model_version": asked,
        "corpus": request.GET.get("corpus"),
        "modality": first_modality(team, asked),
    }
    form = GenerationRunForm(request.POST or None, team=team, initial=initial)
    if form.is_valid():
        try:
            run = create_generation_run(
                team=team,
                model_version=form.cleaned_data["model_version"],
                corpus=form.cleaned_data["corpus"],
                splits=form.cleaned_data.get("splits", []),
                limit=form.cleaned_data["limit"],
                options=form.options(),
                budget=form.cleaned_data["budget"],
                user=request.user if request.user.is_authenticated else None,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("run_detail", pk=run.pk)
    return render(request, "inference/run_new.html", {"form": form})


@login_required
@require_GET
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_for_member(request.user, pk)
    context: dict[str, object] = {
        "run": run,
        "progress": run_progress(run),
        "counts": run_counts(run),
        "waiting": waiting_note(run),
        "ledger": run_ledger(run),
        "resume_form": ResumeForm(),
    }
    if not is_htmx(request):
        context |= _responses(run, request.GET)
    response = page_or_fragment(
        request, "inference/run_detail.html", "inference/run_progress.html", context
    )
    if is_htmx(request) and not run.is_active:
        response["HX-Refresh"] = "true"  # the whole page, now with every response
    return response


def _responses(run: GenerationRun, asked: QueryDict) -> dict[str, object]:
    """A page holds about the same number of responses however many a client turn has."""
    only = asked.get("only", "")
    only = only if only in FILTERS else ""
    size = max(1, RESPONSES_PER_PAGE // options_of(run).samples)
    page = Paginator(answered_stimuli(run, only), size).get_page(asked.get("page"))
    return {
        "page": page,
        "shown": shown_responses(run, list(page), only),
        "filters": FILTERS,
        "only": only,
        "options": option_words(run),
        "groups": groups_of_run(run),
        "suites": suites_of(run.corpus),
    }


@login_required
@require_POST
def run_answer_again(request: HttpRequest, pk: int) -> HttpResponse:
    return _go_on(request, pk, answer_failed_again)


@login_required
@require_POST
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_for_member(request.user, pk)
    try:
        cancel_generation_run(run)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("run_detail", pk=run.pk)


@login_required
@require_POST
def run_resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _go_on(request, pk, resume_generation_run)


def _go_on(
    request: HttpRequest, pk: int, act: Callable[[GenerationRun, Decimal | None], object]
) -> HttpResponse:
    run = run_for_member(request.user, pk)
    form = ResumeForm(request.POST)
    if not form.is_valid():
        messages.warning(request, f"Budget: {form.errors['budget'][0]}")
        return redirect("run_detail", pk=run.pk)
    try:
        act(run, form.cleaned_data["budget"])
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("run_detail", pk=run.pk)
