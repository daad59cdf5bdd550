"""Choices as they stand once disputes are settled: named so, and apart from everything else.

Resolved answers must not enter agreement, which they inflate; shares "as resolved" are what some
protocols report (two raters, a third where they differ, a fourth who settles).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.figures.specs import FigureSpec, Forest, Mark
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.estimate import Estimate
from annotations.statistics.shares import clustered_share

TIE = "No difference"
HOW = (
    "As resolved: an item counts once, with what was settled by a named person, or else with what "
    "most of its independent and further raters answered"
)


def resolved_results(
    data: PartData, answers: Answers, settings: AnalysisSettings
) -> dict[str, Any]:
    """Empty where nobody settled anything and nobody answered further."""
    values = resolved_values(data, answers)
    if values is None:
        return {}
    asked = ~np.isnan(answers.values).all(axis=0)
    known = ~np.isnan(values)
    rows = [
        {
            "model": name,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "n": int(hits[known].sum()),
            "method": found.method,
        }
        for name, hits, found in _shares(data, values, settings)
    ]
    open_yet = int((asked & ~known).sum())
    return {
        "resolved": rows,
        "resolved_note": (
            f"{HOW}: {words.counted(int(known.sum()), 'item')}; {open_yet:,} without a majority "
            "are left out. These shares are no measure of agreement, and intervals are for new "
            "items only."
        ),
    }


def resolved_values(data: PartData, answers: Answers) -> NDArray[np.float64] | None:
    """Per unit the value in the end, of a choice between two its sign; NaN where there is none."""
    beside = data.beside
    if beside is None or (beside.further is None and not beside.settled):
        return None
    tables = [answers.values]
    if beside.further is not None:
        slug = answers.criterion.slug
        own = next(a for a in beside.further.answers if a.criterion.slug == slug)
        tables.append(own.values)
    given = np.concatenate(tables)
    if data.pairwise:
        given = np.sign(given)
    values = _majority(given)
    settled = (beside.settled or {}).get(answers.criterion.slug)
    if settled is None:
        return values
    final = np.sign(settled) if data.pairwise else settled
    return np.where(np.isnan(final), values, final)


def _majority(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """raters x units -> what more than half of a unit's raters answered, NaN where nothing was."""
    found = np.full(given.shape[1], np.nan)
    times = (~np.isnan(given)).sum(axis=0)
    for value in np.unique(given[~np.isnan(given)]):
        found[2 * (given == value).sum(axis=0) > times] = value
    return found


def _shares(
    data: PartData, values: NDArray[np.float64], settings: AnalysisSettings
) -> list[tuple[str, NDArray[np.bool_], Estimate]]:
    """(name, per unit whether it won, its share) of each model, and of ties."""
    known = np.flatnonzero(~np.isnan(values))
    clusters = clusters_of(data, settings)
    found = []
    hits = {name: _won(data, values, run) for run, name in settings.models.items()}
    hits[TIE] = values == (0 if data.pairwise else len(data.sources))
    runs = {name: run for run, name in settings.models.items()}
    for name, won in hits.items():
        own = known
        if name in runs:
            own = known[(data.units.runs[known] == runs[name]).any(axis=1)]
        share = clustered_share(
            "share_resolved",
            won[own],
            clusters[own],
            None,
            confidence=settings.confidence,
            words="Share of items in which a response was shown and won",
        )
        found.append((name, won, share))
    return found


def _won(data: PartData, values: NDArray[np.float64], run: int) -> NDArray[np.bool_]:
    if not data.pairwise:
        place = data.sources.index(run) if run in data.sources else -1
        won: NDArray[np.bool_] = values == place
        return won
    first, second = data.units.runs[:, 0] == run, data.units.runs[:, 1] == run
    found: NDArray[np.bool_] = (first & (values < 0)) | (second & (values > 0))
    return found


def resolved_figures(
    data: PartData, answers: Answers, shown: dict[str, Any], settings: AnalysisSettings
) -> dict[str, FigureSpec]:
    rows = shown.get("resolved", ())
    if not any(row["value"] is not None for row in rows):
        return {}
    marks = tuple(
        Mark(label=row["model"], value=row["value"], low=row["low"], high=row["high"])
        for row in rows
    )
    said = "; ".join(
        f"{mark.label} {'undefined' if mark.value is None else f'{100 * mark.value:.0f} %'}"
        for mark in marks
    )
    return {
        "resolved": Forest(
            key=words.figure_key("resolved", f"part{data.key}", answers.criterion.slug),
            title=f"Shares as resolved: {answers.criterion.name}",
            description=f"{said}.",
            caption=f"{shown['resolved_note']} {settings.percent} intervals; {rows[0]['method']}.",
            marks=marks,
            x_label="share of items won, as resolved",
            measure="share",
        )
    }
