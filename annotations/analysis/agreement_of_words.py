"""Answers in words and marked passages: counted, and for passages how far two raters overlap."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotations.analysis import words
from annotations.analysis.sentences import counted_raters
from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.selectors.study_arrays import MISSING_LABELS, Answers, PartData
from annotations.statistics.estimate import Estimate
from annotations.statistics.passages import passage_f1

F1 = "Overlap of marked passages, F1"


def read_answers(data: PartData, answers: Answers, settings: AnalysisSettings) -> dict[str, Any]:
    """As other criteria of the agreement section, without a headline figure."""
    criterion = answers.criterion
    given = ~np.isnan(answers.values)
    per_unit = given.sum(axis=0)
    counts = {
        "n_items": int((per_unit > 0).sum()),
        "n_pairable": int((per_unit > 1).sum()),
        "n_raters": int(given.any(axis=1).sum()),
        "n_ratings": int(given.sum()),
    }
    overlap = None if answers.passages is None else overlap_of(data, answers, settings)
    return {
        "slug": criterion.slug,
        "name": criterion.name,
        "form": criterion.kind,
        "level": criterion.level,
        "guiding_question": criterion.guiding_question,
        "scale": [],
        "primary": settings.is_primary(data.key, criterion.slug),
        "headline": "",
        "second": "",
        "sentence": _sentence(criterion.name, counts, overlap),
        "warnings": [],
        "statistics": {} if overlap is None else {overlap.name: overlap.as_json()},
        "table": [] if overlap is None else [_row(overlap)],
        "further": [],
        "counts": counts,
        "missing": [
            {"kind": kind, "label": MISSING_LABELS[kind], "n": n}
            for kind, n in answers.missing.items()
        ],
    }


def overlap_of(data: PartData, answers: Answers, settings: AnalysisSettings) -> Estimate:
    passages = answers.passages
    assert passages is not None  # noqa: S101
    return passage_f1(
        passages.spans,
        passages.rater,
        passages.unit,
        np.unique(clusters_of(data, settings), return_inverse=True)[1].astype(np.int64),
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )


def _sentence(name: str, counts: dict[str, int], overlap: Estimate | None) -> str:
    if not counts["n_ratings"]:
        return f"Nobody has submitted an answer to {name} yet."
    who = counted_raters(counts["n_raters"])
    items = words.counted(counts["n_items"], "response")
    if overlap is None:
        answers = words.counted(counts["n_ratings"], "answer")
        return (
            f"{who} gave {answers} in words to {name}, on {items}. Words have no coefficient: each "
            "stands on the page of its item."
        )
    text = f"{who} read {items} for {name}."
    if overlap.value is None:
        return f"{text} Overlap of marked passages is undefined because {words.reason(overlap)}."
    row = overlap.rows[0]
    ends = words.interval_words(overlap.low, overlap.high)
    return (
        f"{text} Where at least one of two raters marked a passage, the characters they marked "
        f"overlap by an F1 of {words.number(overlap.value)} (interval {ends}), where 1 is the very "
        f"same and 0 nothing in common; in {100 * row['same_whether']:.0f} % of "
        f"{words.counted(row['pairs'], 'pair')} of raters both, or neither, marked something."
    )


def _row(overlap: Estimate) -> dict[str, Any]:
    return {
        "name": overlap.name,
        "label": F1,
        "value": overlap.value,
        "low": overlap.low,
        "high": overlap.high,
        "reason": overlap.undefined_because or overlap.no_interval_because,
        "digits": 2,
    }
