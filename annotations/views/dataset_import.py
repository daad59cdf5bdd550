from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotations.dataset_import_forms import DatasetImportForm
from annotations.models import PreferenceDataset
from annotations.services.dataset_imports import import_dataset, preview_import
from inference.errors import DomainError
from inference.services.staged_uploads import drop_uploads, stage_uploads, staged_uploads
from mood_eval.access import current_team
from mood_eval.models import Team, User

TEMPLATE = "datasets/import.html"


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def dataset_import(request: HttpRequest) -> HttpResponse:
    """First what the files hold, with everything that can still be changed; then the dataset."""
    team = current_team(request.user)
    assert request.user.is_authenticated  # noqa: S101
    form = DatasetImportForm(request.POST or None, request.FILES or None)
    if request.method == "GET":
        return render(request, TEMPLATE, {"form": form})
    context: dict[str, Any] = {"form": form, **stage(form, request.user)}
    if not form.is_valid():
        return render(request, TEMPLATE, context, status=422)
    try:
        if "confirm" in request.POST:
            return imported(request, *make(form, team, request.user, context["staged"]))
        paths = staged_uploads(context["staged"], request.user)
        context["preview"] = preview_import(paths, form.request, team)
    except DomainError as error:
        form.add_error(None, str(error))
        return render(request, TEMPLATE, context, status=422)
    return render(request, TEMPLATE, context)


def stage(form: DatasetImportForm, user: User) -> dict[str, Any]:
    """Keeps new files, so that they need not be chosen again whatever else is wrong."""
    form.full_clean()
    files = form.cleaned_data.get("uploads")
    token = stage_uploads(files, user) if files else form.cleaned_data.get("staged", "")
    try:
        names = [path.name for path in staged_uploads(token, user)] if token else []
    except DomainError:
        token, names = "", []
    return {"staged": token, "names": names}


def make(
    form: DatasetImportForm, team: Team, user: User, token: str
) -> tuple[PreferenceDataset, bool]:
    made = import_dataset(
        team=team,
        paths=staged_uploads(token, user),
        name=form.cleaned_data["name"],
        licence=form.cleaned_data["licence"],
        consent_declared=form.cleaned_data["consent"],
        request=form.request,
        user=user,
    )
    drop_uploads(token, user)
    return made


def imported(request: HttpRequest, dataset: PreferenceDataset, created: bool) -> HttpResponse:
    if created:
        messages.success(request, f"“{dataset.name}” holds {dataset.rows} pairs.")
    else:
        messages.info(request, "These files were imported before by the same rules: here they are.")
    return redirect("release_detail", dataset.pk)
