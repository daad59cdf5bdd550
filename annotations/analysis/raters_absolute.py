"""Raters who score responses: severity, drift, fit, speed, use of the scale, halo.

One score an item stands for the rater's overall level: the mean over the criteria the rater scored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.raters_pairwise import seconds_words
from annotations.analysis.settings import AnalysisSettings, Section, clusters_of, ratings_of
from annotations.figures.specs import (
    Bar,
    Caterpillar,
    FigureSpec,
    HeatMap,
    Lines,
    Mark,
    Series,
    StackedBars,
)
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.estimate import Estimate
from annotations.statistics.halo import halo
from annotations.statistics.ratings import Ratings, Scale, ratings
from annotations.statistics.severity import drift, fit, severity

COLUMNS = (
    *("Rater", "Ratings", "Mean", "Severity", "Interval", "Drift per 100 items", "p (Holm)"),
    *("Infit", "Outfit", "Median seconds an item"),
)
NOTE = (
    "Severity is how far a rater's scores lie from what the other raters give to the same items, "
    "shrunken towards 0 where there are few: above 0 the rater scores higher. Infit and outfit "
    "near 1 are as expected; well above 1, a rater is erratic."
)


def absolute_raters(data: PartData, settings: AnalysisSettings) -> Section:
    if not _scored(data):
        return _without_scores(data)
    table = mean_over_criteria(data, settings)
    leaning = severity(table, confidence=settings.confidence, seed=settings.seed)
    moving = drift(table, data.order, confidence=settings.confidence)
    fitting = fit(table, confidence=settings.confidence, seed=settings.seed)
    results = {
        "columns": COLUMNS,
        "raters": _rows(data, leaning, moving, fitting),
        "note": NOTE,
        "notes": _notes(leaning, moving, fitting),
        "severity": leaning.as_json(),
        "drift": moving.as_json(),
        "fit": fitting.as_json(),
    }
    figures: dict[str, FigureSpec] = {}
    if leaning.value is not None:
        figures["severity"] = _severity_figure(data, leaning, settings)
    if moving.value is not None:
        figures["drift"] = _drift_figure(data, table, settings)
    if data.submitted.any():
        figures["use"] = _use(data)
    scored = _scored(data)
    if len(scored) > 1:
        together = halo(
            [ratings_of(data, answers, settings) for answers in scored],
            [answers.criterion.name for answers in scored],
        )
        results["halo"] = together.as_json()
        if together.value is not None:
            figures["halo"] = _halo_figure(data, together)
    return Section(results, figures)


def _scored(data: PartData) -> list[Answers]:
    return [answers for answers in data.answers if answers.criterion.is_scored]


def _without_scores(data: PartData) -> Section:
    given = [sum(_given_by(data, place)) for place in range(len(data.raters))]
    rows = [
        [rater, f"{given[place]:,}", seconds_words(data, place)]
        for place, rater in enumerate(data.raters)
    ]
    columns = ("Rater", "Answers", "Median seconds an item")
    note = "No question of this part is answered on a scale, so nobody can be severe or lenient."
    return Section({"columns": columns, "raters": rows, "note": note, "notes": []})


def _given_by(data: PartData, place: int) -> list[int]:
    return [int((~np.isnan(answers.values[place])).sum()) for answers in data.answers]


def mean_over_criteria(data: PartData, settings: AnalysisSettings) -> Ratings:
    """raters x units: the mean of the scores given, NaN where there is none. Reverse-scored ones
    are turned; where scales differ, scores are in percent of their scale."""
    scored = _scored(data)
    stacked = np.stack([_turned(answers) for answers in scored])
    scales = [answers.criterion.scale for answers in scored]
    low, high = scales[0]
    if one_scale(data) is None:
        ends = np.array(scales, dtype=np.float64)[:, :, None, None]
        stacked = 100 * (stacked - ends[:, 0]) / np.maximum(ends[:, 1] - ends[:, 0], 1)
        low, high = 0, 100
    given = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    means = np.divide(total, given, out=np.full(total.shape, np.nan), where=given > 0)
    return ratings(
        means,
        scale=Scale(low, high, 0),
        raters=data.raters,
        items=tuple(map(str, data.units.pk.tolist())),
        clusters=clusters_of(data, settings),
    )


def one_scale(data: PartData) -> tuple[int, int] | None:
    """Of all scores; None where they differ."""
    scales = {answers.criterion.scale for answers in _scored(data)}
    return scales.pop() if len(scales) == 1 else None


def _points(data: PartData) -> str:
    return "points on the scale" if one_scale(data) else "percent of the scale"


def _turned(answers: Answers) -> NDArray[np.float64]:
    low, high = answers.criterion.scale
    return low + high - answers.values if answers.criterion.reverse_scored else answers.values


def _rows(
    data: PartData, leaning: Estimate, moving: Estimate, fitting: Estimate
) -> list[list[str]]:
    by_rater = [
        {str(row["rater"]): row for row in estimate.rows} for estimate in (leaning, moving, fitting)
    ]
    rows = []
    for place, rater in enumerate(data.raters):
        lean, move, fits = (found.get(rater, {}) for found in by_rater)
        rows.append(
            [
                rater,
                f"{lean.get('n_ratings', 0):,}",
                words.number(lean.get("mean")),
                words.number(lean.get("effect")),
                words.interval_words(lean.get("low"), lean.get("high")),
                words.number(move.get("slope")),
                words.number(move.get("p_holm"), 3),
                words.number(fits.get("infit")),
                words.number(fits.get("outfit")),
                seconds_words(data, place),
            ]
        )
    return rows


def _notes(*estimates: Estimate) -> list[str]:
    reasons = [
        f"{estimate.name.capitalize()} is undefined because {words.reason(estimate)}."
        for estimate in estimates
        if estimate.value is None
    ]
    return reasons + list(dict.fromkeys(note for found in estimates for note in found.notes))


def _severity_figure(data: PartData, leaning: Estimate, settings: AnalysisSettings) -> Caterpillar:
    marks = tuple(
        Mark(label=str(row["rater"]), value=row["effect"], low=row["low"], high=row["high"])
        for row in leaning.rows
    )
    said = "; ".join(f"{mark.label} {words.number(mark.value)}" for mark in marks)
    return Caterpillar(
        key=words.figure_key("severity", f"part{data.key}"),
        title="Severity of the raters",
        description=f"How far each rater's scores lie from the others' on the same items: {said}.",
        caption=(
            f"Mean score over criteria: {leaning.method}. {settings.percent} intervals; "
            f"{words.counted(leaning.n_ratings, 'score')} of "
            f"{words.counted(leaning.n_items, 'item')}; standard deviation between raters "
            f"{words.number(leaning.value)}."
        ),
        marks=marks,
        x_label=_points(data),
        measure="effect",
        low_end="scores lower",
        high_end="scores higher",
    )


DRIFT_POINTS = 8


def _drift_figure(data: PartData, table: Ratings, settings: AnalysisSettings) -> Lines:
    count = table.given.sum(axis=0)
    # Where there is no rating the mean is of no use, and is not asked for.
    away = table.values - np.nansum(table.values, axis=0) / np.maximum(count, 1)
    series = []
    for place, rater in enumerate(data.raters):
        order, values = data.order[place], away[place]
        kept = ~np.isnan(order) & ~np.isnan(values)
        if kept.sum() >= DRIFT_POINTS:
            series.append(Series(label=rater, points=_binned(order[kept], values[kept])))
    return Lines(
        key=words.figure_key("drift", f"part{data.key}"),
        title="Drift of the raters",
        description="How each rater's scores lie above or below the others' in the course of work.",
        caption=(
            f"Mean score minus the mean of all raters of the same item, in {DRIFT_POINTS} spans "
            f"of each rater's work, of {words.counted(len(series), 'rater')}. The slopes and their "
            "tests stand in the table. " + words.BEFORE_ADJUDICATION
        ),
        x_label="items rated so far",
        y_label="points above the others" if one_scale(data) else "percent above the others",
        series=tuple(series),
        reference=0.0,
    )


def _binned(
    order: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[tuple[float, float | None], ...]:
    at = np.argsort(order)
    spans = np.array_split(at, DRIFT_POINTS)
    return tuple((float(order[span].mean()), float(values[span].mean())) for span in spans)


def _use(data: PartData) -> StackedBars:
    """Over the criteria that share the first one's scale."""
    scored = _scored(data)
    low, high = scored[0].criterion.scale
    own = [answers for answers in scored if answers.criterion.scale == (low, high)]
    stacked = np.stack([answers.values for answers in own])
    bars = []
    for place, rater in enumerate(data.raters):
        given = stacked[:, place][~np.isnan(stacked[:, place])].astype(np.int64)
        counts = np.bincount(given - low, minlength=high - low + 1)
        bars.append(Bar(label=rater, counts=tuple(counts.tolist())))
    total = sum(sum(bar.counts) for bar in bars)
    over = "all criteria"
    if len(own) < len(data.answers):
        over = words.listed([answers.criterion.name for answers in own])
    return StackedBars(
        key=words.figure_key("use", f"part{data.key}"),
        title="How raters use the scale",
        description=f"Shares of the scores from {low} to {high} of each of {len(bars)} raters.",
        caption=f"{words.counted(total, 'rating')} over {over}. {words.BEFORE_ADJUDICATION}",
        category_name="score",
        categories=tuple(str(value) for value in range(low, high + 1)),
        bars=tuple(bars),
    )


def _halo_figure(data: PartData, together: Estimate) -> HeatMap:
    names = [answers.criterion.name for answers in _scored(data)]
    place = {name: index for index, name in enumerate(names)}
    cells: list[list[float | None]] = [[None] * len(names) for _ in names]
    counts: list[list[int | None]] = [[None] * len(names) for _ in names]
    for row in matrix_rows(together):
        one, two = place[str(row["one"])], place[str(row["two"])]
        cells[one][two] = cells[two][one] = row["correlation"]
        counts[one][two] = counts[two][one] = row["n"]
    return HeatMap(
        key=words.figure_key("halo", f"part{data.key}"),
        title="Correlation of the criteria within raters",
        description=(
            f"Mean correlation between two criteria within a rater: "
            f"{words.number(together.value)}. Near 1, raters do not tell the criteria apart."
        ),
        caption=(
            f"{together.method[:1].upper()}{together.method[1:]}. High values are a halo, or "
            "criteria that go together."
        ),
        measure="correlation",
        row_labels=tuple(names),
        column_labels=tuple(names),
        values=tuple(map(tuple, cells)),
        counts=tuple(map(tuple, counts)),
    )


def matrix_rows(together: Estimate) -> list[Any]:
    return [row for row in together.rows if "one" in row]
