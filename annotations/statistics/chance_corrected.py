"""Chance-corrected agreement of any number of raters, ratings missing or not.

Every coefficient is (observed - chance) / (1 - chance) with the same observed agreement: the mean
over the items with two or more ratings of the weighted share of agreeing pairs. They differ in what
they call chance. Each is linearised into one term an item; the variance of the terms gives the
standard error, and where items come in clusters the terms are first summed within each.

Gwet (2014), Handbook of Inter-Rater Reliability, 4th edition, chapters 2, 3 and 5; Gwet (2008),
Computing inter-rater reliability and its variance in the presence of high agreement, British
Journal of Mathematical and Statistical Psychology 61, 29-48. Conditional on the raters: the
standard error is for new items judged by these same people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from annotations.statistics.codes import category_codes
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import Ratings
from annotations.statistics.weights import Weighting, agreement_weights, within

MOST_CATEGORIES = 256
"""More different values than this are a measurement, not categories."""
EVERY_RATING_THE_SAME = "every rating is the same, so chance alone would agree as well"
ONE_CATEGORY_USED = (
    "every rating is the same: agreement is complete, but nothing shows that the raters can tell "
    "one item from another"
)
NO_SPREAD = "agree equally well, so their spread says nothing about the next one"


@dataclass(frozen=True)
class Tally:
    """A table counted once. Items that nobody rated are left out."""

    codes: NDArray[np.int64]
    """raters x items, the index of the category; -1 where there is no rating."""
    counts: NDArray[np.float64]
    """items x categories: how many raters chose each."""
    weights: NDArray[np.float64]
    clusters: NDArray[np.int64] | None

    @property
    def ratings_of_item(self) -> NDArray[np.float64]:
        total: NDArray[np.float64] = self.counts.sum(axis=1)
        return total

    @property
    def shares(self) -> NDArray[np.float64]:
        """items x categories: of the item's ratings."""
        return self.counts / self.ratings_of_item[:, None]


@dataclass(frozen=True)
class Chance:
    agreement: float
    """Share of agreement that chance alone would give, 0 to 1."""
    gradient: NDArray[np.float64]
    """Per item, the linearised change in that share, mean 0."""


@dataclass(frozen=True)
class Linearised:
    value: float
    terms: NDArray[np.float64]
    """Per item, mean 0: their spread is the sampling variance of the value."""

    def standard_error(self, clusters: NDArray[np.int64] | None) -> float:
        """Needs two items, or two clusters where they are given."""
        sums = self.terms if clusters is None else np.bincount(clusters, self.terms)
        units = sums.size
        variance = units / (units - 1) * float((sums**2).sum()) / self.terms.size**2
        return float(variance**0.5)


