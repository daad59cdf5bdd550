from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from inference.benchmarks.contract import SUITES, Difference, Figure, Options, PairedReport, Report
from inference.errors import DomainError, UnknownNameError
from inference.management.base import DomainCommand, owner_of, team_named, text_table
from inference.management.waiting import work_until_ended
from inference.models import Benchmark, GenerationRun, JobState
from inference.recognition.estimates import Estimate, Interval
from inference.selectors.benchmark_tables import benchmark_facts, published_table
from inference.selectors.benchmarks import PAIRED, REPORT, figure_options
from inference.services.benchmarks import create_benchmark, run_benchmark
from mood_eval.models import Team

DEFAULTS = Options()


class Command(DomainCommand):
    help = (
        "Measure a run as the papers do: labels against the corpus, replies against the human "
        "ones, with intervals, the majority baseline, and the published figures beside them. "
        "docs/benchmarks.md explains every figure."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("suite", choices=SUITES)
        parser.add_argument("--run", type=int, required=True, metavar="N", help="see `runs`")
        parser.add_argument(
            "--against",
            type=int,
            metavar="N",
            help="another run, to test the differences on the client turns that both answer",
        )
        parser.add_argument(
            "--encoder",
            default=DEFAULTS.encoder,
            metavar="FOLDER",
            help="of a text encoder: absolute, or relative to the project or its var folder "
            "(default: none, and no BERTScore or embedding similarity)",
        )
        parser.add_argument(
            "--as-published",
            action="store_true",
            help="by the definitions of the published evaluation code, to compare with its figures",
        )
        parser.add_argument(
            "--resamples",
            type=int,
            default=DEFAULTS.resamples,
            metavar="N",
            help="draws for intervals and tests (default: %(default)s)",
        )
        parser.add_argument(
            "--seed", type=int, default=DEFAULTS.seed, metavar="S", help="(default: %(default)s)"
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        against = options["against"]
        benchmark = create_benchmark(
            run=run_numbered(team, options["run"]),
            suite=options["suite"],
            options=figure_options(
                encoder=options["encoder"],
                as_published=options["as_published"],
                resamples=options["resamples"],
                seed=options["seed"],
            ),
            against=None if against is None else run_numbered(team, against),
            user=owner_of(team),
        )
        self.wait_for(benchmark)
        return benchmark_facts(benchmark)

    def wait_for(self, benchmark: Benchmark) -> None:
        if benchmark.state == JobState.DONE:
            return
        self.tell(f"Measuring run {benchmark.run_id}.")
        work_until_ended(benchmark, lambda: run_benchmark(benchmark.pk), lambda: None)
        if benchmark.state != JobState.DONE:
            raise DomainError(benchmark.error or "The benchmark was cancelled.")

    def describe(self, report: dict[str, Any]) -> str:
        found = Report.from_dict(report[REPORT])
        paragraphs = [heading(report, found), figures_of(found), *classes_of(found)]
        if found.published:
            paragraphs.append(published_of(found, f"run {report['run']}"))
        if PAIRED in report:
            paired = PairedReport.from_dict(report[PAIRED])
            told = f"Against run {report['against']}, on {paired.n:,} client turns of both:"
            paragraphs.append("\n".join([told, differences_of(paired.differences), *paired.notes]))
        return "\n\n".join(paragraphs)


def run_numbered(team: Team, number: int) -> GenerationRun:
    runs = GenerationRun.objects.filter(team=team).select_related("model_version", "corpus", "team")
    run = runs.filter(pk=number).first()
    if run is None:
        raise UnknownNameError(f"{team} has no run {number}. `manage.py runs` lists them.")
    return run


def heading(report: dict[str, Any], found: Report) -> str:
    lines = [
        f"Run {report['run']} of {report['model']} on {report['corpus']}: {found.n:,} client turns "
        f"of {found.groups:,} sessions, definitions {found.definitions}.",
        f"Readable in everything asked for: {share(found.coverage)}",
        *([f"Encoder: {found.encoder}"] if found.encoder else []),
        *(f"Note: {note}" for note in found.notes),
    ]
    return "\n".join(lines)


def figures_of(found: Report) -> str:
    rows: list[tuple[object, ...]] = []
    for task in found.tasks:
        baseline = f"always “{task.majority_label}”" if task.majority_label else "majority"
        for figure, majority in zip(task.figures, task.majority, strict=True):
            rows.append((title(figure), share(figure.estimate), figure.n, share(majority.estimate)))
        rows.append(
            (f"  unread {task.unread}, without label {task.without_truth}", "", "", baseline)
        )
    rows += [(title(figure), share(figure.estimate), figure.n, "") for figure in found.text]
    return text_table(("FIGURE", "VALUE", "N", "MAJORITY BASELINE"), rows)


def title(figure: Figure) -> str:
    return f"{figure.title} ({figure.setting})" if figure.setting else figure.title


def classes_of(found: Report) -> list[str]:
    return [
        text_table(
            (task.title.upper(), "N", "NAMED", "RECALL", "PRECISION", "F1"),
            [
                (
                    row.label,
                    row.n,
                    row.predicted,
                    *map(percent, (row.recall, row.precision, row.f1)),
                )
                for row in task.classes
            ],
        )
        for task in found.tasks
        if task.n
    ]


def published_of(found: Report, system: str) -> str:
    table = published_table([(system, found)])
    rows = [
        (
            row.system,
            *("" if cell is None else f"{cell:.2f}" for cell in row.percents),
            row.source,
        )
        for row in table.rows
    ]
    return text_table(("SYSTEM, %", *table.titles, "SOURCE"), rows)


def differences_of(differences: tuple[Difference, ...]) -> str:
    rows = [
        (
            row.title,
            f"{100 * row.run:.2f}",
            f"{100 * row.against:.2f}",
            f"{100 * row.difference:+.2f}",
            interval(row.interval) or row.no_interval_because,
            f"{row.p:.4f}",
            f"{row.p_holm:.4f}",
            row.n,
        )
        for row in differences
    ]
    return text_table(
        ("FIGURE", "RUN %", "OTHER %", "DIFFERENCE", "INTERVAL", "P", "P HOLM", "N"), rows
    )


def share(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"undefined: {estimate.undefined_because}"
    text = f"{100 * estimate.value:.2f} %"
    if estimate.interval:
        return f"{text} ({interval(estimate.interval)}, {estimate.interval.method})"
    return f"{text} ({estimate.no_interval_because})" if estimate.no_interval_because else text


def interval(found: Interval | None) -> str:
    return f"{100 * found.low:.2f} to {100 * found.high:.2f}" if found else ""


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
