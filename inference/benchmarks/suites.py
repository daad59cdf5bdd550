"""One run's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata

from inference.benchmarks.classification import SETTINGS, TITLES, Scored, majority_counts
from inference.benchmarks.classification import figures_of_counts as figures_of
from inference.benchmarks.contract import (
    Case,
    ClassFigures,
    ConfusionTable,
    Figure,
    Fold,
    Options,
    Report,
    RunFacts,
    Suite,
    TaskReport,
)
from inference.benchmarks.embedding import Encoder, encoder_of
from inference.benchmarks.measures import Measure
from inference.benchmarks.notes import report_notes, task_notes
from inference.benchmarks.resampling import estimates
from inference.benchmarks.scoring import SuiteScores, suite_scores
from inference.recognition import FoldScores, Outcome, recognition
from inference.recognition.confusion import UNREAD
from inference.recognition.estimates import Estimate
from inference.recognition.scores import class_scores

SOUND = "sound: what cannot be read counts as wrong, and a missing reply scores 0"
AS_PUBLISHED = (
    "as published: answers without a label and missing replies are left out; BLEU-2 is the mean of "
    "sentence scores with weights (0.99, 0.01); only the first line of a reply is compared"
)
LIBRARIES = ("numpy", "scikit-learn", "sacrebleu", "rouge-score", "nltk")
ENCODER_LIBRARIES = ("torch", "transformers", "tokenizers")


def benchmark(
    suite: Suite,
    cases: Sequence[Case],
    options: Options | None = None,
    facts: RunFacts | None = None,
) -> Report:
    """Raises BenchmarkError where options or cases allow no figure."""
    options, facts = options or Options(), facts or RunFacts()
    encoder = encoder_of(options)
    scores = suite_scores(suite, cases, options, encoder)
    found = estimates((*scores.measures, scores.coverage), scores.groups, options)
    tasks = tuple(_task(task, scores, found, options) for task in scores.tasks)
    return Report(
        suite=suite,
        n=len(scores.cases),
        groups=scores.groups.count,
        coverage=found[scores.coverage.name],
        tasks=tasks,
        text=_in_order([*_figures(scores.text, found), *scores.absent], options),
        published=scores.spec.published,
        notes=tuple(report_notes(scores, tasks, options, facts)),
        software=_software(encoder),
        options=options,
        definitions=AS_PUBLISHED if options.as_published else SOUND,
        encoder=encoder.described if encoder else "",
    )


def _figures(measures: Sequence[Measure], found: Mapping[str, Estimate]) -> list[Figure]:
    return [
        Figure(measure.name, measure.title, found[measure.name], measure.n, measure.setting)
        for measure in measures
    ]


def _in_order(figures: Sequence[Figure], options: Options) -> tuple[Figure, ...]:
    place = {f"text.{metric}": number for number, metric in enumerate(options.metrics)}
    return tuple(sorted(figures, key=lambda figure: place[figure.name]))


def _task(
    task: Scored, scores: SuiteScores, found: Mapping[str, Estimate], options: Options
) -> TaskReport:
    label, majority = _majority(task)
    report = TaskReport(
        name=task.task.name,
        title=task.task.title,
        n=task.confusion.n,
        without_truth=task.without_truth,
        unread=task.unread,
        dropped=task.dropped,
        figures=tuple(_figures(task.measures, found)),
        majority_label=label,
        majority=majority,
        classes=_classes(task),
        confusion=ConfusionTable(
            rows=task.labels,
            columns=(*task.labels, UNREAD),
            counts=tuple(map(tuple, task.confusion.counts.tolist())),
        ),
        folds=_folds(task, scores, options),
    )
    return replace(report, notes=tuple(task_notes(report)))


def _majority(task: Scored) -> tuple[str, tuple[Figure, ...]]:
    label, counts = majority_counts(task.confusion)
    values = figures_of(task.task, task.labels, counts)
    return label, tuple(
        Figure(
            name=f"{task.task.name}.{figure}",
            title=f"{task.task.title}: {TITLES[figure]}",
            estimate=Estimate(None, "no case with a corpus label counts")
            if value is None
            else Estimate(value),
            n=task.confusion.n,
            setting=SETTINGS[figure],
        )
        for figure, value in values.items()
    )


def _classes(task: Scored) -> tuple[ClassFigures, ...]:
    return tuple(
        ClassFigures(
            label=scores.label,
            n=scores.n,
            predicted=scores.predicted,
            precision=scores.precision.value,
            recall=scores.recall.value,
            f1=scores.f1.value,
        )
        for scores in class_scores(task.confusion)
    )


def _folds(task: Scored, scores: SuiteScores, options: Options) -> tuple[Fold, ...]:
    """As the recognition page has them; the last is the mean over folds."""
    if not any(case.fold for case in scores.cases):
        return ()
    outcomes = [
        Outcome(case.key, label.truth, label.predicted, case.group, case.fold)
        for case, label, counts in zip(
            scores.cases, task.answers, task.counted.tolist(), strict=True
        )
        if counts
    ]
    found = recognition(outcomes, task.task.labels, seed=options.seed)
    return tuple(_fold(task, fold) for fold in (*found.folds, found.mean_over_folds))


def _fold(task: Scored, scores: FoldScores) -> Fold:
    figures = (("uar", scores.uar), ("war", scores.war))
    return Fold(
        fold=scores.fold,
        n=scores.n,
        figures=tuple(
            Figure(f"{task.task.name}.{name}", name.upper(), estimate, scores.n)
            for name, estimate in figures
        ),
    )


def _software(encoder: Encoder | None) -> dict[str, str]:
    names = (*LIBRARIES, *ENCODER_LIBRARIES) if encoder else LIBRARIES
    return {name: metadata.version(name) for name in names}
