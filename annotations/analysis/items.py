"""The items on which raters disagree most, per criterion: the list that people discuss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis.agreement_estimates import rankings_of
from annotations.analysis.agreement_of_words import overlap_of
from annotations.analysis.families import family_of
from annotations.analysis.settings import AnalysisSettings, Section, ratings_of
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.estimate import Estimate
from annotations.statistics.item_disagreement import item_disagreement
from annotations.statistics.passages import texts_f1
from annotations.statistics.rank_agreement import item_taus, kendall_tau

MOST = 200
FIRST_ALIKE = "0 means that all agree; 1 is what two answers to two different items differ by."
RANKS_NOTE = (
    "Half of one minus the mean of Kendall's tau between two raters: 0 where all put the responses "
    "into the same order, 1 where two put them into opposite ones."
)
PASSAGES_NOTE = (
    "One minus the F1 of the characters that two raters marked: 0 where they marked the same, 1 "
    "where nothing in common; items in which nobody marked anything are left out."
)


def items_section(data: PartData, settings: AnalysisSettings) -> Section:
    criteria = []
    for answers in data.answers:
        criterion = answers.criterion
        shown = {
            "slug": criterion.slug,
            "name": criterion.name,
            "primary": settings.is_primary(data.key, criterion.slug),
            "has_scores": criterion.is_scored and not data.compares,
        }
        criteria.append(shown | _disputed(data, answers, settings))
    return Section({"criteria": criteria})


def _disputed(data: PartData, answers: Answers, settings: AnalysisSettings) -> dict[str, Any]:
    if answers.ballots is not None:
        table = rankings_of(data, answers.ballots, settings)
        found = kendall_tau(table, resamples=2)
        away = (1 - item_taus(table)) / 2
        return _listed(data, answers, found, away, RANKS_NOTE)
    if answers.passages is not None:
        found = overlap_of(data, answers, settings)
        passages = answers.passages
        apart = 1 - texts_f1(passages.spans, passages.unit, len(data.units))
        return _listed(data, answers, found, apart, PASSAGES_NOTE)
    if not answers.criterion.has_coefficient:
        return _unlisted(data, answers)
    level = family_of(answers.criterion).level
    measured = item_disagreement(ratings_of(data, answers, settings), level, MOST)
    place = {str(pk): index for index, pk in enumerate(data.units.pk.tolist())}
    rows = [(row, place[str(row["item"])]) for row in measured.rows]
    return _rows(data, answers, measured, rows, FIRST_ALIKE)


def _unlisted(data: PartData, answers: Answers) -> dict[str, Any]:
    """Answers in words: the items that have most of them, to be read."""
    given = (~np.isnan(answers.values)).sum(axis=0)
    order = np.argsort(-given, kind="stable")[:MOST]
    return {
        "undefined_because": "",
        "pairable": int((given > 1).sum()),
        "explained": "Answers in words stand on the pages of their items.",
        "in_words": True,
        "items": [
            {"disagreement": None, "n_ratings": int(given[at]), **_item(data, answers, int(at))}
            for at in order.tolist()
            if given[at]
        ],
    }


def _listed(
    data: PartData, answers: Answers, found: Estimate, away: NDArray[np.float64], note: str
) -> dict[str, Any]:
    """away: per unit how far its raters are apart, NaN where that is not known."""
    unit = (answers.ballots or answers.passages).unit  # type: ignore[union-attr]
    times = np.bincount(unit, minlength=len(data.units))
    order = np.argsort(-np.nan_to_num(away, nan=-1), kind="stable").tolist()
    rows = [
        ({"disagreement": float(away[at]), "n_ratings": int(times[at])}, at)
        for at in order
        if not np.isnan(away[at])
    ]
    return _rows(data, answers, found, rows[:MOST], note)


def _rows(
    data: PartData,
    answers: Answers,
    found: Estimate,
    rows: Iterable[tuple[Mapping[str, Any], int]],
    note: str,
) -> dict[str, Any]:
    return {
        "undefined_because": found.undefined_because,
        "pairable": found.n_pairable,
        "explained": note,
        "in_words": False,
        "items": [{**row, **_item(data, answers, place)} for row, place in rows]
        if not found.undefined_because
        else [],
    }


def _item(data: PartData, answers: Answers, place: int) -> dict[str, Any]:
    units = data.units
    return {
        "item": int(units.item[place]),
        "stimulus": int(units.stimulus[place]),
        "corpus": str(units.corpus[place]),
        "emotion": str(units.emotion[place]),
        "strategy": str(units.strategy[place]),
        "problem": str(units.problem[place]),
        "flagged": bool(units.flagged[place]),
        **_spread(data, answers, place),
    }


def _spread(data: PartData, answers: Answers, place: int) -> dict[str, Any]:
    """What was answered. A choice counts by model: where it lies would tell which one raters
    prefer."""
    given = answers.values[:, place]
    given = given[~np.isnan(given)]
    if data.compares or not answers.criterion.has_coefficient or not len(given):
        return {}
    if answers.criterion.labels:
        times = Counter(given.astype(int).tolist())
        said = [f"{label}: {times[value]}" for value, label in answers.criterion.labels]
        return {"said": "; ".join(text for text in said if not text.endswith(": 0"))}
    return {
        "low": float(given.min()),
        "high": float(given.max()),
        "median": float(np.median(given)),
    }
