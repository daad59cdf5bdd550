"""What a run recognised, beside the corpus' labels: the page and its downloads."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.views.decorators.http import require_GET

from inference.recognition.pictures import coverage_chart, matrix_of, reliability_chart
from inference.recognition.published import label_set_note, published_for
from inference.recognition.tables import confusion_rows, csv_lines
from inference.selectors.recognition import (
    offered_labels,
    prediction_lines,
    recognition_facts,
    recognition_of_run,
    repeats_the_corpus,
)
from inference.selectors.runs import run_for_member

CSV = "text/csv; charset=utf-8"


@login_required
@require_GET
def run_recognition(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_for_member(request.user, pk)
    if repeats_the_corpus(run):
        return render(request, "inference/run_recognition.html", {"run": run, "repeats": True})
    found = recognition_of_run(run)
    scores = found.scores
    return render(
        request,
        "inference/run_recognition.html",
        {
            "run": run,
            "found": found,
            "scores": scores,
            "matrix": matrix_of(scores.confusion, shares=request.GET.get("cells") == "shares"),
            "reliability": reliability_chart(scores.calibration.bins),
            "coverage": coverage_chart(scores.calibration.coverage),
            "published": published_for(run.corpus.format),
            "published_note": label_set_note(run.corpus.format, offered_labels(run)),
        },
    )


@login_required
@require_GET
def run_recognition_file(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    run = run_for_member(request.user, pk)
    if repeats_the_corpus(run):
        raise Http404("Nothing was recognised in this run.")
    response: HttpResponseBase
    if name == "predictions.csv":
        response = StreamingHttpResponse(prediction_lines([run]), content_type=CSV)
    elif name == "confusion.csv":
        confusion = recognition_of_run(run).scores.confusion
        response = HttpResponse("".join(csv_lines(confusion_rows(confusion))), content_type=CSV)
    elif name == "recognition.json":
        facts = recognition_facts([run], recognition_of_run(run))
        response = JsonResponse(facts, json_dumps_params={"ensure_ascii": False, "indent": 2})
    else:
        raise Http404("There is no such file.")
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}-{name}"'
    response["Cache-Control"] = "no-store"
    return response
