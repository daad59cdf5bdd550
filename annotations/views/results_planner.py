"""Before the launch: what interval to expect, and how many comparisons a win rate needs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.models import Study
from annotations.planner_forms import INTERVAL, WINS, IntervalForm, PowerForm
from annotations.selectors.results_planner import (
    first_scale,
    interval_answer,
    possible_pilots,
    power_answer,
)
from annotations.views.results import for_researchers, page_context


@require_GET
@for_researchers
def results_planner(request: HttpRequest, study: Study) -> HttpResponse:
    """Computes only what was asked for; the page alone shows two forms."""
    context = page_context(request, study, "results_planner", "agreement")
    state, asked = context["state"], request.GET.get("ask")
    interval = IntervalForm(
        request.GET if asked == INTERVAL else None,
        pilots=possible_pilots(study, state),
        scale=first_scale(study),
    )
    power = PowerForm(request.GET if asked == WINS else None)
    context |= {"interval_form": interval, "power_form": power}
    if interval.is_valid():
        context["answer"] = interval_answer(study, state, interval.question)
    if power.is_valid():
        context["power_words"] = power_answer(power.question)
    return render(request, "results/planner.html", context)
