from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.forms import StudyForm
from annotations.selectors.studies import (
    raters_of_the_team,
    raters_with_progress,
    studies_of,
    study_counts,
    study_for_team,
)
from annotations.services.raters import links_to_hand_out
from annotations.services.studies import close_study, create_study, launch_study
from inference.errors import DomainError
from mood_eval.access import current_team


@require_GET
@login_required
def study_list(request: HttpRequest) -> HttpResponse:
    current_team(request.user)
    return render(request, "studies/study_list.html", {"studies": studies_of(request.user)})


@require_http_methods(["GET", "POST"])
@login_required
def study_new(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    form = StudyForm(request.POST or None, team=team)
    if request.method == "POST" and form.is_valid():
        try:
            assert request.user.is_authenticated  # noqa: S101
            study = create_study(team=team, user=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The draft is ready. Look it over, then launch it.")
            return redirect("study_detail", study.pk)
    return render(request, "studies/study_new.html", {"form": form})


@require_GET
@never_cache
@login_required
def study_detail(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    raters = list(raters_with_progress(study))
    context = {
        "study": study,
        "counts": study_counts(study),
        "raters": raters,
        "insiders": raters_of_the_team(study),
        "new_accounts": [
            (email, request.build_absolute_uri(link))
            for email, link in links_to_hand_out(study.team, [rater.user for rater in raters])
        ],
        "runs": study.study_runs.select_related("run__model_version", "run__corpus"),
        "parts": study.parts.select_related("instrument").prefetch_related("instrument__criteria"),
    }
    return render(request, "studies/study_detail.html", context)


@require_POST
@login_required
def study_launch(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    try:
        launch_study(study)
    except DomainError as error:
        messages.error(request, str(error))
    else:
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
