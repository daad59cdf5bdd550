"""A run's responses as rows of a file: everything that is stored about them, for researchers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from inference.labels import CHAIN
from inference.models import GenerationRun, Response

CHUNK = 500
COLUMNS = (
    *("response", "run", "model", "corpus", "split", "dialogue", "first_turn", "last_turn"),
    *("sample", "client_emotion", "therapist_emotion", "strategy", "text", "raw", "error"),
    *CHAIN,
    *("seconds", "prompt_tokens", "new_tokens", "created_at"),
)


def response_rows(run: GenerationRun) -> Iterator[dict[str, Any]]:
    """In corpus order, read chunk by chunk; turns are counted from 1. Needs `model_version` and
    `corpus`."""
    responses = (
        Response.objects.filter(run=run)
        .select_related("stimulus__dialogue")
        .order_by("stimulus__dialogue_id", "stimulus__first_position", "sample")
    )
    for response in responses.iterator(chunk_size=CHUNK):
        stimulus = response.stimulus
        yield {
            "response": response.pk,
            "run": run.pk,
            "model": run.model_version.name,
            "corpus": run.corpus.name,
            "split": stimulus.dialogue.split,
            "dialogue": stimulus.dialogue.external_id,
            "first_turn": stimulus.first_position + 1,
            "last_turn": stimulus.last_position + 1,
            "sample": response.sample,
            "client_emotion": response.client_emotion,
            "therapist_emotion": response.therapist_emotion,
            "strategy": response.strategy,
            "text": response.text,
            "raw": response.raw,
            "error": response.error,
            "seconds": response.seconds,
            "prompt_tokens": response.prompt_tokens,
            "new_tokens": response.new_tokens,
            "created_at": response.created_at.isoformat(),
            "label_probabilities": response.label_probabilities,
            "chain": response.chain,
        }


def response_cells(row: Mapping[str, Any]) -> list[object]:
    """For a spreadsheet: each part of the reasoning in its own column."""
    cells = {**row, **{name: row["chain"].get(name, "") for name in CHAIN}}
    return [cells[column] for column in COLUMNS]


def probability_labels(run: GenerationRun) -> list[tuple[str, str]]:
    """Every (field, label) to which some response of the run gives a probability."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT part.key, label.key FROM inference_response,"
            " jsonb_each(label_probabilities) AS part, jsonb_each(part.value) AS label"
            " WHERE run_id = %s ORDER BY 1, 2",
            [run.pk],
        )
        return list(cursor.fetchall())
