"""Wins, ties and losses of two models, and what they depend on.

A win rate counts a tie as half a win, over all answers; wins, ties and losses stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotations.statistics.clustered import (
    Groups,
    Variance,
    clustered_variance,
    deviation_of_group,
    encoded,
    share_interval,
    share_p,
)
from annotations.statistics.comparisons import Comparisons, ComparisonsError
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.multiplicity import holm

Population = Literal["stimuli and raters", "stimuli"]
FEW_RATERS = 5
TIES_HALF = "Share of answers won by the first model, a tie counting as half"
NO_CLUSTERS = "there is only one stimulus or only one rater, so nothing says how much others differ"
ONLY_TIES = "every answer was a tie"


def win_rate(
    data: Comparisons,
    one: str,
    two: str,
    *,
    confidence: float = CONFIDENCE,
    population: Population = "stimuli and raters",
) -> Estimate:
    """`one` against `two`: value = win rate; rows = win, tie and loss, each with its interval.

    The interval is for new answers of the population named. Raises ComparisonsError for a model
    that the data does not name.
    """
    between, signs = _pair(data, one, two)
    counts = between.counts()
    if not len(between):
        return undefined("win_rate", f"nobody compared {one} with {two}", **counts)
    groups, how, notes = _groups(between, population)
    shares = {"win": signs > 0, "tie": signs == 0, "loss": signs < 0}
    rows = tuple(
        {"outcome": word, "n": int(hit.sum())} | _ends(hit.astype(float), groups, confidence)
        for word, hit in shares.items()
    )
    score = (signs + 1) / 2
    known = _share(score, groups, confidence)
    return Estimate(
        name="win_rate",
        value=known["share"],
        low=known["low"],
        high=known["high"],
        no_interval_because=_why_none(known, signs),
        confidence=confidence,
        method=f"{TIES_HALF}; {how}",
        rows=rows,
        notes=notes,
        **counts,
    )


def win_rates(
    data: Comparisons,
    *,
    confidence: float = CONFIDENCE,
    population: Population = "stimuli and raters",
) -> dict[tuple[str, str], Estimate]:
    """Of every pair of models, in their order."""
    return {
        (one, two): win_rate(data, one, two, confidence=confidence, population=population)
        for one, two in combinations(data.models, 2)
    }


def win_rate_by(
    data: Comparisons,
    labels: ArrayLike,
    one: str,
    two: str,
    *,
    confidence: float = CONFIDENCE,
    population: Population = "stimuli and raters",
) -> Estimate:
    """Win rate in all, and in each group of comparisons that share a label.

    labels: one a comparison of `data`. rows: label, n, win, tie, loss, share, low, high; deviation
    = the group's rate minus that of all others, with p and p_holm over the groups.
    """
    given = np.asarray(labels)
    if given.shape != (len(data),):
        raise ComparisonsError(f"One label per comparison: {len(data)}, not {given.size}.")
    between, signs = _pair(data, one, two)
    counts = between.counts()
    if not len(between):
        return undefined("win_rate_by", f"nobody compared {one} with {two}", **counts)
    kept = given[_between(data, one, two)]
    groups, how, notes = _groups(between, population)
    rows = [
        _group_row(label, kept == label, signs, groups, confidence) for label in np.unique(kept)
    ]
    adjusted = holm([row["p"] for row in rows])
    for row, p in zip(rows, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p) else float(p)
    known = _share((signs + 1) / 2, groups, confidence)
    return Estimate(
        name="win_rate_by",
        value=known["share"],
        low=known["low"],
        high=known["high"],
        no_interval_because=_why_none(known, signs),
        confidence=confidence,
        method=f"{TIES_HALF}; {how}; each group against all others, Holm over {len(rows)} groups",
        rows=tuple(rows),
        notes=notes,
        **counts,
    )


def position_effect(
    data: Comparisons,
    *,
    confidence: float = CONFIDENCE,
    population: Population = "stimuli and raters",
) -> Estimate:
    """Share of decided answers for the response on side A; 50 % where the side does not matter.

    rows: one, with n, n_for_a and the two-sided p against 50 %.
    """
    decided = data.where(data.outcome != 0)
    counts = decided.counts()
    if decided.first_shown is None:
        return undefined("position_effect", "it is not known which side was shown", **counts)
    if not len(decided):
        return undefined("position_effect", "no answer preferred a side", **counts)
    for_a = ((decided.outcome < 0) == decided.first_shown).astype(float)
    groups, how, notes = _groups(decided, population)
    known = _share(for_a, groups, confidence)
    p = known.pop("p")
    return Estimate(
        name="position_effect",
        value=known["share"],
        low=known["low"],
        high=known["high"],
        no_interval_because="" if known["low"] is not None else NO_CLUSTERS,
        confidence=confidence,
        method=f"Share of decided answers for side A; {how}",
        rows=({"side": "A", "n": len(decided), "n_for_a": int(for_a.sum()), "p": p},),
        notes=notes,
        **counts,
    )


def _between(data: Comparisons, one: str, two: str) -> NDArray[np.bool_]:
    for name in (one, two):
        if name not in data.models:
            raise ComparisonsError(f"There is no model {name}.")
    if one == two:
        raise ComparisonsError(f"{one} cannot be compared with itself.")
    a, b = data.models.index(one), data.models.index(two)
    kept: NDArray[np.bool_] = ((data.first == a) & (data.second == b)) | (
        (data.first == b) & (data.second == a)
    )
    return kept


def _pair(data: Comparisons, one: str, two: str) -> tuple[Comparisons, NDArray[np.int64]]:
    """Their comparisons, and 1 where `one` won, 0, or -1."""
    between = data.where(_between(data, one, two))
    turned = np.where(between.first == data.models.index(one), -1, 1)
    return between, between.outcome * turned


def _groups(data: Comparisons, population: Population) -> tuple[Groups, str, tuple[str, ...]]:
    """What answers share, how that is worded, and what a reader has to know."""
    stimuli = data.stimuli if data.stimuli is not None else data.ballots
    raters = data.raters
    named = {"stimulus": stimuli, "rater": raters if population != "stimuli" else None}
    known = {word: encoded(part)[1] for word, part in named.items() if part is not None}
    repeated = any(len(np.unique(part)) < len(part) for part in known.values())
    notes: list[str] = []
    if raters is None or stimuli is None:
        missing = "raters" if raters is None else "stimuli"
        if raters is None and stimuli is None:
            missing = "stimuli and raters"
        notes.append(
            f"The {missing} of the answers are not known and taken as different each time."
        )
    if not repeated:
        return (), f"Wilson interval, each answer independent; to new {population}", tuple(notes)
    if "rater" in known and len(np.unique(known["rater"])) == 1:
        del known["rater"]
        notes.append("One rater only: the interval is for new stimuli and this rater.")
        population = "stimuli"
    elif "rater" in known and len(np.unique(known["rater"])) < FEW_RATERS:
        notes.append(f"Fewer than {FEW_RATERS} raters: an interval for new raters is wide.")
    how = (
        f"Wilson interval on the effective number of answers, clustered by {' and '.join(known)} "
        f"(Cameron, Gelbach & Miller, 2011); to new {population}"
    )
    return tuple(known.values()), how, tuple(notes)


def _share(score: NDArray[np.float64], groups: Groups, confidence: float) -> dict[str, Any]:
    share = float(score.mean())
    variance = clustered_variance((score - share) / len(score), groups)
    if variance is None and not groups:  # a single answer
        variance = Variance(share * (1 - share), np.inf, 1)
    ends = None if variance is None else share_interval(share, variance, confidence)
    return {
        "share": share,
        "low": None if ends is None else ends[0],
        "high": None if ends is None else ends[1],
        "p": None if variance is None else share_p(share, variance),
    }


def _ends(score: NDArray[np.float64], groups: Groups, confidence: float) -> dict[str, Any]:
    known = _share(score, groups, confidence)
    return {key: known[key] for key in ("share", "low", "high")}


def _why_none(known: Mapping[str, Any], signs: NDArray[np.int64]) -> str:
    if known["low"] is not None:
        return ""
    return NO_CLUSTERS if signs.any() else ONLY_TIES


def _group_row(
    label: Any,
    inside: NDArray[np.bool_],
    signs: NDArray[np.int64],
    groups: Groups,
    confidence: float,
) -> dict[str, Any]:
    own = signs[inside]
    known = _share((own + 1) / 2, [encoded(group[inside])[1] for group in groups], confidence)
    deviation, p = deviation_of_group((signs + 1) / 2, inside, groups)
    return {
        "label": label.item() if hasattr(label, "item") else label,
        "n": len(own),
        "win": float((own > 0).mean()),
        "tie": float((own == 0).mean()),
        "loss": float((own < 0).mean()),
        "share": known["share"],
        "low": known["low"],
        "high": known["high"],
        "deviation": deviation,
        "p": p,
    }
