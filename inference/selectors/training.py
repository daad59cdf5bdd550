from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from inference.models import JobState, TrainingPoint, TrainingRun
from inference.selectors.runs import duration_words
from inference.training.presets import PRESETS, Preset
from inference.training_options import LABELS, REWARDS, value_in_words
from mood_eval.models import Team

RATE_POINTS = 30
STAGES = {
    "loading": "Loading the model and the data",
    "features": "Reading the clips and computing their features, once for all steps",
    "reference": "Computing the reference's log-probabilities, once for all steps",
    "training": "",
    "evaluating": "Evaluating on what is held out",
    "report": "Comparing the new version with the one it was trained from",
}
"""What the trainer does between its steps; see inference.training.progress.Stage."""
PATHS = ("held_out",)
OF_JUDGES = ("url", "key_variable", "path")
WRITING = "Writing the new version"


@dataclass(frozen=True)
class TrainingProgress:
    done: int
    total: int
    percent: float
    remaining: timedelta | None
    stage: str = ""
    """In words; empty while it takes steps."""

    @property
    def remaining_words(self) -> str:
        return duration_words(self.remaining) if self.remaining is not None else ""


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
        stage=stage_in_words(run),
    )


def stage_in_words(run: TrainingRun) -> str:
    if run.state != JobState.RUNNING:
        return ""
    if 0 < run.total <= run.done and run.stage in ("", "training"):
        return WRITING
    return STAGES.get(run.stage or ("" if run.total else "loading"), "")


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


@dataclass(frozen=True)
class OptionRow:
    label: str
    value: str


def config_in_words(run: TrainingRun) -> list[OptionRow]:
    """What the run was given, in the order of the form; keys that the form lacks come last."""
    places = {key: place for place, key in enumerate(LABELS)}
    keys = sorted(run.config.keys() - {*PATHS}, key=lambda key: (places.get(key, len(places)), key))
    return [OptionRow(LABELS.get(key, key), value_in_words(key, run.config[key])) for key in keys]


def public_config(run: TrainingRun) -> dict[str, Any]:
    """`config` without folders of the server, and without where judges are reached."""
    told = {key: value for key, value in run.config.items() if key not in PATHS}
    if isinstance(terms := told.get(REWARDS), list):
        told[REWARDS] = [
            {key: value for key, value in term.items() if key not in OF_JUDGES} for term in terms
        ]
    return told


def preset_of(run: TrainingRun) -> Preset | None:
    return PRESETS.get(run.preset)


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
