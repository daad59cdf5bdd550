from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, F, Func, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from inference.models import GenerationRun, Job, JobState, ModelVersion, Response
from inference.selectors.model_calls import Spending, spending_by_run
from inference.selectors.run_options import ANSWERED_ELSEWHERE, names_emotions_only
from mood_eval.access import team_object
from mood_eval.models import Team, User

RATE_RESPONSES = 200
PLACE = "^Dialogue “.*?”, turns? [0-9]+( to [0-9]+)?: "
"""Begins the error of a response, see services.clip_errors; what follows is the reason."""
WITHOUT_PLACE = Func(
    F("error"), Value(PLACE), Value(""), function="regexp_replace", output_field=TextField()
)
PART_NAMES = {
    "client_emotion": "client's emotion",
    "therapist_emotion": "therapist's emotion",
    "strategy": "strategy",
    "text": "reply",
}


@dataclass(frozen=True)
class RunProgress:
    done: int
    total: int
    percent: float
    rate: float | None
    """Responses per second: of the latest ones while it runs, of all afterwards; None when
    unknown."""
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


def seconds_left(job: Job) -> float:
    """At the pace so far; 0 while it is not known."""
    if job.started_at is None or not job.done:
        return 0.0
    elapsed = (timezone.now() - job.started_at).total_seconds()
    return elapsed / job.done * (job.total - job.done)


def seconds_in_words(seconds: float) -> str:
    """Empty for 0."""
    return duration_words(timedelta(seconds=max(1, round(seconds)))) if seconds else ""


def runs_of_team(team: Team) -> QuerySet[GenerationRun]:
    """With `failed`, newest first."""
    return with_failed(
        GenerationRun.objects.filter(team=team)
        .select_related("model_version", "corpus", "created_by")
        .order_by("-pk")
    )


def run_for_member(user: User | AnonymousUser, pk: int) -> GenerationRun:
    """Of one of the person's teams; for everybody else there is none (404)."""
    runs = GenerationRun.objects.select_related("model_version", "corpus", "created_by")
    return team_object(user, runs, pk=pk)


def with_failed(runs: QuerySet[GenerationRun]) -> QuerySet[GenerationRun]:
    """Adds `failed`: how many responses hold an error."""
    rows = Response.objects.filter(run=OuterRef("pk")).exclude(error="").order_by()
    counted = rows.values("run").annotate(n=Count("pk")).values("n")
    return runs.annotate(failed=Coalesce(Subquery(counted), 0))


def runs_of_model(model: ModelVersion) -> QuerySet[GenerationRun]:
    return (
        GenerationRun.objects.filter(model_version=model).select_related("corpus").order_by("-pk")
    )


def run_progress(run: GenerationRun) -> RunProgress:
    """In responses: a client turn with several answers counts as often."""
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
    """From the time the model took, so that neither a pause nor the size of a chunk counts.
    Replies that took none (imported ones) are counted by the clock."""
    if run.started_at is None or not run.done:
        return None
    responses = Response.objects.filter(run=run).order_by("-pk")
    if run.state == JobState.RUNNING:
        responses = responses[:RATE_RESPONSES]
    took = responses.aggregate(n=Count("pk"), seconds=Sum("seconds"))
    if took["seconds"]:
        return float(took["n"] / took["seconds"])
    seconds = ((run.finished_at or now) - run.started_at).total_seconds()
    return run.done / seconds if seconds > 0 else None


@dataclass(frozen=True)
class Failure:
    reason: str
    stimuli: int


def failures_of(run: GenerationRun) -> list[Failure]:
    """Why client turns have no answer, the most frequent reason first."""
    return failures_by_run([run]).get(run.pk, [])


def failures_by_run(runs: Sequence[GenerationRun]) -> dict[int, list[Failure]]:
    rows = (
        Response.objects.filter(run__in=runs)
        .exclude(error="")
        .annotate(reason=WITHOUT_PLACE)
        .values("run_id", "reason")
        .annotate(stimuli=Count("stimulus", distinct=True))
        .order_by("-stimuli", "reason")
    )
    found: dict[int, list[Failure]] = {}
    for row in rows:
        found.setdefault(row["run_id"], []).append(Failure(row["reason"], row["stimuli"]))
    return found


@dataclass(frozen=True)
class RunCounts:
    answered: int
    """Responses that hold an answer."""
    failed: int
    """Responses that hold an error instead."""
    failures: tuple[Failure, ...]
    unread: tuple[tuple[str, int], ...]
    """(what, responses) for each part of an answer that could not be read from it."""

    @property
    def failed_stimuli(self) -> int:
        return sum(failure.stimuli for failure in self.failures)


def run_counts(run: GenerationRun) -> RunCounts:
    """Needs `model_version`."""
    parts = parts_to_read(run)
    answered = Q(error="")
    counts = Response.objects.filter(run=run).aggregate(
        answered=Count("pk", filter=answered),
        failed=Count("pk", filter=~answered),
        **{f"no_{part}": Count("pk", filter=answered & Q(**{part: ""})) for part in parts},
    )
    return RunCounts(
        answered=counts["answered"],
        failed=counts["failed"],
        failures=tuple(failures_of(run)) if counts["failed"] else (),
        unread=tuple((PART_NAMES[part], counts[f"no_{part}"]) for part in parts),
    )


def parts_to_read(run: GenerationRun) -> tuple[str, ...]:
    """What the model was asked for. Answers from elsewhere have the labels that they came with."""
    if run.model_version.kind in ANSWERED_ELSEWHERE:
        return ()
    return ("client_emotion",) if names_emotions_only(run.options) else tuple(PART_NAMES)


def run_facts(
    run: GenerationRun,
    failures: Sequence[Failure] | None = None,
    spending: Spending | None = None,
) -> dict[str, Any]:
    """What the command line reports. `failures` and `spending` spare a query where they are
    known."""
    if failures is None:
        failures = failures_of(run)
    if spending is None:
        spending = spending_by_run([run]).get(run.pk, Spending())
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
        "not_answered": [asdict(failure) for failure in failures],
        "budget": run.budget,
        "spent": asdict(spending),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": seconds,
        "responses_per_second": round(run.done / seconds, 3) if seconds else None,
    }
