from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from inference.errors import DomainError
from inference.response_forms import ResponsesForm
from inference.selectors.corpora import therapists_of_team
from inference.selectors.response_contents import preview_responses
from inference.services.imported_responses import ResponsesReport, import_responses
from inference.services.staged_uploads import drop_uploads, stage_uploads, staged_uploads
from mood_eval.access import current_team
from mood_eval.models import Team, User

TEMPLATE = "inference/responses_new.html"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def responses_new(request: HttpRequest) -> HttpResponse:
    """First what the file holds, with everything that can still be changed; then the models."""
    team = current_team(request.user)
    assert request.user.is_authenticated  # noqa: S101
    form = ResponsesForm(team, request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "therapists": therapists_of_team(team)}
    if request.method != "POST":
        return render(request, TEMPLATE, context)
    context |= stage(form, request.user)
    if not form.is_valid():
        return render(request, TEMPLATE, context, status=422)
    try:
        if "confirm" in request.POST:
            return imported(request, make(form, team, request.user, context["staged"]))
        context["preview"] = preview_responses(
            team=team,
            corpus=form.cleaned_data["corpus"],
            path=staged_uploads(context["staged"], request.user)[0],
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return render(request, TEMPLATE, context, status=422)
    return render(request, TEMPLATE, context)


def stage(form: ResponsesForm, user: User) -> dict[str, Any]:
    """Keeps a new file, so that it need not be chosen again whatever else is wrong."""
    form.full_clean()
    file = form.cleaned_data.get("upload")
    token = stage_uploads([file], user) if file else form.cleaned_data.get("staged", "")
    try:
        name = staged_uploads(token, user)[0].name if token else ""
    except DomainError:
        token, name = "", ""
    return {"staged": token, "name": name}


def make(form: ResponsesForm, team: Team, user: User, token: str) -> ResponsesReport:
    report = import_responses(
        team=team,
        corpus=form.cleaned_data["corpus"],
        path=staged_uploads(token, user)[0],
        about=form.cleaned_data["about"],
        leave_out_unmatched=form.cleaned_data["leave_out"],
        with_runs=form.cleaned_data["with_runs"],
        user=user,
    )
    drop_uploads(token, user)
    return report


def imported(request: HttpRequest, report: ResponsesReport) -> HttpResponse:
    made = [one.model for one in report.models if one.created]
    for model in made:
        messages.success(request, f"“{model.name}” holds {model.config['responses']:,} responses.")
    same = [one.model.name for one in report.models if not one.created]
    if same:
        messages.info(request, f"There already, with the same responses: {', '.join(same)}.")
    if len(report.models) == 1:
        return redirect("model_detail", report.models[0].model.pk)
    return redirect("model_list")
