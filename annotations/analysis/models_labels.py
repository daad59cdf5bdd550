"""Answers without an order, words and passages: shares of each model's answers, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.figures.specs import Forest, Mark
from annotations.models import Criterion
from annotations.selectors.study_arrays import GIVEN, OPTION, Answers, PartData
from annotations.statistics.estimate import Estimate
from annotations.statistics.shares import clustered_share

NOTES = {
    Criterion.Kind.TEXT.value: "Share of the submitted answers in which something was written.",
    Criterion.Kind.SPANS.value: "Share of the answers in which at least one passage was marked.",
    OPTION: "Share of the answers in which the option was chosen.",
    Criterion.Kind.CHOICE.value: (
        "Share of the answers; they have no order, so that no mean is taken."
    ),
}


def label_note(answers: Answers) -> str:
    return "" if answers.criterion.is_scored else NOTES.get(answers.criterion.kind, "")


def shares_of(data: PartData, answers: Answers, settings: AnalysisSettings) -> list[Estimate]:
    """Of each model and label; none where answers are on a scale."""
    if answers.criterion.is_scored:
        return []
    counted, hits = _hits(data, answers)
    raters, units = np.nonzero(counted)
    clusters = clusters_of(data, settings)
    found = []
    for run, name in settings.models.items():
        own = data.units.run[units] == run
        for label, table in hits.items():
            found.append(
                clustered_share(
                    "share_of_answers",
                    table[raters[own], units[own]],
                    clusters[units[own]],
                    raters[own].astype(np.int64) if settings.new_raters else None,
                    confidence=settings.confidence,
                    rows=({"model": name, "label": label},),
                )
            )
    return found


def _hits(
    data: PartData, answers: Answers
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    """(raters x units: which answers count, label -> which of them are hits)."""
    given = answers.status == GIVEN
    if answers.passages is not None:
        marked = np.zeros(given.shape, dtype=bool)
        passages = answers.passages
        some = np.array([bool(spans) for spans in passages.spans], dtype=bool)
        marked[passages.rater[some], passages.unit[some]] = True
        return given, {"marked": marked}
    if not answers.criterion.has_coefficient:
        return data.submitted, {"written": given}
    labels = answers.criterion.labels
    if answers.criterion.kind == OPTION:
        labels = labels[1:]
    return given, {label: answers.values == value for value, label in labels}


def share_row(share: Estimate) -> dict[str, Any]:
    return {
        **share.rows[0],
        "value": share.value,
        "low": share.low,
        "high": share.high,
        "n_ratings": share.n_ratings,
        "undefined_because": words.reason(share),
    }


def shares_figure(
    data: PartData, answers: Answers, shares: list[Estimate], settings: AnalysisSettings
) -> Forest:
    several = len({share.rows[0]["label"] for share in shares}) > 1
    marks = tuple(
        Mark(
            label=f"{row['label']}: {row['model']}" if several else str(row["model"]),
            value=share.value,
            low=share.low,
            high=share.high,
        )
        for row, share in sorted(
            ((share.rows[0], share) for share in shares),
            key=lambda pair: [own.rows[0]["label"] for own in shares].index(pair[0]["label"]),
        )
    )
    said = "; ".join(f"{mark.label} {words.number(mark.value)}" for mark in marks)
    defined = next(share for share in shares if share.value is not None)
    return Forest(
        key=words.figure_key("labels", f"part{data.key}", answers.criterion.slug),
        title=f"Shares of answers: {answers.criterion.name}",
        description=f"{said}.",
        caption=(
            f"{label_note(answers)} {defined.method}. {settings.percent} intervals. "
            f"{words.generalised(settings)} {words.BEFORE_ADJUDICATION}"
        ),
        marks=marks,
        x_label="share of the answers",
        measure="share",
    )
