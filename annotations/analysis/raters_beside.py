"""What raters answered outside the figures, repeats and the panel's items, and what is missing by
reason. Nothing here tells which model is preferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.families import family_of
from annotations.analysis.settings import AnalysisSettings, coded, coded_scale
from annotations.models import StudyPart
from annotations.selectors.panel_agreement import PanelAgreement
from annotations.selectors.study_arrays import (
    MISSING,
    MISSING_LABELS,
    Answers,
    Ballots,
    PartData,
)
from annotations.selectors.study_beside import Beside
from annotations.statistics.pooled_kappa import Answers as Pairs
from annotations.statistics.pooled_kappa import pooled_kappa
from annotations.statistics.rank_agreement import tau_of_two

CONSISTENCY = (
    *("Rater", "Items again", "Answers compared", "The same", "Kappa", "Interval"),
    "Mean difference",
)
CONSISTENCY_NOTE = (
    "Items that a rater answered a second time, unannounced, against the first answer. Kappa is "
    "Cohen's, pooled over questions, with quadratic weights where answers have an order. Second "
    "answers enter no other figure."
)
PANEL = ("Rater", "Answers compared", "Equal to the panel's", "Kappa", "Interval", "Can't rate")
PANEL_NOTE = (
    "Items of the reference panel that came unannounced among the others. The panel's answers are "
    "a reference and not the truth; these answers enter no other figure."
)
DASH = "\u2013"
TAU = "Mean tau"


def beside_results(data: PartData, settings: AnalysisSettings) -> dict[str, Any]:
    beside: Beside | None = data.beside
    return {
        "consistency": consistency(data, settings),
        "panel": _panel(beside.panel) if beside and beside.panel else None,
        "missing": missing_by_rater(data),
    }


@dataclass
class Again:
    """What one rater said to the same questions of the same items, twice."""

    items: set[int] = field(default_factory=set)
    compared: int = 0
    same: int = 0
    tables: list[Pairs] = field(default_factory=list)
    taus: list[float] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    """Differences of scores."""


def consistency(data: PartData, settings: AnalysisSettings) -> dict[str, Any] | None:
    """None where nothing was answered again."""
    if data.repeats is None:
        return None
    found = {rater: _again(data, data.repeats, place) for place, rater in enumerate(data.raters)}
    found = {rater: again for rater, again in found.items() if again.compared}
    if not found:
        return None
    ranked = data.part.design == StudyPart.Design.RANKING
    same, compared = (sum(getattr(a, n) for a in found.values()) for n in ("same", "compared"))
    return {
        "columns": [TAU if ranked and name == "Kappa" else name for name in CONSISTENCY],
        "rows": [[rater, *_cells(again, settings)] for rater, again in found.items()],
        "note": CONSISTENCY_NOTE,
        "sentence": (
            f"{words.counted(len(found), 'rater')} answered items a second time: {same:,} of "
            f"{words.counted(compared, 'answer')} were the same."
        ),
    }


def _again(data: PartData, repeats: PartData, place: int) -> Again:
    again = Again()
    for first, second in zip(data.answers, repeats.answers, strict=True):
        if not first.criterion.has_coefficient:
            continue
        both = np.flatnonzero(~np.isnan(first.values[place]) & ~np.isnan(second.values[place]))
        one, two = first.values[place, both], second.values[place, both]
        again.items |= set(data.units.item[both].tolist())
        again.compared += len(both)
        if first.ballots is not None and second.ballots is not None:
            _compare_orders(again, first.ballots, second.ballots, place, both)
            continue
        again.same += int((one == two).sum())
        again.tables.append(_pairs(first, one, two, both))
        if first.criterion.is_scored:
            again.away += np.abs(one - two).tolist()
    return again


def _compare_orders(
    again: Again, first: Ballots, second: Ballots, place: int, units: NDArray[np.intp]
) -> None:
    if not len(units):
        return
    own = [_ranks_of(ballots, place) for ballots in (first, second)]
    one, two = (np.stack([ranks[unit] for unit in units.tolist()]) for ranks in own)
    again.same += int((np.nan_to_num(one) == np.nan_to_num(two)).all(axis=1).sum())
    tau = tau_of_two(one, two)
    again.taus += tau[~np.isnan(tau)].tolist()


def _ranks_of(ballots: Ballots, place: int) -> dict[int, NDArray[np.float64]]:
    own = np.flatnonzero(ballots.rater == place)
    return dict(zip(ballots.unit[own].tolist(), ballots.ranks[own], strict=True))


def _pairs(
    answers: Answers,
    one: NDArray[np.float64],
    two: NDArray[np.float64],
    units: NDArray[np.intp],
) -> Pairs:
    low, high = coded_scale(answers.criterion)
    return Pairs(
        coded(answers.criterion, one),
        coded(answers.criterion, two),
        units.astype(np.int64),
        int(low),
        int(high),
        "quadratic" if family_of(answers.criterion).ordered else "unweighted",
    )


def _cells(again: Again, settings: AnalysisSettings) -> list[str]:
    return [
        f"{len(again.items):,}",
        f"{again.compared:,}",
        f"{100 * again.same / again.compared:.0f} %",
        *_steadiness(again, settings),
        words.number(float(np.mean(again.away))) if again.away else DASH,
    ]


def _steadiness(again: Again, settings: AnalysisSettings) -> tuple[str, str]:
    """Kappa and its interval; of rankings the mean tau."""
    if again.taus:
        return words.number(float(np.mean(again.taus))), DASH
    kappa = pooled_kappa(again.tables, confidence=settings.confidence)
    if kappa.value is None:
        return _undefined(kappa.undefined_because), DASH
    ends = DASH if kappa.low is None else words.interval_words(kappa.low, kappa.high)
    return words.number(kappa.value), ends


def _undefined(because: str) -> str:
    return f"undefined because {because.removeprefix('because ')}"


def _panel(found: Mapping[str, PanelAgreement]) -> dict[str, Any]:
    rows = [
        [
            rater,
            f"{own.n:,}",
            DASH if own.agreement is None else f"{100 * own.agreement:.0f} %",
            words.number(own.kappa) if own.kappa is not None else _undefined(own.because),
            DASH if own.low is None else words.interval_words(own.low, own.high),
            f"{own.cannot:,}",
        ]
        for rater, own in found.items()
    ]
    return {"columns": list(PANEL), "rows": rows, "note": PANEL_NOTE}


def missing_by_rater(data: PartData) -> dict[str, Any]:
    """Per rater how often each reason occurs, over all questions; reasons that never do are left
    out."""
    counts = np.zeros((len(data.raters), 2 + len(MISSING)), dtype=np.int64)
    for answers in data.answers:
        for place, status in enumerate(answers.status):
            counts[place] += np.bincount(status, minlength=counts.shape[1])
    kinds = [(place, kind) for place, kind in enumerate(MISSING, start=2) if counts[:, place].any()]
    return {
        "columns": ["Rater", "Answers", *(MISSING_LABELS[kind] for _, kind in kinds)],
        "codes": [kind for _, kind in kinds],
        "rows": [
            [rater, int(counts[row, 1]), *(int(counts[row, place]) for place, _ in kinds)]
            for row, rater in enumerate(data.raters)
        ],
    }
