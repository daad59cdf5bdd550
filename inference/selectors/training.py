from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from inference.charts import LineChart, line_chart
from inference.models import JobState, TrainingPoint, TrainingRun
from inference.selectors.runs import duration_words
from mood_eval.models import Team

RATE_POINTS = 30
CURVES = (
    ("loss", "Loss"),
    ("reward_margin", "Reward margin"),
    ("accuracy", "Share of pairs ranked right"),
    ("learning_rate", "Learning rate"),
)
ALWAYS_SHOWN = {"dpo": ("loss", "reward_margin"), "sft": ("loss",)}
DRAWN_POINTS = 400


@dataclass(frozen=True)
class TrainingProgress:
    done: int
    total: int
    percent: float
    remaining: timedelta | None

    @property
    def remaining_words(self) -> str:
        return duration_words(self.remaining) if self.remaining is not None else ""


@dataclass(frozen=True)
class Curve:
    key: str
    name: str
    chart: LineChart | None


def training_runs_of_team(team: Team) -> QuerySet[TrainingRun]:
    return (
        TrainingRun.objects.filter(team=team)
        .select_related("base", "result", "created_by")
        .order_by("-pk")
    )


def training_progress(run: TrainingRun) -> TrainingProgress:
    return TrainingProgress(
        done=run.done,
        total=run.total,
        percent=100 * run.done / run.total if run.total else 0.0,
        remaining=_remaining(run),
    )


def _remaining(run: TrainingRun) -> timedelta | None:
    """From the pace of the latest logged steps."""
    if run.state != JobState.RUNNING:
        return None
    latest = list(
        TrainingPoint.objects.filter(run=run, logged_at__gte=run.started_at or run.created_at)
        .order_by("-step")
        .values_list("step", "logged_at")[:RATE_POINTS]
    )
    if len(latest) < 2:
        return None
    (last_step, last_at), (first_step, first_at) = latest[0], latest[-1]
    seconds = (last_at - first_at).total_seconds()
    if seconds <= 0 or last_step <= first_step:
        return None
    return timedelta(seconds=(run.total - run.done) * seconds / (last_step - first_step))


def training_curves(run: TrainingRun) -> list[Curve]:
    rows = list(TrainingPoint.objects.filter(run=run).values_list("step", "values"))
    thinned = rows[:: max(1, len(rows) // DRAWN_POINTS)]
    if rows and thinned[-1] != rows[-1]:
        thinned.append(rows[-1])
    curves = []
    for key, name in CURVES:
        points = [(step, values[key]) for step, values in thinned if key in values]
        if points or key in ALWAYS_SHOWN.get(run.method, ()):
            curves.append(Curve(key, name, line_chart(points, name)))
    return curves


def training_measures(run: TrainingRun) -> dict[str, float]:
    """What the finished model was measured at on its training pairs."""
    last = TrainingPoint.objects.filter(run=run).order_by("-step").first()
    if last is None:
        return {}
    return {
        name.removeprefix("final_"): value
        for name, value in sorted(last.values.items())
        if name.startswith("final_")
    }


def training_facts(run: TrainingRun) -> dict[str, Any]:
    """What the command line reports."""
    first = TrainingPoint.objects.filter(run=run).order_by("step").first()
    last = TrainingPoint.objects.filter(run=run).order_by("-step").first()
    return {
        "training_run": run.pk,
        "name": run.name,
        "method": run.method,
        "base": run.base.name,
        "dataset": run.dataset_path,
        "dataset_sha256": run.dataset_sha256,
        "config": run.config,
        "state": run.state,
        "done": run.done,
        "total": run.total,
        "error": run.error,
        "result": run.result.name if run.result else None,
        "first_values": first.values if first else {},
        "last_values": last.values if last else {},
        "measures": training_measures(run),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }
