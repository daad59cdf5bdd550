"""One Cohen's kappa over the answers to many questions, whose scales may differ.

Answers on one scale share a table, as if they were more items of one question. Of several tables
the observed and the expected agreement are averaged, each answer with the same weight, before
kappa is taken: De Vries, Elliott, Kanouse & Teleki (2008), Using pooled kappa to summarize
interrater agreement across many items, Field Methods 20, 272-282. Of one table it is Cohen's kappa.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from annotations.statistics.chance_corrected import (
    EVERY_RATING_THE_SAME,
    NO_SPREAD,
    chance_of_conger,
    tally,
)
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import Ratings, Scale
from annotations.statistics.weights import Weighting, agreement_weights

NAME = "pooled_kappa"


@dataclass(frozen=True, eq=False)
class Answers:
    """Pairs of answers on one scale, of whole numbers from `low` to `high`."""

    one: NDArray[np.float64]
    other: NDArray[np.float64]
    items: NDArray[np.int64]
    """Which item each pair is about; the same number means the same item in every table."""
    low: int
    high: int
    weighting: Weighting


@dataclass(frozen=True, eq=False)
class Terms:
    observed: NDArray[np.float64]
    """Per pair, how much the two answers agree, 0 to 1."""
    expected: float
    gradient: NDArray[np.float64]
    """Per pair, the linearised change in what is expected, mean 0."""


def pooled_kappa(tables: Sequence[Answers], *, confidence: float = CONFIDENCE) -> Estimate:
    """Interval: large-sample, linearised, with the answers to one item resampled together."""
    tables = [table for table in tables if table.one.size]
    pairs = sum(table.one.size for table in tables)
    if not pairs:
        return undefined(NAME, "no question has both answers")
    items = np.concatenate([table.items for table in tables])
    counts: dict[str, Any] = {
        "n_items": pairs,
        "n_pairable": pairs,
        "n_raters": 2,
        "n_ratings": 2 * pairs,
    }
    terms = [terms_of(table) for table in tables]
    observed = np.concatenate([term.observed for term in terms])
    expected = np.concatenate([np.full(t.observed.size, t.expected) for t in terms])
    agreement, chance = float(observed.mean()), float(expected.mean())
    if 1 - chance < 1e-12:
        return undefined(NAME, EVERY_RATING_THE_SAME, **counts)
    value = (agreement - chance) / (1 - chance)
    gradient = np.concatenate([term.gradient for term in terms]) + expected - chance
    change = (observed - agreement - (1 - value) * gradient) / (1 - chance)
    number, places = np.unique(items, return_inverse=True)
    error = float((np.bincount(places, change) ** 2).sum() ** 0.5) / pairs
    method = (
        f"Cohen's kappa over {pairs} answers to {number.size} items; large-sample standard error "
        "over items, normal interval"
    )
    if number.size < 2 or error < 1e-12:
        why = "there is only one item" if number.size < 2 else f"all items {NO_SPREAD}"
        return Estimate(
            name=NAME,
            value=value,
            no_interval_because=why,
            n_clusters=number.size,
            method=method,
            **counts,
        )
    half = float(ndtri((1 + confidence) / 2)) * error
    return Estimate(
        name=NAME,
        value=value,
        standard_error=error,
        low=max(value - half, -1.0),
        high=min(value + half, 1.0),
        confidence=confidence,
        n_clusters=number.size,
        method=method,
        **counts,
    )


def terms_of(table: Answers) -> Terms:
    pair = Ratings(
        values=np.stack([table.one, table.other]),
        scale=Scale(table.low, table.high),
        raters=("one", "other"),
        items=tuple(map(str, range(table.one.size))),
        clusters=None,
    )
    data = tally(pair, agreement_weights(table.weighting, pair.categories))
    chance = chance_of_conger(data)
    observed = data.weights[data.codes[0], data.codes[1]]
    return Terms(observed, chance.agreement, chance.gradient)
