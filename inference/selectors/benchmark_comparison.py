"""Several runs of one corpus side by side, on the client turns that all of them answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.benchmarks.contract import Figure, Options, PairedReport, Report
from inference.models import Benchmark, GenerationRun, JobState
from inference.selectors.benchmark_tables import (
    PublishedTable,
    ShownDifference,
    published_table,
    system_name,
)
from inference.selectors.benchmarks import kept_options, paired_of, report_of, suites_of
from inference.selectors.run_options import option_words


@dataclass(frozen=True)
class FigureRow:
    title: str
    setting: str
    n: int
    values: tuple[Figure | None, ...]
    """By run."""


@dataclass(frozen=True)
class DifferenceRow:
    title: str
    values: tuple[ShownDifference | None, ...]
    """By run, but the first."""


@dataclass(frozen=True)
class Comparison:
    runs: tuple[GenerationRun, ...]
    n: int
    groups: int
    figures: tuple[FigureRow, ...]
    differences: tuple[DifferenceRow, ...]
    published: PublishedTable
    notes: tuple[str, ...]
    definitions: str
    encoder: str


def benchmarks_of_comparison(
    runs: Sequence[GenerationRun], options: Options
) -> dict[int, Benchmark]:
    """By run: the newest over the same answers with these options. One query."""
    suites = suites_of(runs[0].corpus)
    kept = kept_options(options, runs, among=True)
    rows = Benchmark.objects.filter(run__in=runs, suite__in=suites[:1], options=kept)
    first = runs[0].pk
    return {
        row.run_id: row
        for row in rows.order_by("pk")
        if row.against_id == (None if row.run_id == first else first)
    }


def comparison(runs: Sequence[GenerationRun], found: dict[int, Benchmark]) -> Comparison | None:
    """None until every run is measured."""
    reports = [report_of(found[run.pk]) if run.pk in found else None for run in runs]
    done = [report for report in reports if report is not None]
    if len(done) < len(runs):
        return None
    pairs = [paired_of(found[run.pk]) for run in runs[1:]]
    paired = [pair for pair in pairs if pair is not None]
    return Comparison(
        runs=tuple(runs),
        n=done[0].n,
        groups=done[0].groups,
        figures=tuple(_figures(done)),
        differences=tuple(_differences(done[0], paired)),
        published=published_table(
            [(system_name(run), report) for run, report in zip(runs, done, strict=True)]
        ),
        notes=_notes(done, paired),
        definitions=done[0].definitions,
        encoder=done[0].encoder,
    )


def _figures(reports: Sequence[Report]) -> Iterator[FigureRow]:
    by_name = [{figure.name: figure for figure in report.figures} for report in reports]
    for figure in reports[0].figures:
        values = tuple(figures.get(figure.name) for figures in by_name)
        yield FigureRow(figure.title, figure.setting, figure.n, values)


def _differences(first: Report, paired: Sequence[PairedReport]) -> Iterator[DifferenceRow]:
    by_name = [
        {entry.name: ShownDifference(entry) for entry in report.differences} for report in paired
    ]
    for figure in first.figures:
        values = tuple(differences.get(figure.name) for differences in by_name)
        if any(value is not None for value in values):
            yield DifferenceRow(figure.title, values)


def _notes(reports: Sequence[Report], paired: Sequence[PairedReport]) -> tuple[str, ...]:
    """Each once, in the order of the runs."""
    of_runs = [note for report in reports for note in report.notes]
    of_pairs = [note for report in paired for note in report.notes]
    return tuple(dict.fromkeys([*of_runs, *of_pairs]))


def what_differs(runs: Sequence[GenerationRun]) -> list[tuple[str, list[str]]]:
    """(option, its value by run) of what is not the same in all of them. They come with their
    model."""
    told = [dict([("Model", run.model_version.name), *option_words(run)]) for run in runs]
    names = dict.fromkeys(name for words in told for name in words)
    rows = [(name, [words.get(name, "") for words in told]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def still_measured(found: dict[int, Benchmark]) -> list[Benchmark]:
    return [row for row in found.values() if row.is_active]


def not_measured(found: dict[int, Benchmark]) -> list[Benchmark]:
    """Ended without figures."""
    ended = (JobState.FAILED, JobState.CANCELLED)
    return [row for row in found.values() if row.state in ended]


def comparison_rows(found: Comparison) -> Iterator[Sequence[object]]:
    """comparison.csv, in percent: one figure of one run a line."""
    yield [
        *("figure", "run", "model", "percent", "low", "high", "n"),
        *("difference", "difference_low", "difference_high", "p", "p_holm", "pairs", "setting"),
    ]
    differences = {row.title: row.values for row in found.differences}
    for row in found.figures:
        between = (None, *differences.get(row.title, [None] * (len(found.runs) - 1)))
        for run, figure, difference in zip(found.runs, row.values, between, strict=True):
            if figure is not None:
                head = [row.title, run.pk, run.model_version.name]
                yield [*head, *_value(figure), *_difference(difference), row.setting]


def _value(figure: Figure) -> Sequence[object]:
    interval = figure.estimate.interval
    percent = "" if figure.percent is None else figure.percent
    between = (interval.low_percent, interval.high_percent) if interval else ("", "")
    return [percent, *between, figure.n]


def _difference(shown: ShownDifference | None) -> Sequence[object]:
    if shown is None:
        return [""] * 6
    entry = shown.entry
    interval = entry.interval
    between = (interval.low_percent, interval.high_percent) if interval else ("", "")
    return [100 * entry.difference, *between, entry.p, entry.p_holm, entry.n]
