"""Pictures of agreement: a forest of all criteria, and how often each answer was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from annotations.analysis import words
from annotations.analysis.families import Family
from annotations.analysis.settings import AnalysisSettings
from annotations.figures.specs import Bars, Forest, Mark
from annotations.selectors.study_arrays import Answers, PartData

if TYPE_CHECKING:
    from annotations.analysis.agreement import CriterionAgreement


def agreement_forest(
    data: PartData, found: Sequence[CriterionAgreement], settings: AnalysisSettings
) -> Forest:
    families = list(dict.fromkeys(one.family for one in found))
    several = len(families) > 1
    marks = [_mark(one, named=several) for one in found]
    said = "; ".join(
        f"{mark.label} {words.with_interval(one.headline)}"
        for mark, one in zip(marks, found, strict=True)
    )
    headlines = [one.headline for one in found]
    pairable = words.spanned([estimate.n_pairable for estimate in headlines], "item")
    raters = words.counted(max((e.n_raters for e in headlines), default=0), "rater")
    captions = "; ".join(family.caption for family in families)
    measures = "alpha" if several else families[0].figure
    seconds = "Gwet's AC" if several else families[0].second_label
    return Forest(
        key=words.figure_key("agreement", f"part{data.key}"),
        title="Agreement by criterion",
        description=f"{_capital(measures)} with its interval for each criterion: {said}.",
        caption=(
            f"{captions}, of {raters} over {pairable} with at least two ratings. "
            f"{words.bootstrap_words(settings, headlines)} for the filled marks, "
            f"{_how_second(families)} for the hollow ones; to new client turns judged by these "
            f"raters. {words.BEFORE_ADJUDICATION}"
        ),
        marks=tuple(marks),
        x_label="Agreement beyond chance",
        measure=measures,
        second_measure=seconds,
        reference=0.0,
    )


def _mark(one: CriterionAgreement, *, named: bool) -> Mark:
    name = one.answers.criterion.name
    first, second = one.headline, one.second
    return Mark(
        label=f"{name} ({one.family.level})" if named else name,
        value=first.value,
        low=first.low,
        high=first.high,
        second_value=second.value,
        second_low=second.low,
        second_high=second.high,
    )


def _how_second(families: Sequence[Family]) -> str:
    ranked = [family.headline == "kendall_tau" for family in families]
    return "the same" if all(ranked) else "linearised errors"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def answer_bars(data: PartData, answers: Answers) -> Bars:
    criterion, values = answers.criterion, answers.values
    low, high = criterion.scale
    known = criterion.labels or tuple((value, str(value)) for value in range(low, high + 1))
    given = values[~np.isnan(values)]
    counts = [int((given == value).sum()) for value, _ in known]
    labels = tuple(label for _, label in known)
    said = ", ".join(f"{label}: {n}" for label, n in zip(labels, counts, strict=True))
    return Bars(
        key=words.figure_key("scores", f"part{data.key}", criterion.slug),
        title=f"How often each answer was given: {criterion.name}",
        description=f"{said}.",
        caption=(
            f"{criterion.name}: {words.counted(len(given), 'rating')}. {words.BEFORE_ADJUDICATION}"
        ),
        x_label="answer" if criterion.labels else "score",
        labels=labels,
        counts=tuple(counts),
    )
