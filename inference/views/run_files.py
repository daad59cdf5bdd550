"""Downloads of a run's responses, written line by line while they are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_GET

from inference.models import GenerationRun
from inference.recognition.tables import csv_lines
from inference.selectors.response_rows import (
    COLUMNS,
    probability_labels,
    response_cells,
    response_rows,
)
from inference.selectors.runs import run_for_member


@login_required
@require_GET
def run_responses_jsonl(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    run = run_for_member(request.user, pk)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in response_rows(run))
    return _download(run, lines, "jsonl", "application/jsonl; charset=utf-8")


@login_required
@require_GET
def run_responses_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    run = run_for_member(request.user, pk)
    return _download(run, _csv(run), "csv", "text/csv; charset=utf-8")


def _csv(run: GenerationRun) -> Iterator[str]:
    """One column `p_FIELD_LABEL` for each probability. The byte order mark tells spreadsheets that
    this is UTF-8."""
    yield "\ufeff"
    yield from csv_lines(_csv_rows(run))


def _csv_rows(run: GenerationRun) -> Iterator[Sequence[object]]:
    labels = probability_labels(run)
    yield [*COLUMNS, *(f"p_{part}_{label}" for part, label in labels)]
    for row in response_rows(run):
        given = row["label_probabilities"]
        shares = [given.get(part, {}).get(label, "") for part, label in labels]
        yield [*response_cells(row), *shares]


def _download(
    run: GenerationRun, lines: Iterator[str], suffix: str, content_type: str
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}-responses.{suffix}"'
    response["Cache-Control"] = "no-store"
    return response
