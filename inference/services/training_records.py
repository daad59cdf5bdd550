"""What a trainer tells becomes rows: points, samples, the stage, the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inference.models import TrainingPoint, TrainingRun, TrainingSample
from inference.services.jobs import Lease
from inference.services.training_progress import TrainingEvent, points

FINAL_PREFIX = "final_"
REPORT_BYTES = 2 * 2**20
"""A report is a page to read, not a place for data."""
Told = Callable[[TrainingRun], None]


def record(
    lease: Lease[TrainingRun], events: Sequence[TrainingEvent], on_progress: Told | None
) -> None:
    if not events:
        return
    with lease.commit_chunk() as run:
        _record_points(run, events)
        _record_samples(run, events)
        before = run.stage
        for event in events:
            run.total = event.max_steps if event.max_steps is not None else run.total
            if event.event in ("begin", "log", "end"):
                run.done = event.step
            run.stage = _stage(run.stage, event)
        if run.stage != before:
            run.save(update_fields=["stage"])
    if on_progress:
        on_progress(run)


def _stage(stage: str, event: TrainingEvent) -> str:
    """Steps that are logged say by themselves that training goes on."""
    if event.event == "stage":
        return event.stage
    if event.event == "log":
        return "training"
    return "" if event.event in ("stopped", "end", "error") else stage


def _record_points(run: TrainingRun, events: Sequence[TrainingEvent]) -> None:
    """What is told of a step later is added to it, such as an evaluation to what was learned."""
    logged = points(events)
    for event in events:
        if event.event == "end" and event.values:
            measured = {f"{FINAL_PREFIX}{name}": value for name, value in event.values.items()}
            logged[event.step] = logged.get(event.step, {}) | measured
    rows = TrainingPoint.objects.filter(run=run, step__in=logged)
    known = dict(rows.values_list("step", "values"))
    TrainingPoint.objects.bulk_create(
        [
            TrainingPoint(run=run, step=step, values=known.get(step, {}) | values)
            for step, values in logged.items()
        ],
        update_conflicts=True,
        unique_fields=["run", "step"],
        update_fields=["values"],
    )


def _record_samples(run: TrainingRun, events: Sequence[TrainingEvent]) -> None:
    """A resumed trainer answers again at the same steps: the last answer counts."""
    told = {
        (event.step, sample.key): TrainingSample(run=run, step=event.step, **vars(sample))
        for event in events
        for sample in event.samples
    }
    TrainingSample.objects.bulk_create(
        told.values(),
        update_conflicts=True,
        unique_fields=["run", "step", "key"],
        update_fields=["client", "client_emotion", "therapist_emotion", "strategy", "text"],
    )


def read_report(file: Path) -> dict[str, Any]:
    """Empty where there is none. Of one that cannot be shown, `problem` says what is wrong: the
    model beside it is there all the same."""
    try:
        if file.stat().st_size > REPORT_BYTES:
            return {"problem": f"The report is larger than {REPORT_BYTES // 2**20} MiB."}
        report = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        return {"problem": f"The report cannot be read: {error}."}
    if not isinstance(report, dict):
        return {"problem": "The report does not hold a JSON object."}
    clean: dict[str, Any] = _without_null_characters(report)
    return clean


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _without_null_characters(value: Any) -> Any:
    """PostgreSQL keeps none in a text."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_null_characters(k): _without_null_characters(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_null_characters(item) for item in value]
    return value
