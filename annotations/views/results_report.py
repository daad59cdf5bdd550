from __future__ import annotations

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from annotations.models import Study
from annotations.selectors.analyses import contrasts_open, plan_of
from annotations.selectors.results_page import with_pictures
from annotations.selectors.results_report import results_document
from annotations.selectors.results_tables import report_tables
from annotations.services.answer_files import (
    ANSWER_KINDS,
    answer_tables,
    answers_file,
    answers_name,
    answers_version,
)
from annotations.services.figure_files import TABLE_KINDS, table_file
from annotations.views.results import for_researchers, page_context


@require_GET
@for_researchers
def results_report(request: HttpRequest, study: Study) -> HttpResponse:
    """Everything on one page, made to be printed."""
    context = page_context(request, study, "results_report", "agreement")
    analysis = context["page"].analysis
    if analysis is not None:
        document = results_document(analysis, context["state"])
        context |= {
            "document": document,
            "plan": plan_of(study),
            "tables": report_tables(document["sections"]),
            "model_parts": with_pictures(study, document["sections"].get("models")),
            "rater_parts": with_pictures(study, document["sections"].get("raters"), only=""),
        }
    return render(request, "results/report.html", context)


@require_GET
@for_researchers
def results_answers(request: HttpRequest, study: Study, kind: str) -> HttpResponseBase:
    """Every answer, a row each: once comparisons are open, because answers say which response was
    preferred. Who has the file already, and names its version, is told so."""
    if not contrasts_open(study):
        messages.error(request, "Single answers can be had once the study is closed.")
        return redirect("results_report", pk=study.pk)
    asked = request.headers.get("If-None-Match", "")
    version = f'W/"{answers_version(study, kind, fresh=bool(asked))}"'
    if version in asked:
        return HttpResponseNotModified(headers={"ETag": version})
    return StreamingHttpResponse(
        answers_file(study, kind),
        content_type=ANSWER_KINDS[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{answers_name(study, kind)}"',
            "ETag": version,
            "Cache-Control": "private, no-cache",
        },
    )


@require_GET
@for_researchers
def results_answer_tables(request: HttpRequest, study: Study) -> HttpResponseBase:
    """The answers for R and SPSS, with a codebook and what reads them. `?mark=1`: for Excel."""
    if not contrasts_open(study):
        messages.error(request, "Single answers can be had once the study is closed.")
        return redirect("results_report", pk=study.pk)
    tables = answer_tables(study, mark=bool(request.GET.get("mark")))
    name = answers_name(study, "zip")
    return StreamingHttpResponse(
        tables.zip(),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_GET
@for_researchers
def results_table(request: HttpRequest, study: Study, name: str) -> HttpResponse:
    """A table of the report, as "agreement.tex" or "agreement.csv"."""
    stem, _, kind = name.rpartition(".")
    context = page_context(request, study, "results_report", "agreement")
    page = context["page"]
    if kind not in TABLE_KINDS or page.analysis is None:
        raise Http404
    tables = report_tables(results_document(page.analysis, context["state"])["sections"])
    table = next((table for table in tables if table.name == stem), None)
    if table is None:
        raise Http404
    response = HttpResponse(table_file(table, kind), content_type=TABLE_KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="study-{study.pk}-{name}"'
    return response
