"""The papers' figures of a run: started, watched, read and downloaded."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from inference.benchmark_forms import BenchmarkForm
from inference.errors import DomainError
from inference.models import Benchmark
from inference.recognition.tables import csv_lines
from inference.selectors.benchmark_tables import (
    benchmark_facts,
    confusion_table_rows,
    figure_rows,
    published_table,
    shown_differences,
    shown_tasks,
    system_name,
)
from inference.selectors.benchmarks import (
    benchmark_for_member,
    benchmark_progress,
    benchmarks_of_run,
    is_current,
    paired_of,
    report_of,
    suites_of,
)
from inference.selectors.jobs import waiting_note
from inference.selectors.runs import run_for_member
from inference.services.benchmarks import cancel_benchmark, create_benchmark, resume_benchmark
from inference.views.run_groups import person_of
from mood_eval.htmx import is_htmx, page_or_fragment

CSV = "text/csv; charset=utf-8"
PAGE_SIZE = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_benchmarks(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_for_member(request.user, pk)
    form = BenchmarkForm(request.POST or None, run=run)
    if form.is_valid():
        try:
            benchmark = create_benchmark(
                run=run,
                suite=form.cleaned_data["suite"],
                options=form.options(),
                against=form.cleaned_data["against"],
                user=person_of(request),
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("benchmark_detail", pk=run.pk, number=benchmark.pk)
    context = {
        "run": run,
        "form": form,
        "suites": suites_of(run.corpus),
        "page": Paginator(benchmarks_of_run(run), PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "inference/run_benchmarks.html", context)


@login_required
@require_GET
def benchmark_detail(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    benchmark = benchmark_for_member(request.user, pk, number)
    context: dict[str, object] = {
        "benchmark": benchmark,
        "run": benchmark.run,
        "progress": benchmark_progress(benchmark),
        "waiting": waiting_note(benchmark),
    }
    if not is_htmx(request):
        context |= _report(benchmark, shares=request.GET.get("cells") == "shares")
    response = page_or_fragment(
        request, "inference/benchmark_detail.html", "inference/benchmark_progress.html", context
    )
    if is_htmx(request) and not benchmark.is_active:
        response["HX-Refresh"] = "true"  # the whole page, now with the figures
    return response


def _report(benchmark: Benchmark, *, shares: bool) -> dict[str, object]:
    report = report_of(benchmark)
    if report is None:
        return {"report": None}
    paired = paired_of(benchmark)
    return {
        "report": report,
        "tasks": shown_tasks(report, shares=shares),
        "shares": shares,
        "published": published_table([(system_name(benchmark.run), report)]),
        "paired": paired,
        "differences": shown_differences(paired),
        "current": is_current(benchmark),
    }


@login_required
@require_GET
def benchmark_file(request: HttpRequest, pk: int, number: int, name: str) -> HttpResponse:
    benchmark = benchmark_for_member(request.user, pk, number)
    report = report_of(benchmark)
    if report is None:
        raise Http404("There are no figures yet.")
    tables = {f"confusion-{task.name}.csv": task.confusion for task in report.tasks}
    response: HttpResponse
    if name == "benchmark.json":
        given = {"ensure_ascii": False, "indent": 2}
        response = JsonResponse(benchmark_facts(benchmark), json_dumps_params=given)
    elif name == "figures.csv":
        response = HttpResponse("".join(csv_lines(figure_rows(benchmark))), content_type=CSV)
    elif name in tables:
        rows = confusion_table_rows(tables[name])
        response = HttpResponse("".join(csv_lines(rows)), content_type=CSV)
    else:
        raise Http404("There is no such file.")
    response["Content-Disposition"] = (
        f'attachment; filename="run-{benchmark.run_id}-{benchmark.suite}-{name}"'
    )
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def benchmark_cancel(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    benchmark = benchmark_for_member(request.user, pk, number)
    try:
        cancel_benchmark(benchmark)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("benchmark_detail", pk=pk, number=number)


@login_required
@require_POST
def benchmark_resume(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    benchmark = benchmark_for_member(request.user, pk, number)
    try:
        resume_benchmark(benchmark)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("benchmark_detail", pk=pk, number=number)
