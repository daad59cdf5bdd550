"""The pages of a study's results. They show what a job has computed and never compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.analysis.filters import FilterError, ResultsFilter, read_filter
from annotations.models import Study
from annotations.selectors.analyses import (
    contrasts_open,
    early_looks,
    names_shown,
    plan_of,
    study_for_results,
)
from annotations.selectors.data_version import raters_who_submitted
from annotations.selectors.judge_answers import figures_of
from annotations.selectors.judges import judges_of
from annotations.selectors.release_pages import releases_of
from annotations.selectors.results_overview import filter_options, primary_results
from annotations.selectors.results_page import (
    AnalysisProgress,
    analysis_progress,
    criterion_named,
    results_page,
)
from annotations.selectors.results_people import rater_descriptors
from annotations.selectors.studies import rates_in

PAGES = (
    ("Plan and primary results", "study_results"),
    ("Agreement", "results_agreement"),
    ("Raters", "results_raters"),
    ("Items", "results_items"),
    ("Models", "results_models"),
    ("Judges", "results_judges"),
    ("Planner", "results_planner"),
    ("Report", "results_report"),
)
FIRST_ITEMS = 50
ResultsView = Callable[..., HttpResponseBase]
"""Takes the request, the study, and what else the address names."""


def for_researchers(view: ResultsView) -> Callable[..., HttpResponseBase]:
    """Members of the team only; who still rates in the study is told to wait for its close."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponseBase:
        study = study_for_results(request.user, pk)
        if rates_in(request.user, study):
            return render(request, "results/rater.html", {"study": study})
        return view(request, study, **kwargs)

    return guarded


def chosen_filter(request: HttpRequest) -> ResultsFilter:
    """From the address. One that cannot be read is said, and filters nothing."""
    given: dict[str, Any] = {key: request.GET.get(key) for key in request.GET}
    given["without"] = request.GET.getlist("without")
    try:
        return read_filter(given)
    except FilterError as error:
        messages.warning(request, f"{error} No filter is applied.")
        return ResultsFilter()


def page_context(
    request: HttpRequest,
    study: Study,
    current: str,
    section: str,
    planned: ResultsFilter | None = None,
    *,
    one_criterion: bool = False,
) -> dict[str, Any]:
    """What every results page needs. `planned`: the plan's exclusions, where they apply;
    `one_criterion`: the page shows the criterion that its address names."""
    chosen = chosen_filter(request)
    page = results_page(
        study,
        chosen if planned is None or chosen.active else planned,
        section,
        request.GET.get("criterion", "") if one_criterion else None,
    )
    return {
        "study": study,
        "page": page,
        "parts": page.parts,
        "state": page.shown.state,
        "raters": raters_who_submitted(study),
        "looks": early_looks(study),
        "contrasts_open": contrasts_open(study),
        "names_shown": names_shown(study),
        "pages": PAGES,
        "current_page": current,
        "progress": progress_of(page.shown.job),
        "options": filter_options(study),
        "chosen": page.chosen,
        "as_planned": planned is not None and page.chosen == planned,
        "query": page.query,
    }


def progress_of(job: Any) -> AnalysisProgress | None:
    return analysis_progress(job) if job else None


def with_criterion(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The criterion named in the address is shown; the others are a link away."""
    wanted = criterion_named(context["parts"], request.GET.get("criterion", ""))
    return context | {"criterion": wanted}


@require_GET
@for_researchers
def results(request: HttpRequest, study: Study) -> HttpResponse:
    plan = plan_of(study)
    planned = ResultsFilter(min_seconds=plan.min_active_seconds) if plan else None
    context = page_context(request, study, "study_results", "agreement", planned)
    context |= {
        "plan": plan,
        "primary": primary_results(context["page"]),
        "releases": releases_of(study),
    }
    return render(request, "results/overview.html", context)


@require_GET
@for_researchers
def results_agreement(request: HttpRequest, study: Study) -> HttpResponse:
    context = page_context(request, study, "results_agreement", "agreement")
    return render(request, "results/agreement.html", context)


@require_GET
@for_researchers
def results_raters(request: HttpRequest, study: Study) -> HttpResponse:
    context = page_context(request, study, "results_raters", "raters", one_criterion=True)
    context["descriptors"] = rater_descriptors(study)
    return render(request, "results/raters.html", with_criterion(request, context))


@require_GET
@for_researchers
def results_items(request: HttpRequest, study: Study) -> HttpResponse:
    context = page_context(request, study, "results_items", "items")
    most = None if request.GET.get("all") else FIRST_ITEMS
    for part in context["parts"]:
        for found in part["criteria"]:
            found["shown"] = found["items"][:most]
    everything = request.GET.copy()
    everything["all"] = "1"
    context["all_query"] = everything.urlencode()
    return render(request, "results/items.html", with_criterion(request, context))


@require_GET
@for_researchers
def results_models(request: HttpRequest, study: Study) -> HttpResponse:
    context = page_context(request, study, "results_models", "models", one_criterion=True)
    return render(request, "results/models.html", with_criterion(request, context))


@require_GET
@for_researchers
def results_judges(request: HttpRequest, study: Study) -> HttpResponse:
    context = page_context(request, study, "results_judges", "judges")
    context["has_judges"] = any(part["criteria"] for part in context["parts"])
    context["judges"] = [(run, figures_of(run)) for run in judges_of(study)]
    return render(request, "results/judges.html", context)
