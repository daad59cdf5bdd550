"""One model with all that a client shows, or with a part of it: started, watched, compared."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from inference.errors import DomainError
from inference.group_forms import ModalitiesForm
from inference.models import ModelVersion
from inference.selectors.jobs import waiting_note
from inference.selectors.run_groups import (
    group_for_member,
    group_progress,
    groups_of_model,
    shared_facts,
)
from inference.selectors.runs import run_for_member
from inference.services.modalities import (
    compare_modalities,
    compare_modalities_of_run,
    corpora_to_compare,
)
from mood_eval.access import team_object
from mood_eval.htmx import is_htmx, page_or_fragment
from mood_eval.models import User


def person_of(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated else None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def model_modalities(request: HttpRequest, pk: int) -> HttpResponse:
    model = team_object(request.user, ModelVersion.objects.select_related("team"), pk=pk)
    form = ModalitiesForm(request.POST or None, team=model.team)
    if form.is_valid():
        try:
            group = compare_modalities(model=model, user=person_of(request), **form.selection())
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("run_group", pk=group.pk)
    context = {
        "model": model,
        "form": form,
        "corpora": corpora_to_compare(model),
        "groups": groups_of_model(model),
    }
    return render(request, "inference/model_modalities.html", context)


@login_required
@require_POST
def run_modalities(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_for_member(request.user, pk)
    try:
        group = compare_modalities_of_run(run, person_of(request))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("run_detail", pk=run.pk)
    return redirect("run_group", pk=group.pk)


@login_required
@require_GET
def run_group(request: HttpRequest, pk: int) -> HttpResponse:
    group = group_for_member(request.user, pk)
    progress = group_progress(group)
    waiting = [row.run for row in progress.rows if row.run.is_active]
    context: dict[str, object] = {
        "group": group,
        "progress": progress,
        "waiting": waiting_note(waiting[0]) if waiting else "",
    }
    if not is_htmx(request):
        context["facts"] = shared_facts(progress.runs)
    response = page_or_fragment(
        request, "inference/run_group.html", "inference/run_group_progress.html", context
    )
    if is_htmx(request) and not progress.is_active:
        response["HX-Refresh"] = "true"  # the whole page, now with what to do next
    return response
