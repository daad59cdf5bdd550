from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotations.selectors.follow_up import follow_up_of
from annotations.selectors.fresh_sessions import LEAST_SESSIONS
from annotations.services.training import generate_for_follow_up, offer_follow_up_study
from annotations.training_forms import FollowUpForm
from annotations.views.releases import signed_in
from inference.errors import DomainError, InvalidOptionsError
from inference.models import TrainingRun
from inference.selectors.runs import run_progress
from mood_eval.access import team_object


@login_required
@require_GET
def training_next(request: HttpRequest, pk: int) -> HttpResponse:
    run = training_of_team(request, pk)
    found = follow_up_of(run)
    runs = [(run, run_progress(run)) for run in (found.old, found.new) if run is not None]
    waits = any(run.is_active for run, _ in runs)
    context = {
        "training": run,
        "follow_up": found,
        "runs": runs,
        "waits": waits,
        "form": FollowUpForm(initial={"least": found.least_agreed_to}),
    }
    return render(request, "results/training_next.html", context)


@login_required
@require_POST
def training_generate(request: HttpRequest, pk: int) -> HttpResponse:
    run = training_of_team(request, pk)
    try:
        generate_for_follow_up(training_run=run, user=signed_in(request), least=least_of(request))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("training_next", pk=run.pk)


@login_required
@require_POST
def training_follow_up(request: HttpRequest, pk: int) -> HttpResponse:
    run = training_of_team(request, pk)
    try:
        study = offer_follow_up_study(run, user=signed_in(request), least=least_of(request))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("training_next", pk=run.pk)
    messages.success(request, "The draft is ready. Look it over, then launch it.")
    return redirect("study_detail", pk=study.pk)


def least_of(request: HttpRequest) -> int:
    """How many fresh sessions are enough; the usual number unless the form says another one."""
    form = FollowUpForm(request.POST)
    if not form.is_valid():
        raise InvalidOptionsError("The least number of sessions is a whole number from 1.")
    return form.cleaned_data["least"] or LEAST_SESSIONS


def training_of_team(request: HttpRequest, pk: int) -> TrainingRun:
    runs = TrainingRun.objects.select_related("base", "result", "team")
    return team_object(request.user, runs, pk=pk)
