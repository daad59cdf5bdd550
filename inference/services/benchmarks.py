"""The papers' figures of a run, computed by a worker and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from inference.benchmarks.contract import (
    BenchmarkError,
    Case,
    Options,
    PairedReport,
    Report,
    Suite,
)
from inference.errors import InvalidOptionsError, NothingSelectedError, WrongStateError
from inference.models import Benchmark, GenerationRun, JobState, Response
from inference.selectors.benchmark_cases import benchmark_cases, run_facts_for_benchmark
from inference.selectors.benchmarks import (
    PAIRED,
    REPORT,
    among_of,
    kept_options,
    options_of_benchmark,
    same_benchmark,
    suites_of,
)
from inference.selectors.run_options import names_emotions_only, options_of
from inference.services import jobs
from inference.services.jobs import Lease, work_under_lease
from inference.services.model_versions import checkpoint_folder
from mood_eval.models import Team, User

FEWEST, MOST_COMPARED = 2, 8
"""Runs of one comparison."""


@transaction.atomic
def create_benchmark(
    *,
    run: GenerationRun,
    suite: str,
    options: Options | None = None,
    against: GenerationRun | None = None,
    among: Sequence[GenerationRun] = (),
    user: User | None = None,
) -> Benchmark:
    """The stored one where the options are the same and the runs have not changed since.

    `among`: only client turns that all of these answered. Runs come with their corpus.
    """
    options = options or Options()
    read = [run, *([against] if against else []), *among]
    for one in read:
        check_run(one, run)
    check_suite(run, suite)
    if against is not None:
        check_pair(run, against)
    if options.encoder:
        checkpoint_folder(options.encoder)
    Team.objects.select_for_update(no_key=True).get(pk=run.team_id)  # a second click waits here
    kept = kept_options(options, list(dict.fromkeys(read)), among=bool(among))
    known = same_benchmark(run, suite, against, kept)
    if known is not None:
        if known.state in (JobState.FAILED, JobState.CANCELLED):
            jobs.resume(known)
            known.refresh_from_db()
        return known
    benchmark = Benchmark.objects.create(
        team=run.team,
        run=run,
        against=against,
        suite=suite,
        options=kept,
        total=3 if against else 2,
        created_by=user,
    )
    jobs.enqueue(benchmark)
    return benchmark


def check_run(run: GenerationRun, first: GenerationRun) -> None:
    if (run.team_id, run.corpus_id) != (first.team_id, first.corpus_id):
        raise InvalidOptionsError(f"Runs {first.pk} and {run.pk} answer different corpora.")
    if run.is_active:
        raise WrongStateError(
            f"Run {run.pk} is still at work: {run.done:,} of {run.total:,} answers are there. "
            "Wait for its end, or cancel it to measure what is there."
        )
    if not run.done:
        raise NothingSelectedError(
            f"Run {run.pk} has no answer: 0 of {run.total:,} are there. Resume it first."
        )


def check_suite(run: GenerationRun, suite: str) -> None:
    fit = suites_of(run.corpus)
    if suite in fit:
        return
    corpus = f"“{run.corpus}” holds {run.corpus.format} dialogues"
    if not fit:
        raise InvalidOptionsError(f"{corpus}, for which there is no benchmark.")
    raise InvalidOptionsError(f"{corpus}, not those of {suite}. Its benchmark: {', '.join(fit)}.")


def check_pair(run: GenerationRun, against: GenerationRun) -> None:
    if run.pk == against.pk:
        raise InvalidOptionsError(f"Run {run.pk} cannot be compared with itself.")
    other = Response.objects.filter(run=against, sample=0).values("stimulus")
    if not Response.objects.filter(run=run, sample=0, stimulus__in=other).exists():
        raise NothingSelectedError(
            f"Runs {run.pk} and {against.pk} answer no client turn in common, so they cannot be "
            "paired."
        )


@transaction.atomic
def compare_runs(
    *, runs: Sequence[GenerationRun], options: Options | None = None, user: User | None = None
) -> list[Benchmark]:
    """One for each, on the client turns that all of them answered; the first is what the others
    are compared with."""
    check_compared(runs)
    first, *others = runs
    suite = suites_of(first.corpus)[0]
    return [
        create_benchmark(run=first, suite=suite, options=options, among=runs, user=user),
        *(
            create_benchmark(
                run=run, suite=suite, options=options, against=first, among=runs, user=user
            )
            for run in others
        ),
    ]


def check_compared(runs: Sequence[GenerationRun]) -> None:
    if not FEWEST <= len(runs) <= MOST_COMPARED:
        raise InvalidOptionsError(
            f"A comparison takes {FEWEST} to {MOST_COMPARED} runs, not {len(runs)}."
        )
    if len({run.pk for run in runs}) < len(runs):
        raise InvalidOptionsError("A run is named twice.")
    for run in runs:
        check_run(run, runs[0])
    if not suites_of(runs[0].corpus):
        check_suite(runs[0], "")
    if next(benchmark_cases(runs[0], [run.pk for run in runs]), None) is None:
        names = ", ".join(str(run.pk) for run in runs)
        raise NothingSelectedError(f"There is no client turn that all of runs {names} answered.")


def cancel_benchmark(benchmark: Benchmark) -> None:
    jobs.request_cancel(benchmark)


def resume_benchmark(benchmark: Benchmark) -> None:
    jobs.resume(benchmark)


def run_benchmark(benchmark_id: int) -> bool:
    """Works until it ends or is taken away; False when another worker has it."""
    return work_under_lease(Benchmark, benchmark_id, _measure, "The benchmark failed")


def _measure(lease: Lease[Benchmark]) -> None:
    lease.check()
    rows = Benchmark.objects.select_related(
        "run__model_version", "run__corpus", "against__model_version"
    )
    benchmark = rows.get(pk=lease.pk)
    options = options_of_benchmark(benchmark)
    cases = list(benchmark_cases(benchmark.run, among_of(benchmark)))
    if not cases:
        raise NothingSelectedError("There is no answer to measure.")
    _step(lease, 1)
    result: dict[str, Any] = {REPORT: _report(benchmark, cases, options).as_dict()}
    if benchmark.against is not None:
        _step(lease, 2)
        result[PAIRED] = _paired(benchmark, benchmark.against, cases, options).as_dict()
    lease.check()
    with lease.commit_chunk() as row:
        row.result, row.done = result, row.total
        row.save(update_fields=["result"])


def _step(lease: Lease[Benchmark], done: int) -> None:
    lease.check()
    Benchmark.objects.filter(pk=lease.pk, lease_token=lease.token).update(done=done)


def _report(benchmark: Benchmark, cases: Sequence[Case], options: Options) -> Report:
    from inference.benchmarks.suites import benchmark as measured

    facts = run_facts_for_benchmark(benchmark.run, among_of(benchmark))
    try:
        report = measured(suite_of(benchmark), cases, with_folder(options), facts)
    except BenchmarkError as error:
        raise InvalidOptionsError(str(error)) from error
    notes = (*what_is_missing(benchmark), *report.notes)
    return replace(report, notes=notes, options=options)


def _paired(
    benchmark: Benchmark, against: GenerationRun, cases: Sequence[Case], options: Options
) -> PairedReport:
    from inference.benchmarks.paired import paired

    others = list(benchmark_cases(against, among_of(benchmark)))
    try:
        report = paired(suite_of(benchmark), cases, others, with_folder(options))
    except BenchmarkError as error:
        raise InvalidOptionsError(str(error)) from error
    return replace(report, options=options)


def suite_of(benchmark: Benchmark) -> Suite:
    return next(suite for suite in suites_of(benchmark.run.corpus) if suite == benchmark.suite)


def with_folder(options: Options) -> Options:
    """The encoder may be named from the project or from settings.VAR, as model folders are."""
    if not options.encoder:
        return options
    return replace(options, encoder=str(checkpoint_folder(options.encoder)))


def what_is_missing(benchmark: Benchmark) -> list[str]:
    """Sentences on what the figures leave out, which only the rows tell."""
    run, told = benchmark.run, []
    if run.done < run.total:
        told.append(
            f"Run {run.pk} was stopped: {run.done:,} of its {run.total:,} answers are there, and "
            "every figure is over these alone."
        )
    if names_emotions_only(run.options):
        told.append(
            "The run was asked for the client's emotion alone: the other tasks have no answer and "
            "are left out."
        )
    if among := among_of(benchmark):
        names = ", ".join(map(str, among))
        told.append(f"Only client turns that all of runs {names} answered are counted.")
    if options_of(run).samples > 1:
        told.append("Of several answers to a client turn, the first one counts.")
    return told
