"""What a reader must know before quoting a figure, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from inference.benchmarks.contract import Options, RunFacts, TaskReport
from inference.benchmarks.scoring import SuiteScores

FEW_GROUPS = 20
DOMINANT = 0.9
SHORT = 10
"""Words: with fewer in most replies, overlap says little."""


def report_notes(
    scores: SuiteScores, tasks: Sequence[TaskReport], options: Options, facts: RunFacts
) -> Iterator[str]:
    if facts.repeats_the_corpus:
        yield (
            "These answers are the corpus' own replies and labels: nothing was predicted. "
            "The figures are the most that can be reached, not a model's."
        )
    for sentence in facts.trained_on:
        yield f"A figure from a corpus that was trained on: {sentence.rstrip('.')}."
    yield from scores.spec.notes(scores.cases, facts)
    if options.as_published:
        yield _left_out(scores, tasks)
    if facts.failed:
        yield f"{facts.failed:,} of the answers are errors" + (
            "." if options.as_published else ", which count as wrong."
        )
    yield from _reading(scores, options)


def _left_out(scores: SuiteScores, tasks: Sequence[TaskReport]) -> str:
    parts = [f"{task.title.lower()} {task.dropped:,}" for task in tasks]
    if scores.text:
        parts.append(f"reply {scores.unwritten:,}")
    return (
        "As published: what cannot be read is left out, which can only raise a figure. Left out: "
        f"{', '.join(parts)}."
    )


def _reading(scores: SuiteScores, options: Options) -> Iterator[str]:
    if scores.groups.count < FEW_GROUPS:
        yield (
            f"There are only {scores.groups.count} {scores.groups.unit}: intervals that draw them "
            "anew are rough, and too narrow rather than too wide."
        )
    lengths = [len(case.reference.split()) for case in scores.cases if case.reference]
    if scores.text and lengths and median(lengths) < SHORT:
        yield (
            f"Half of the corpus' replies have at most {median(lengths):g} words, and each is one "
            "of many good ones: overlap with it says little about how good a reply is."
        )
    if scores.spec.published:
        yield (
            "Published figures stand beside as their papers print them. They are of other "
            "software, and the table says which definitions: compare with care."
        )


def task_notes(task: TaskReport) -> Iterator[str]:
    n = next((entry.n for entry in task.classes if entry.label == task.majority_label), 0)
    if task.n and n / task.n >= DOMINANT:
        always = ", ".join(
            f"{figure.title.rpartition(': ')[2]} {figure.percent:.2f}"
            for figure in task.majority
            if figure.percent is not None
        )
        yield (
            f"{100 * n / task.n:.1f} % of these labels are “{task.majority_label}”. Always "
            f"answering it gives {always} (percent): read the figures against that."
        )
    unused = [entry.label for entry in task.classes if not entry.n]
    if task.n and unused:
        yield f"No case has these labels; means over labels leave them out: {', '.join(unused)}."
    if task.without_truth:
        yield f"{task.without_truth:,} cases have no such label in the corpus and are left out."
