"""What a researcher does on a results page: have figures made, look early, reveal names."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotations.models import Study
from annotations.selectors.analyses import shown_analysis
from annotations.services.analyses import look_early, request_analysis, reveal_models
from annotations.views.results import PAGES, chosen_filter, for_researchers, progress_of
from inference.errors import DomainError
from mood_eval.htmx import is_htmx


@require_POST
@for_researchers
def results_compute(request: HttpRequest, study: Study) -> HttpResponse:
    """The filters stand in the address, as on the page that asks."""
    try:
        assert request.user.is_authenticated  # noqa: S101
        request_analysis(study, chosen_filter(request), user=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    if is_htmx(request):
        return _progress(request, study)
    return redirect(_back(request, study))


@require_GET
@for_researchers
def results_progress(request: HttpRequest, study: Study) -> HttpResponse:
    return _progress(request, study)


def _progress(request: HttpRequest, study: Study) -> HttpResponse:
    shown = shown_analysis(study, chosen_filter(request))
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    context = {
        "study": study,
        "shown": shown,
        "progress": progress_of(shown.job),
        "query": query,
    }
    response = render(request, "results/progress.html", context)
    if not shown.waiting:
        response["HX-Refresh"] = "true"  # the whole page, now with every figure
    return response


@require_POST
@for_researchers
def results_look(request: HttpRequest, study: Study) -> HttpResponse:
    try:
        assert request.user.is_authenticated  # noqa: S101
        look_early(
            study,
            user=request.user,
            reason=request.POST.get("reason", ""),
            chosen=chosen_filter(request),
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your look is recorded. The comparisons are being computed.")
    return redirect(_back(request, study, "results_models"))


@require_POST
@for_researchers
def results_reveal(request: HttpRequest, study: Study) -> HttpResponse:
    try:
        assert request.user.is_authenticated  # noqa: S101
        reveal_models(study, user=request.user, reason=request.POST.get("reason", ""))
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The names of the models are shown from now on; it is recorded.")
    return redirect(_back(request, study))


def _back(request: HttpRequest, study: Study, default: str = "study_results") -> str:
    known = {name for _, name in PAGES}
    name = request.POST.get("page", "")
    query = request.GET.urlencode()
    address = reverse(name if name in known else default, args=[study.pk])
    return f"{address}?{query}" if query else address
