"""Why a job does not go on, for the person who waits for it."""

from __future__ import annotations

from django.db.models.functions import Now
from django.utils import timezone

from inference.models import Benchmark, GenerationRun, Job, JobState, TrainingRun

FREE = (
    "It starts as soon as a worker of the queue “gpu” is free. None is busy: if nothing happens "
    "within a minute, none is running."
)
BUSY = "It starts as soon as a worker of the queue “gpu” is free. Busy now: {}."
SILENT = "Its worker no longer reports. Another worker goes on with it within a minute."
FOREIGN = "work of another team"


def waiting_note(job: GenerationRun | TrainingRun | Benchmark) -> str:
    """Empty while nothing holds the job up. Work of other teams is not named."""
    return waiting_words(job, job.team_id)


def waiting_words(job: Job, team_id: int) -> str:
    """`waiting_note` of any job, which belongs to that team."""
    if job.state == JobState.RUNNING and job.lease_expires_at is not None:
        return SILENT if job.lease_expires_at < timezone.now() else ""
    if job.state != JobState.QUEUED:
        return ""
    busy = [*_busy_trainings(team_id), *_busy_runs(team_id), *_busy_benchmarks(team_id)]
    return BUSY.format("; ".join(busy)) if busy else FREE


def _busy_trainings(team_id: int) -> list[str]:
    rows = TrainingRun.objects.filter(state=JobState.RUNNING, lease_expires_at__gte=Now())
    return [
        f"training {run.name}, step {run.done} of {run.total or 'unknown'}"
        if run.team_id == team_id
        else FOREIGN
        for run in rows.order_by("pk")
    ]


def _busy_runs(team_id: int) -> list[str]:
    rows = GenerationRun.objects.filter(state=JobState.RUNNING, lease_expires_at__gte=Now())
    return [
        f"run {run.pk}, {run.done} of {run.total} answered" if run.team_id == team_id else FOREIGN
        for run in rows.order_by("pk")
    ]


def _busy_benchmarks(team_id: int) -> list[str]:
    rows = Benchmark.objects.filter(state=JobState.RUNNING, lease_expires_at__gte=Now())
    return [
        f"figures of run {row.run_id}" if row.team_id == team_id else FOREIGN
        for row in rows.order_by("pk")
    ]
