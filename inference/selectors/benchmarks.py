"""Benchmarks that were made of runs, and which suite a corpus allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import F, QuerySet
from django.utils import timezone

from inference.benchmarks.contract import (
    BenchmarkError,
    Options,
    PairedReport,
    Report,
    Suite,
)
from inference.errors import InvalidOptionsError
from inference.models import Benchmark, Corpus, GenerationRun, JobState
from inference.selectors.runs import duration_words
from mood_eval.access import for_teams_of, team_object
from mood_eval.models import Team, User

SUITES_OF_FORMAT: Mapping[str, tuple[Suite, ...]] = {
    "mesc": ("mesc",),
    "jsonl": ("mesc",),
    "esconv": ("esconv",),
    "dfew": ("dfew",),
}
"""A corpus in the project's own format has MultiMood's labels, which are MESC's."""
AMONG, ANSWERS = "among", "answers"
"""Kept beside the options: the runs whose common client turns alone count, and when each run that
was read had ended, so that a run that was changed is read anew."""
REPORT, PAIRED = "report", "paired"
"""Keys of a stored result."""
ENCODERS = "encoders"
"""Folder below settings.VAR whose encoders can be chosen on the pages."""


@dataclass(frozen=True)
class BenchmarkProgress:
    done: int
    total: int
    remaining: timedelta | None
    """By what earlier benchmarks of the suite took a client turn; None where there is none."""

    @property
    def remaining_words(self) -> str:
        return duration_words(self.remaining) if self.remaining is not None else ""


def suites_of(corpus: Corpus) -> tuple[Suite, ...]:
    return SUITES_OF_FORMAT.get(corpus.format, ())


def figure_options(**given: Any) -> Options:
    """As the figures' own options, refused in the words of this floor."""
    try:
        return Options(**given)
    except BenchmarkError as error:
        raise InvalidOptionsError(str(error)) from error


def kept_options(options: Options, runs: Sequence[GenerationRun], *, among: bool) -> dict[str, Any]:
    """What is stored: two benchmarks with equal ones give the same figures."""
    answers = {str(run.pk): run.finished_at.isoformat() if run.finished_at else "" for run in runs}
    return options.as_dict() | {
        AMONG: sorted(run.pk for run in runs) if among else [],
        ANSWERS: answers,
    }


def options_of_benchmark(benchmark: Benchmark) -> Options:
    known = {field.name for field in fields(Options)}
    given = {name: value for name, value in benchmark.options.items() if name in known}
    return Options.from_dict(given)


def among_of(benchmark: Benchmark) -> list[int]:
    return [int(pk) for pk in benchmark.options.get(AMONG, ())]


def report_of(benchmark: Benchmark) -> Report | None:
    """None until it is done."""
    found = benchmark.result.get(REPORT)
    return Report.from_dict(found) if found else None


def paired_of(benchmark: Benchmark) -> PairedReport | None:
    """None without another run."""
    found = benchmark.result.get(PAIRED)
    return PairedReport.from_dict(found) if found else None


def same_benchmark(
    run: GenerationRun, suite: str, against: GenerationRun | None, options: Mapping[str, Any]
) -> Benchmark | None:
    """The newest with these options over answers that have not changed since."""
    rows = Benchmark.objects.filter(run=run, suite=suite, against=against, options=options)
    return rows.order_by("-pk").first()


def is_current(benchmark: Benchmark) -> bool:
    """Whether the runs it read are still as they were."""
    read: dict[str, str] = benchmark.options.get(ANSWERS, {})
    runs = GenerationRun.objects.filter(pk__in=read)
    ended = {
        str(pk): at.isoformat() if at else "" for pk, at in runs.values_list("pk", "finished_at")
    }
    return ended == read


def benchmarks_of_run(run: GenerationRun) -> QuerySet[Benchmark]:
    """Newest first; those of comparisons, which leave client turns out, are not among them."""
    rows = Benchmark.objects.filter(run=run, **{f"options__{AMONG}": []})
    return rows.select_related("against__model_version", "created_by").order_by("-pk")


def benchmark_for_member(user: User | AnonymousUser, run_pk: int, pk: int) -> Benchmark:
    """With the runs, their models and corpus; for everybody else there is none (404)."""
    rows = Benchmark.objects.select_related(
        "run__model_version", "run__corpus", "against__model_version", "against__corpus"
    )
    return team_object(user, rows, pk=pk, run=run_pk)


def ended_runs(team: Team) -> QuerySet[GenerationRun]:
    """With answers, over corpora that there is a benchmark for; newest first."""
    runs = GenerationRun.objects.filter(team=team, corpus__format__in=SUITES_OF_FORMAT, done__gt=0)
    runs = runs.exclude(state__in=[JobState.QUEUED, JobState.RUNNING])
    return runs.select_related("model_version", "corpus").order_by("-pk")


def comparable_runs(run: GenerationRun) -> QuerySet[GenerationRun]:
    """Other ended runs over client turns of the same corpus. Needs `team`."""
    return ended_runs(run.team).filter(corpus=run.corpus_id).exclude(pk=run.pk)


def runs_for_member(user: User | AnonymousUser, pks: Sequence[int]) -> list[GenerationRun]:
    """In the order asked for; those of other teams are left out."""
    rows = for_teams_of(user, GenerationRun.objects.select_related("model_version", "corpus"))
    found = rows.in_bulk(list(pks))
    return [found[pk] for pk in pks if pk in found]


def encoders_here() -> list[tuple[str, str]]:
    """(path below settings.VAR, name) of the encoders that were put there to be chosen."""
    folder = Path(settings.VAR) / ENCODERS
    found = sorted(config.parent.name for config in folder.glob("*/config.json"))
    return [(f"{ENCODERS}/{name}", name) for name in found]


def benchmark_progress(benchmark: Benchmark) -> BenchmarkProgress:
    remaining = _remaining(benchmark) if benchmark.state == JobState.RUNNING else None
    return BenchmarkProgress(benchmark.done, benchmark.total, remaining)


def _remaining(benchmark: Benchmark) -> timedelta | None:
    before = (
        Benchmark.objects.filter(suite=benchmark.suite, team=benchmark.team_id)
        .filter(state=JobState.DONE, options__encoder=benchmark.options.get("encoder", ""))
        .annotate(took=F("finished_at") - F("started_at"))
        .order_by("-pk")
        .values_list("took", f"result__{REPORT}__n")
        .first()
    )
    if before is None or benchmark.started_at is None or not before[1]:
        return None
    took, cases = cast("tuple[timedelta, int]", before)
    left = took / cases * benchmark.run.done - (timezone.now() - benchmark.started_at)
    return max(left, timedelta(seconds=1))
