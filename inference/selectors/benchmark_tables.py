"""A benchmark's report as tables: for its page, for files and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.benchmarks.contract import (
    ClassFigures,
    ConfusionTable,
    Difference,
    Figure,
    PairedReport,
    Report,
    TaskReport,
)
from inference.models import Benchmark, GenerationRun
from inference.recognition.confusion import UNREAD
from inference.recognition.pictures import SHADES, Cell, Matrix, MatrixRow
from inference.selectors.benchmarks import report_of

BASELINE = "Always the most frequent label"


@dataclass(frozen=True)
class FigureLine:
    figure: Figure
    majority: Figure | None
    """Of always naming the most frequent label; None for texts."""


@dataclass(frozen=True)
class SystemLine:
    system: str
    percents: tuple[float | None, ...]
    source: str
    definitions: str = ""
    own: bool = False


@dataclass(frozen=True)
class PublishedTable:
    titles: tuple[str, ...]
    rows: tuple[SystemLine, ...]


@dataclass(frozen=True)
class ClassLine:
    label: str
    n: int
    predicted: int
    percents: tuple[float | None, ...]
    """Recall, precision, F1."""


@dataclass(frozen=True)
class ShownTask:
    task: TaskReport
    lines: tuple[FigureLine, ...]
    classes: tuple[ClassLine, ...]
    matrix: Matrix

    @property
    def file(self) -> str:
        return f"confusion-{self.task.name}.csv"


@dataclass(frozen=True)
class ShownDifference:
    """In percentage points."""

    entry: Difference

    @property
    def run(self) -> float:
        return 100 * self.entry.run

    @property
    def against(self) -> float:
        return 100 * self.entry.against

    @property
    def signed(self) -> str:
        return f"{100 * self.entry.difference:+.2f}"


def shown_tasks(report: Report, *, shares: bool) -> list[ShownTask]:
    return [
        ShownTask(
            task,
            _lines(task),
            tuple(map(_class_line, task.classes)),
            matrix_of_table(task.confusion, shares=shares),
        )
        for task in report.tasks
    ]


def shown_differences(paired: PairedReport | None) -> list[ShownDifference]:
    return [ShownDifference(entry) for entry in paired.differences] if paired else []


def _class_line(row: ClassFigures) -> ClassLine:
    shares = (row.recall, row.precision, row.f1)
    percents = tuple(None if share is None else 100 * share for share in shares)
    return ClassLine(row.label, row.n, row.predicted, percents)


def _lines(task: TaskReport) -> tuple[FigureLine, ...]:
    pairs = zip(task.figures, task.majority, strict=True)
    return tuple(FigureLine(figure, majority) for figure, majority in pairs)


def matrix_of_table(table: ConfusionTable, *, shares: bool) -> Matrix:
    """Shaded by the share of the row, or by the count against the largest."""
    largest = max((count for row in table.counts for count in row), default=0)
    rows = []
    for label, counts in zip(table.rows, table.counts, strict=True):
        n = sum(counts)
        whole = n if shares else largest
        cells = tuple(
            Cell(
                count=count,
                percent=100 * count / n if n else None,
                shade=math.ceil(SHADES * count / whole) if whole else 0,
                right=column == label,
            )
            for column, count in zip(table.columns, counts, strict=True)
        )
        rows.append(MatrixRow(label, n, cells))
    return Matrix((*table.columns[:-1], UNREAD), tuple(rows), shares)


def published_table(runs: Sequence[tuple[str, Report]]) -> PublishedTable:
    """Runs by name and their baseline above what papers print; only figures that a paper has."""
    report = runs[0][1]
    printed = {name for row in report.published for name in row.percent}
    columns = [figure for figure in report.figures if figure.name in printed]
    majority = {figure.name: figure.percent for task in report.tasks for figure in task.majority}

    def line(percents: Mapping[str, float | None]) -> tuple[float | None, ...]:
        return tuple(percents.get(figure.name) for figure in columns)

    def own(name: str, found: Report) -> SystemLine:
        percents = {figure.name: figure.percent for figure in found.figures}
        return SystemLine(name, line(percents), f"{found.n:,} client turns", own=True)

    return PublishedTable(
        titles=tuple(figure.title for figure in columns),
        rows=(
            *(own(name, found) for name, found in runs),
            SystemLine(BASELINE, line(majority), "by the corpus' labels"),
            *(
                SystemLine(row.system, line(row.percent), row.source, row.definitions)
                for row in report.published
            ),
        ),
    )


def system_name(run: GenerationRun) -> str:
    """Needs `model_version`."""
    return f"{run.model_version}, run {run.pk}"


def benchmark_facts(benchmark: Benchmark) -> dict[str, Any]:
    """What the command and the JSON file report. Needs the run's `model_version` and `corpus`."""
    run = benchmark.run
    return {
        "benchmark": benchmark.pk,
        "suite": benchmark.suite,
        "run": run.pk,
        "model": run.model_version.name,
        "corpus": run.corpus.name,
        "licence": run.corpus.licence,
        "citation": run.corpus.citation,
        "splits": run.splits,
        "run_options": run.options,
        "against": benchmark.against_id,
        "options": benchmark.options,
        "finished_at": benchmark.finished_at,
        **benchmark.result,
    }


FIGURE_COLUMNS = (
    *("system", "figure", "title", "percent", "low", "high", "interval", "n", "setting"),
    *("source", "undefined_because"),
)


def figure_rows(benchmark: Benchmark) -> Iterator[Sequence[object]]:
    """figures.csv: the run's, its baseline's and the papers', in percent, one figure a line."""
    yield FIGURE_COLUMNS
    report = report_of(benchmark)
    if report is None:
        return
    run = f"run {benchmark.run_id}"
    yield from (_figure_row(run, figure) for figure in report.figures)
    for task in report.tasks:
        yield from (_figure_row(BASELINE, figure) for figure in task.majority)
    titles = {figure.name: figure.title for figure in report.figures}
    for row in report.published:
        for name, percent in row.percent.items():
            title = titles.get(name, "")
            yield [row.system, name, title, percent, *[""] * 4, row.definitions, row.source, ""]


def _figure_row(system: str, figure: Figure) -> Sequence[object]:
    interval = figure.estimate.interval
    between: Sequence[object] = ("", "", figure.estimate.no_interval_because)
    if interval:
        between = (interval.low_percent, interval.high_percent, interval.method)
    percent = "" if figure.percent is None else figure.percent
    reason = figure.estimate.undefined_because
    head = [system, figure.name, figure.title, percent]
    return [*head, *between, figure.n, figure.setting, "computed here", reason]


def confusion_table_rows(table: ConfusionTable) -> Iterator[Sequence[object]]:
    yield ["corpus label", *table.columns]
    for label, counts in zip(table.rows, table.counts, strict=True):
        yield [label, *counts]
