"""Several runs of one corpus beside each other, on the client turns that all of them answered."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from inference.benchmark_forms import FiguresForm
from inference.benchmarks.contract import Options
from inference.errors import DomainError
from inference.models import GenerationRun
from inference.recognition.tables import csv_lines
from inference.selectors.benchmark_comparison import (
    benchmarks_of_comparison,
    comparison,
    comparison_rows,
    not_measured,
    still_measured,
    what_differs,
)
from inference.selectors.benchmarks import comparable_runs, ended_runs, runs_for_member
from inference.selectors.jobs import waiting_note
from inference.services.benchmarks import check_compared, compare_runs
from inference.views.benchmarks import CSV
from inference.views.run_groups import person_of
from mood_eval.access import current_team
from mood_eval.models import Team

MOST_DIGITS = 10
OFFERED = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_compare(request: HttpRequest) -> HttpResponse:
    """`?run=` names runs, in the order of the columns; the first is what others differ from."""
    team = current_team(request.user)
    asked = request.POST or request.GET
    runs = runs_asked(request, asked)
    form = FiguresForm(asked)
    options, problem = options_asked(form)
    if runs and not problem:
        problem = why_not_compared(runs) if len(runs) > 1 else ""
    if request.method == "POST" and options and not problem:
        try:
            compare_runs(runs=runs, options=options, user=person_of(request))
        except DomainError as error:
            problem = str(error)
        else:
            return redirect(address(runs, asked))
    context: dict[str, object] = {
        "runs": runs,
        "offered": offered(runs, team),
        "form": form,
        "problem": problem,
        "query": request.GET.urlencode(),
    }
    if len(runs) > 1 and options and not problem:
        context |= measured(runs, options)
    return render(request, "inference/benchmark_compare.html", context)


def offered(runs: Sequence[GenerationRun], team: Team) -> list[GenerationRun]:
    """Of the same corpus, once a run is chosen."""
    rows = comparable_runs(runs[0]) if runs else ended_runs(team)
    return [run for run in rows[: OFFERED + len(runs)] if run not in runs]


def measured(runs: Sequence[GenerationRun], options: Options) -> dict[str, object]:
    found = benchmarks_of_comparison(runs, options)
    active = still_measured(found)
    return {
        "comparison": comparison(runs, found),
        "differs": what_differs(runs),
        "active": active,
        "waiting": waiting_note(active[0]) if active else "",
        "ended": not_measured(found),
        "asked": bool(found),
    }


@login_required
@require_GET
def benchmark_compare_csv(request: HttpRequest) -> HttpResponse:
    current_team(request.user)
    runs = runs_asked(request, request.GET)
    options, problem = options_asked(FiguresForm(request.GET))
    if len(runs) < 2 or options is None or problem:
        raise Http404("There is no such comparison.")
    found = comparison(runs, benchmarks_of_comparison(runs, options))
    if found is None:
        raise Http404("These runs are not compared yet.")
    response = HttpResponse("".join(csv_lines(comparison_rows(found))), content_type=CSV)
    names = "-".join(str(run.pk) for run in runs)
    response["Content-Disposition"] = f'attachment; filename="runs-{names}-comparison.csv"'
    response["Cache-Control"] = "no-store"
    return response


def runs_asked(request: HttpRequest, asked: QueryDict) -> list[GenerationRun]:
    """404 where one of them is none of the person's teams."""
    named = list(dict.fromkeys(asked.getlist("run")))
    if any(not name.isdecimal() or len(name) > MOST_DIGITS for name in named):
        raise Http404("A run is a number.")
    runs = runs_for_member(request.user, [int(name) for name in named])
    if len(runs) < len(named):
        raise Http404("There is no such run.")
    return runs


def options_asked(form: FiguresForm) -> tuple[Options | None, str]:
    if not form.is_valid():
        return None, " ".join(str(error) for errors in form.errors.values() for error in errors)
    try:
        return form.options(), ""
    except DomainError as error:
        return None, str(error)


def why_not_compared(runs: Sequence[GenerationRun]) -> str:
    try:
        check_compared(runs)
    except DomainError as error:
        return str(error)
    return ""


def address(runs: Sequence[GenerationRun], asked: QueryDict) -> str:
    names = ("encoder", "as_published", "resamples", "seed")
    options = [(name, asked[name]) for name in names if asked.get(name)]
    query = urlencode([*(("run", run.pk) for run in runs), *options])
    return f"{reverse('benchmark_compare')}?{query}"
