from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotations.models import Study
from annotations.selectors.consents import permissions_in
from annotations.selectors.design_report import parts_of
from annotations.selectors.gate_rules import gates_of
from annotations.selectors.studies import (
    raters_of_the_team,
    studies_of,
    study_counts,
    study_for_team,
)
from annotations.selectors.study_choices import template_of
from annotations.selectors.study_history import history_of
from annotations.selectors.wizard import first_to_do, wizard_steps
from annotations.services.studies import close_study, launch_study
from annotations.study_forms import LaunchForm
from inference.errors import DomainError
from mood_eval.access import current_team


@require_GET
@login_required
def study_list(request: HttpRequest) -> HttpResponse:
    current_team(request.user)
    return render(request, "studies/study_list.html", {"studies": studies_of(request.user)})


@require_GET
@never_cache
@login_required
def study_detail(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    context = {
        "study": study,
        "counts": study_counts(study),
        "people": permissions_in(study),
        "insiders": raters_of_the_team(study),
        "has_panel": gates_of(study).exists(),
        "runs": study.study_runs.select_related("run__model_version", "run__corpus"),
        "parts": parts_of(study),
        "template": template_of(study),
        "history": history_of(study),
    }
    if study.state == Study.State.DRAFT:
        context["steps"] = steps = wizard_steps(study)
        context["next_step"] = first_to_do(steps)
    return render(request, "studies/study_detail.html", context)


@require_POST
@login_required
def study_launch(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    form = LaunchForm(request.POST)
    try:
        launch_study(study, themes=form.chosen)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("study_look_over", pk)
    messages.success(request, "The study is open. Raters find it under “My ratings”.")
    return redirect("study_detail", pk)


@require_POST
@login_required
def study_close(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    try:
        close_study(study)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The study is closed. Answers that arrive later are kept apart.")
    return redirect("study_detail", pk)
