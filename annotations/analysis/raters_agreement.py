"""Who agrees with whom on a criterion, and what alpha would be without each rater."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from annotations.analysis import words
from annotations.analysis.agreement_estimates import rankings_of
from annotations.analysis.families import INTERVAL, NOMINAL, ORDINAL, RANKED, family_of
from annotations.analysis.settings import AnalysisSettings, ratings_of
from annotations.figures.specs import FigureSpec, HeatMap, Influence, Mark
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.alpha_raters import alpha_leave_one_rater_out
from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.kappa import light_kappa
from annotations.statistics.pairwise_agreement import SMALLEST_OVERLAP, pairwise_agreement
from annotations.statistics.rank_agreement import pairwise_tau
from annotations.statistics.ratings import Ratings

TAU = "Kendall's tau"
NO_OVERLAP = f"no two raters have {SMALLEST_OVERLAP} items in common"
QUADRATIC = (
    "kappa_quadratic",
    "the quadratic kappas",
    "Quadratic kappa",
    "Cohen's kappa with quadratic weights",
)
PAIR_FIGURES = {
    ORDINAL: QUADRATIC,
    INTERVAL: QUADRATIC,
    NOMINAL: ("kappa", "Cohen's kappas", "Cohen's kappa", "Cohen's kappa"),
    RANKED: ("tau", "Kendall's taus", TAU, "Mean of Kendall's tau-b"),
}
"""Family -> key of a row, several of them in a sentence, the figure, and in a caption."""


def criterion_pairs(
    data: PartData, answers: Answers, settings: AnalysisSettings
) -> tuple[dict[str, Any], dict[str, FigureSpec]]:
    table = ratings_of(data, answers, settings)
    criterion, family = answers.criterion, family_of(answers.criterion)
    pairs = _pairs(data, answers, table, settings)
    influence = alpha_leave_one_rater_out(table, family.level)
    shown = {
        "slug": criterion.slug,
        "name": criterion.name,
        "primary": settings.is_primary(data.key, criterion.slug),
        "pairwise_agreement": pairs.as_json(),
        "alpha_leave_one_rater_out": influence.as_json(),
        "sentence": _sentence(criterion.name, pairs, influence, PAIR_FIGURES[family][1]),
    }
    figures: dict[str, FigureSpec] = {}
    if len(data.raters) > 1:
        figures["pairs"] = _heat_map(data, answers, pairs)
    if len(data.raters) > 2 and influence.value is not None:
        figures["influence"] = _influence(data, answers, influence)
    return shown, figures


def _pairs(
    data: PartData, answers: Answers, table: Ratings, settings: AnalysisSettings
) -> Estimate:
    """rows: one a pair of raters; the figure is None below so many items in common."""
    family = family_of(answers.criterion)
    if family is RANKED and answers.ballots is not None:
        return pairwise_tau(rankings_of(data, answers.ballots, settings), data.raters)
    if family is not NOMINAL:
        return pairwise_agreement(table)
    found = light_kappa(table)
    rows = tuple(
        {**row, "kappa": row["kappa"] if row["n_items"] >= SMALLEST_OVERLAP else None}
        for row in found.rows
    )
    known = [row["kappa"] for row in rows if row["kappa"] is not None]
    if found.value is None or not known:
        because = found.undefined_because or NO_OVERLAP
        return undefined("pairwise_agreement", because, rows=rows, **table.counts())
    return replace(found, value=float(np.mean(known)), rows=rows)


def _sentence(name: str, pairs: Estimate, influence: Estimate, figure: str) -> str:
    if pairs.value is None:
        return f"{name}: who agrees with whom cannot be said, because {words.reason(pairs)}."
    text = f"{name}: the mean of {figure} over pairs of raters is {words.number(pairs.value)}."
    moved = [row for row in influence.rows if row["change"] is not None]
    if len(moved) > 2:
        most = max(moved, key=lambda row: abs(row["change"]))
        text += (
            f" Leaving out {most['rater']} would move alpha most, from "
            f"{words.number(influence.value)} to {words.number(most['alpha'])}."
        )
    return text


def _heat_map(data: PartData, answers: Answers, pairs: Estimate) -> HeatMap:
    key, _, figure, caption = PAIR_FIGURES[family_of(answers.criterion)]
    place = {rater: index for index, rater in enumerate(data.raters)}
    size = len(data.raters)
    values: list[list[float | None]] = [[None] * size for _ in range(size)]
    counts: list[list[int | None]] = [[None] * size for _ in range(size)]
    for row in pairs.rows:
        one, two = place[row["rater_one"]], place[row["rater_two"]]
        values[one][two] = values[two][one] = row[key]
        counts[one][two] = counts[two][one] = row["n_items"]
    name = answers.criterion.name
    mean = "undefined" if pairs.value is None else words.number(pairs.value)
    return HeatMap(
        key=words.figure_key("pairs", f"part{data.key}", answers.criterion.slug),
        title=f"Who agrees with whom: {name}",
        description=f"{figure} of each pair of {size} raters; the mean is {mean}.",
        caption=(
            f"{caption} on {name}, with the number of items in common; "
            f"left empty below {SMALLEST_OVERLAP} items. {words.BEFORE_ADJUDICATION}"
        ),
        measure="quadratic kappa" if key == QUADRATIC[0] else figure,
        row_labels=data.raters,
        column_labels=data.raters,
        values=tuple(map(tuple, values)),
        counts=tuple(map(tuple, counts)),
    )


def _influence(data: PartData, answers: Answers, influence: Estimate) -> Influence:
    marks = tuple(
        Mark(label=f"without {row['rater']}", value=row["alpha"]) for row in influence.rows
    )
    name, level = answers.criterion.name, family_of(answers.criterion).level
    what = f"{level}, of the ranks" if answers.ballots is not None else level
    return Influence(
        key=words.figure_key("influence", f"part{data.key}", answers.criterion.slug),
        title=f"Alpha without each rater: {name}",
        description="; ".join(f"{mark.label} {words.number(mark.value)}" for mark in marks) + ".",
        caption=(
            f"Krippendorff's alpha, {what}, on {name}: of all raters (line) and without each in "
            f"turn, over {words.counted(influence.n_pairable, 'item')} with at least two ratings."
        ),
        marks=marks,
        full=Mark(label="all raters", value=influence.value),
        x_label=f"Krippendorff's alpha, {what}",
        measure=f"alpha_{level}",
    )
