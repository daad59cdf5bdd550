"""What a training run has told so far, as the trainer's own progress.jsonl has it."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from inference.models import TrainingPoint, TrainingRun, TrainingSample

MEDIA_TYPE = "application/x-ndjson"
BATCH = 2000
SAMPLE_FIELDS = ("key", "client", "client_emotion", "therapist_emotion", "strategy", "text")


def progress_lines(run: TrainingRun) -> Iterator[str]:
    """JSON lines by step: an event "log" with the values, then an event "samples" with the answers.

    Read while they are sent, in two queries for however many rows. A step that was repeated after
    a resume stands once, as last told.
    """
    told = heapq.merge(_logged(run), _answered(run), key=lambda event: event["step"])
    for event in told:
        yield json.dumps(event, ensure_ascii=False) + "\n"


def _logged(run: TrainingRun) -> Iterator[dict[str, Any]]:
    rows = TrainingPoint.objects.filter(run=run).order_by("step").values_list("step", "values")
    for step, values in rows.iterator(chunk_size=BATCH):
        yield {"event": "log", "step": step, "max_steps": run.total, "values": values}


def _answered(run: TrainingRun) -> Iterator[dict[str, Any]]:
    rows = TrainingSample.objects.filter(run=run).order_by("step", "pk")
    answers = rows.values("step", *SAMPLE_FIELDS).iterator(chunk_size=BATCH)
    for step, samples in groupby(answers, key=lambda sample: sample["step"]):
        told = [{name: sample[name] for name in SAMPLE_FIELDS} for sample in samples]
        yield {"event": "samples", "step": step, "samples": told}
