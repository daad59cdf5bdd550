"""A suite's measures over cases: what a report and a comparison of two runs have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inference.benchmarks import dfew, esconv, mesc
from inference.benchmarks.classification import Scored, scored
from inference.benchmarks.contract import (
    ENCODER_METRICS,
    BenchmarkError,
    Case,
    Figure,
    Options,
    Suite,
)
from inference.benchmarks.embedding import NO_ENCODER, TITLES, Encoder, encoder_measures
from inference.benchmarks.measures import Measure, mean_measure
from inference.benchmarks.resampling import Groups, groups_of
from inference.benchmarks.tasks import SuiteSpec
from inference.benchmarks.text_metrics import Pair, text_measure
from inference.recognition.estimates import Estimate

SPECS: dict[Suite, SuiteSpec] = {
    "mesc": mesc.SPEC,
    "esconv": esconv.SPEC,
    "dfew": dfew.SPEC,
}


@dataclass(frozen=True, eq=False)
class SuiteScores:
    spec: SuiteSpec
    cases: tuple[Case, ...]
    groups: Groups
    tasks: tuple[Scored, ...]
    text: tuple[Measure, ...]
    absent: tuple[Figure, ...]
    """Text metrics that were wanted and could not be computed."""
    coverage: Measure
    unwritten: int
    """Cases with a human reply to compare, but without a reply of the model."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (*(measure for task in self.tasks for measure in task.measures), *self.text)


def suite_scores(
    suite: Suite, cases: Sequence[Case], options: Options, encoder: Encoder | None
) -> SuiteScores:
    """The order of the cases changes no figure."""
    check(cases)
    ordered = tuple(sorted(map(_said, cases), key=lambda case: case.key))
    spec = SPECS[suite]
    tasks = tuple(scored(task, ordered, drop_unread=options.as_published) for task in spec.tasks)
    text, absent = _text(spec, ordered, options, encoder)
    return SuiteScores(
        spec=spec,
        cases=ordered,
        groups=groups_of(ordered),
        tasks=tasks,
        text=text,
        absent=absent,
        coverage=_coverage(spec, ordered, tasks),
        unwritten=sum(bool(case.reference and not case.response) for case in ordered),
    )


def check(cases: Sequence[Case]) -> None:
    if not cases:
        raise BenchmarkError(
            "There is no case to score. Give a run over client turns that the corpus labels or "
            "where a therapist's reply follows."
        )
    key, times = Counter(case.key for case in cases).most_common(1)[0]
    if times > 1:
        raise BenchmarkError(
            f"Case {key} is given {times} times. Give the first sample of one run, or runs over "
            "different folds."
        )


def _said(case: Case) -> Case:
    """Without white space around texts; an unreadable answer has none."""
    response = case.response.strip() if case.readable else ""
    return replace(case, response=response, reference=case.reference.strip())


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _text(
    spec: SuiteSpec,
    cases: Sequence[Case],
    options: Options,
    encoder: Encoder | None,
) -> tuple[tuple[Measure, ...], tuple[Figure, ...]]:
    wanted = [metric for metric in spec.text_metrics if metric in options.metrics]
    pairs = [_pair(case, options) for case in cases]
    found = {
        metric: text_measure(metric, pairs, as_published=options.as_published)
        for metric in wanted
        if metric not in ENCODER_METRICS
    }
    with_encoder = [metric for metric in wanted if metric in ENCODER_METRICS]
    if encoder is None:
        return tuple(found.values()), tuple(map(_absent, with_encoder))
    if with_encoder:
        both = encoder_measures(pairs, encoder, as_published=options.as_published)
        found |= zip(ENCODER_METRICS, both, strict=True)
    return tuple(found[metric] for metric in wanted), ()


def _pair(case: Case, options: Options) -> Pair | None:
    if not case.reference:
        return None
    if not options.as_published:
        return Pair(case.reference, case.response)
    if not case.response:
        return None
    return Pair(first_line(case.reference), first_line(case.response))


def _absent(metric: str) -> Figure:
    return Figure(f"text.{metric}", TITLES[metric], Estimate(None, NO_ENCODER), n=0)


def _coverage(spec: SuiteSpec, cases: Sequence[Case], tasks: Sequence[Scored]) -> Measure:
    """Share of the cases whose answer could be read in everything that is scored."""
    whole = np.logical_and.reduce([task.read for task in tasks])
    scores: list[float | None] = []
    for case, read in zip(cases, whole.tolist(), strict=True):
        written = not spec.text_metrics or not case.reference or bool(case.response)
        scores.append(float(case.readable and read and written))
    return mean_measure(
        "coverage",
        "Coverage",
        scores,
        setting="cases whose answer could be read in everything that is scored",
        undefined_because="there are no cases",
    )
