"""Downloads of a run's responses, written line by line while they are sent."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_GET

from inference.models import GenerationRun
from inference.selectors.response_rows import COLUMNS, probability_labels, response_rows
from mood_eval.access import team_object

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@login_required
@require_GET
def run_responses_jsonl(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    run = _run(request, pk)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in response_rows(run))
    return _download(run, lines, "jsonl", "application/jsonl; charset=utf-8")


@login_required
@require_GET
def run_responses_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    run = _run(request, pk)
    return _download(run, csv_lines(run), "csv", "text/csv; charset=utf-8")


class _Line:
    """Hands each written line back to whoever writes it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(run: GenerationRun) -> Iterator[str]:
    """One column `p_FIELD_LABEL` for each probability. The byte order mark tells spreadsheets that
    it is UTF-8; a cell that they would run as a formula begins with an apostrophe."""
    labels = probability_labels(run)
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow([*COLUMNS, *(f"p_{part}_{label}" for part, label in labels)])
    for row in response_rows(run):
        given = row["label_probabilities"]
        shares = [given.get(part, {}).get(label, "") for part, label in labels]
        yield writer.writerow([*(_cell(row[column]) for column in COLUMNS), *shares])


def _cell(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if is_formula else value


def _download(
    run: GenerationRun, lines: Iterator[str], suffix: str, content_type: str
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}-responses.{suffix}"'
    response["Cache-Control"] = "no-store"
    return response


def _run(request: HttpRequest, pk: int) -> GenerationRun:
    runs = GenerationRun.objects.select_related("model_version", "corpus")
    return team_object(request.user, runs, pk=pk)