def gwet_ac1(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Chance is what raters would agree on where they cannot tell: steady under skewed answers."""
    return _estimate("gwet_ac1", table, "unweighted", chance_of_gwet, "Gwet's AC1", confidence)


def gwet_ac2_quadratic(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """AC1 with quadratic weights over the declared scale."""
    return _estimate(
        "gwet_ac2_quadratic", table, "quadratic", chance_of_gwet, "Gwet's AC2", confidence
    )


def brennan_prediger(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Chance is an even use of the declared scale.

    Brennan & Prediger (1981), Coefficient kappa: some uses, misuses, and alternatives, Educational
    and Psychological Measurement 41, 687-699.
    """
    return _estimate(
        "brennan_prediger",
        table,
        "unweighted",
        chance_of_brennan_prediger,
        "Brennan and Prediger's kappa",
        confidence,
    )


def fleiss(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Chance is every rater drawing from the answers of all; of complete data, Fleiss (1971).

    Fleiss (1971), Measuring nominal scale agreement among many raters, Psychological Bulletin 76,
    378-382.
    """
    return _estimate(
        "fleiss", table, "unweighted", chance_of_fleiss, "Fleiss' generalised kappa", confidence
    )


def conger(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Chance is every rater drawing from their own answers; of two raters, Cohen's kappa.

    Conger (1980), Integration and generalization of kappas for multiple raters, Psychological
    Bulletin 88, 322-328. A rater's answers are those to the items that rater saw.
    """
    return _estimate("conger", table, "unweighted", chance_of_conger, "Conger's kappa", confidence)


def percent_exact(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Mean over items of the share of rater pairs who gave the same answer, 0 to 1."""
    return _percent("percent_exact", table, 0.0, "the same answer", confidence)


def percent_within_1(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Mean over items of the share of rater pairs at most 1 apart in units of the scale, 0 to 1."""
    return _percent("percent_within_1", table, 1.0, "answers at most one point apart", confidence)


def tally(table: Ratings, weights: NDArray[np.float64]) -> Tally:
    """weights: q x q over table.categories."""
    codes = category_codes(table.values, table.categories)
    rated = (codes >= 0).any(axis=0)
    codes = codes[:, rated]
    clusters = None
    if table.clusters is not None:
        clusters = np.unique(table.clusters[rated], return_inverse=True)[1].astype(np.int64)
    return Tally(codes, _item_counts(codes, len(weights)), weights, clusters)


def linearised(data: Tally, chance: Chance) -> Linearised:
    """The coefficient, with one term an item. Needs a pairable item and chance below 1."""
    observed, pairable = _observed(data)
    scale = data.counts.shape[0] / pairable.sum()
    beyond = 1 - chance.agreement
    value = float((observed[pairable].mean() - chance.agreement) / beyond)
    terms = scale * pairable * (observed - chance.agreement) / beyond
    terms = terms - (1 - value) * chance.gradient / beyond - value
    return Linearised(value, terms)


def chance_of_nothing(data: Tally) -> Chance:
    """What percent agreement takes off for chance."""
    return Chance(0.0, np.zeros(data.counts.shape[0]))


def chance_of_gwet(data: Tally) -> Chance:
    categories = len(data.weights)
    shares = data.shares
    use = shares.mean(axis=0)
    factor = float(data.weights.sum()) / (categories * (categories - 1))
    agreement = factor * float((use * (1 - use)).sum())
    return Chance(agreement, 2 * (factor * (shares @ (1 - use)) - agreement))


def chance_of_brennan_prediger(data: Tally) -> Chance:
    agreement = float(data.weights.mean())
    return Chance(agreement, np.zeros(data.counts.shape[0]))


def chance_of_fleiss(data: Tally) -> Chance:
    shares = data.shares
    use = shares.mean(axis=0)
    agreement = float(use @ data.weights @ use)
    return Chance(agreement, 2 * (shares @ (data.weights @ use) - agreement))


def chance_of_conger(data: Tally) -> Chance:
    given = data.codes >= 0
    present = given.any(axis=1)
    codes, given = data.codes[present], given[present]
    raters, items = codes.shape
    categories = len(data.weights)
    cells = codes + categories * np.arange(raters)[:, None]
    counts = np.bincount(cells[given], minlength=raters * categories)
    rated = given.sum(axis=1)
    use = counts.reshape(raters, categories) / rated[:, None]
    others = (use.sum(axis=0) - use) @ data.weights / (raters * (raters - 1))
    agreement = float((use * others).sum())
    # What one rating of each category adds to its rater's share of the chance agreement.
    change = (others - (use * others).sum(axis=1, keepdims=True)) * (items / rated)[:, None]
    by_cell = np.append(change.ravel(), 0.0)
    gradient = by_cell[np.where(given, cells, -1)].sum(axis=0)
    return Chance(agreement, 2 * gradient)


def _item_counts(codes: NDArray[np.int64], categories: int) -> NDArray[np.float64]:
    items = codes.shape[1]
    cells = codes + 1 + (categories + 1) * np.arange(items)
    counts = np.bincount(cells.ravel(), minlength=items * (categories + 1))
    return counts.reshape(items, categories + 1)[:, 1:].astype(np.float64)


def _observed(data: Tally) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Per item the weighted share of agreeing pairs, and whether it has a pair at all."""
    ratings = data.ratings_of_item
    pairs = ratings * (ratings - 1)
    agreeing = (data.counts * (data.counts @ data.weights - 1)).sum(axis=1)
    return agreeing / np.maximum(pairs, 1), ratings >= 2


def _estimate(
    name: str,
    table: Ratings,
    weighting: Weighting,
    chance: Callable[[Tally], Chance],
    words: str,
    confidence: float,
) -> Estimate:
    reason = why_no_agreement(table)
    if reason:
        return undefined(name, reason, **table.counts())
    if table.categories.size < 2:
        return undefined(name, EVERY_RATING_THE_SAME, **table.counts())
    data = tally(table, agreement_weights(weighting, table.categories))
    expected = chance(data)
    if 1 - expected.agreement < 1e-12:
        return undefined(name, EVERY_RATING_THE_SAME, **table.counts())
    method = words if weighting == "unweighted" else f"{words} with {weighting} weights"
    return _with_interval(name, table, data, linearised(data, expected), method, confidence)


def _percent(name: str, table: Ratings, distance: float, words: str, confidence: float) -> Estimate:
    reason = why_no_agreement(table)
    if reason:
        return undefined(name, reason, **table.counts())
    data = tally(table, within(distance, table.categories))
    result = linearised(data, chance_of_nothing(data))
    method = f"mean over items of the share of rater pairs who gave {words}"
    return _with_interval(name, table, data, result, method, confidence, lowest=0.0)


def why_no_agreement(table: Ratings) -> str:
    if not (table.given.sum(axis=0) > 1).any():
        return "no item has ratings from two raters"
    if table.scale is not None and table.scale.step == 0:
        return "the scale is continuous, so there are no categories to agree on"
    if table.categories.size > MOST_CATEGORIES:
        return (
            f"{table.categories.size} different values are a measurement and not categories to "
            "agree on"
        )
    return ""


def _with_interval(
    name: str,
    table: Ratings,
    data: Tally,
    result: Linearised,
    method: str,
    confidence: float,
    lowest: float = -np.inf,
) -> Estimate:
    clusters = data.clusters
    units = result.terms.size if clusters is None else int(clusters.max()) + 1
    kind = "items" if clusters is None else "clusters of items"
    known: dict[str, Any] = {
        "name": name,
        "value": result.value,
        "confidence": confidence,
        "n_clusters": None if clusters is None else units,
        "method": method,
        "notes": (ONE_CATEGORY_USED,) if (data.counts > 0).any(axis=0).sum() == 1 else (),
        **table.counts(),
    }
    if units < 2:
        return Estimate(**known, no_interval_because=f"there is only one of the {kind}")
    error = result.standard_error(clusters)
    if error < 1e-12:
        return Estimate(**known, no_interval_because=f"all {kind} {NO_SPREAD}")
    half = float(stdtrit(units - 1, (1 + confidence) / 2)) * error
    known["method"] += (
        f"; Gwet's linearised standard error over {kind}, t interval with {units - 1} degrees of "
        "freedom"
    )
    return Estimate(
        **known,
        standard_error=error,
        low=float(max(result.value - half, lowest)),
        high=float(min(result.value + half, 1.0)),
    )
