from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from inference.contracts import TurnText
from inference.models import GenerationRun, JobState, ModelVersion, Response
from inference.selectors.stimuli import stimulus_inputs
from mood_eval.models import Team

RATE_WINDOW = timedelta(seconds=60)


@dataclass(frozen=True)
class RunProgress:
    done: int
    total: int
    percent: float
    rate: float | None
    """Responses per second: lately while it runs, overall afterwards; None when unknown."""
    remaining: timedelta | None

    @property
    def remaining_words(self) -> str:
        return duration_words(self.remaining) if self.remaining is not None else ""


def duration_words(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"


def runs_of_team(team: Team) -> QuerySet[GenerationRun]:
    return (
        GenerationRun.objects.filter(team=team)
        .select_related("model_version", "corpus", "created_by")
        .order_by("-pk")
    )


def runs_of_model(model: ModelVersion) -> QuerySet[GenerationRun]:
    return (
        GenerationRun.objects.filter(model_version=model).select_related("corpus").order_by("-pk")
    )


def run_progress(run: GenerationRun) -> RunProgress:
    rate = _rate(run, timezone.now())
    left = run.total - run.done
    return RunProgress(
        done=run.done,
        total=run.total,
        percent=100 * run.done / run.total if run.total else 0.0,
        rate=rate,
        remaining=timedelta(seconds=round(left / rate)) if rate and run.is_active else None,
    )


def _rate(run: GenerationRun, now: datetime) -> float | None:
    if run.started_at is None or not run.done:
        return None
    if run.state == JobState.RUNNING:
        since = max(run.started_at, now - RATE_WINDOW)
        lately = Response.objects.filter(run=run, created_at__gt=since).count()
        if lately:
            return lately / max((now - since).total_seconds(), 0.001)
    seconds = ((run.finished_at or now) - run.started_at).total_seconds()
    return run.done / seconds if seconds > 0 else None


def responses_of_run(run: GenerationRun) -> QuerySet[Response]:
    """In corpus order, which is the order of the selection."""
    return (
        Response.objects.filter(run=run)
        .select_related("stimulus__dialogue")
        .order_by("stimulus__dialogue_id", "stimulus__first_position", "sample")
    )


@dataclass(frozen=True)
class ShownResponse:
    response: Response
    client_turns: tuple[TurnText, ...]


def with_client_turns(responses: Sequence[Response]) -> list[ShownResponse]:
    inputs = stimulus_inputs([response.stimulus for response in responses])
    return [
        ShownResponse(response, given.client_turns)
        for response, given in zip(responses, inputs, strict=True)
    ]


def run_facts(run: GenerationRun) -> dict[str, Any]:
    """What the command line reports."""
    seconds = (
        (run.finished_at - run.started_at).total_seconds()
        if run.started_at and run.finished_at
        else None
    )
    return {
        "run": run.pk,
        "model": run.model_version.name,
        "corpus": run.corpus.name,
        "splits": run.splits,
        "options": run.options,
        "state": run.state,
        "done": run.done,
        "total": run.total,
        "error": run.error,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": seconds,
        "responses_per_second": round(run.done / seconds, 3) if seconds else None,
    }
