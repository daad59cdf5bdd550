"""Do raters put the responses to one item into the same order?

Kendall (1945), The treatment of ties in ranking problems, Biometrika 33, 239-251. Kendall &
Babington Smith (1939), The problem of m rankings, Annals of Mathematical Statistics 10, 275-287.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.item_means import item_mean
from annotations.statistics.pairwise_agreement import SMALLEST_OVERLAP
from annotations.statistics.ratings import RatingsError
from annotations.statistics.resampling import RESAMPLES, SEED

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
ALONE = "no item was ranked by two raters"
NO_ORDER = "every ranking puts all responses in one place"


@dataclass(frozen=True, eq=False)
class Rankings:
    """A row a ranking."""

    ranks: Array
    """rankings x responses of the item; lower is better, equal ranks tie, NaN: not there."""
    rater: Codes
    item: Codes
    """From 0; the responses of one item stand in one order in all its rankings."""
    clusters: Codes | None
    """Per item, what it is resampled with."""

    def __post_init__(self) -> None:
        if self.ranks.ndim != 2 or not len(self.ranks) == len(self.rater) == len(self.item):
            raise RatingsError("A ranking is one row, with its rater and its item.")
        items = int(self.item.max(initial=-1)) + 1
        if self.clusters is not None and len(self.clusters) < items:
            raise RatingsError("One cluster an item.")

    @property
    def items(self) -> int:
        if self.clusters is not None:
            return len(self.clusters)
        return int(self.item.max(initial=-1)) + 1

    def counts(self) -> dict[str, Any]:
        per_item = np.bincount(self.item, minlength=self.items)
        return {
            "n_items": int((per_item > 0).sum()),
            "n_pairable": int((per_item > 1).sum()),
            "n_raters": len(np.unique(self.rater)),
            "n_ratings": len(self.ranks),
        }


def kendall_tau(
    table: Rankings,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimate:
    """Mean over items of the mean tau-b of two of its rankings, from -1 to 1."""
    tau = item_taus(table)
    words = "mean over items of Kendall's tau-b between two raters"
    return _of_items("kendall_tau", table, tau, words, confidence, resamples, seed)


def kendall_w(
    table: Rankings,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimate:
    """Mean over items of the coefficient of concordance of its rankings, corrected for ties; from
    0 to 1, and 1/m where m rankings have nothing to do with each other."""
    centred = _centred_ranks(table.ranks)
    summed = np.zeros((table.items, centred.shape[1]))
    np.add.at(summed, table.item, centred)
    spread = np.bincount(table.item, weights=(centred**2).sum(axis=1), minlength=table.items)
    times = np.bincount(table.item, minlength=table.items)
    with np.errstate(invalid="ignore", divide="ignore"):
        concordance = (summed**2).sum(axis=1) / (times * spread)
    concordance[(times < 2) | (spread == 0)] = np.nan
    words = "mean over items of Kendall's W, corrected for ties"
    return _of_items("kendall_w", table, concordance, words, confidence, resamples, seed)


def item_taus(table: Rankings) -> Array:
    """Per item the mean tau-b of two of its rankings, NaN where there are none."""
    directions = _directions(table.ranks)
    length = np.sqrt((directions**2).sum(axis=1))
    ordered = length > 0
    units = directions[ordered] / length[ordered][:, None]
    item = table.item[ordered]
    summed = np.zeros((table.items, directions.shape[1]))
    np.add.at(summed, item, units)
    times = np.bincount(item, minlength=table.items).astype(np.float64)
    pairs = times * (times - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Array = np.where(pairs > 0, ((summed**2).sum(axis=1) - times) / pairs, np.nan)
    return np.clip(tau, -1, 1)  # rounding puts nobody beyond


def pairwise_tau(table: Rankings, raters: Sequence[str]) -> Estimate:
    """Mean over pairs of raters; rows: one a pair with an item in common, with rater_one,
    rater_two, n_items and tau, the mean over them, None below 10 items."""
    directions = _directions(table.ranks)
    length = np.sqrt((directions**2).sum(axis=1))
    ordered = length > 0
    rows, width = np.flatnonzero(ordered), directions.shape[1]
    columns = table.item[rows][:, None] * width + np.arange(width)
    own = np.repeat(table.rater[rows], width)
    shape = (len(raters), table.items * width)
    values = (directions[rows] / length[rows][:, None]).ravel()
    units = csr_array((values, (own, columns.ravel())), shape=shape)
    there = csr_array(
        (np.ones(len(rows)), (table.rater[rows], table.item[rows])),
        shape=(len(raters), table.items),
    )
    total, common = (units @ units.T).toarray(), (there @ there.T).toarray()
    pairs: list[dict[str, Any]] = [
        {
            "rater_one": raters[one],
            "rater_two": raters[two],
            "n_items": int(common[one, two]),
            "tau": float(np.clip(total[one, two] / common[one, two], -1, 1))
            if common[one, two] >= SMALLEST_OVERLAP
            else None,
        }
        for one, two in combinations(range(len(raters)), 2)
        if common[one, two]
    ]
    known = [pair["tau"] for pair in pairs if pair["tau"] is not None]
    if not known:
        because = f"no two raters ranked {SMALLEST_OVERLAP} items in common" if pairs else ALONE
        return undefined("pairwise_tau", because, rows=tuple(pairs), **table.counts())
    return Estimate(
        name="pairwise_tau",
        value=float(np.mean(known)),
        no_interval_because="the pairs share raters and items; kendall_tau has an interval",
        method=f"mean of Kendall's tau-b over {len(known)} pairs of raters",
        rows=tuple(pairs),
        **table.counts(),
    )


def tau_of_two(one: Array, two: Array) -> Array:
    """Per row tau-b of two rankings (rows x responses), NaN where one of them ties everything."""
    first, second = _directions(one), _directions(two)
    length = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Array = np.where(length > 0, (first * second).sum(axis=1) / length, np.nan)
    return tau


def _of_items(
    name: str,
    table: Rankings,
    values: Array,
    words: str,
    confidence: float,
    resamples: int,
    seed: int,
) -> Estimate:
    counts = table.counts()
    if not counts["n_pairable"]:
        return undefined(name, ALONE, **counts)
    if not np.isfinite(values).any():
        return undefined(name, NO_ORDER, **counts)
    return item_mean(
        name,
        values,
        table.clusters,
        words=words,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        **counts,
    )


def _directions(ranks: Array) -> Array:
    """rankings x pairs of responses: -1 where the first stands before the second, 0 a tie or not
    there."""
    one, two = np.triu_indices(ranks.shape[1], 1)
    found: Array = np.nan_to_num(np.sign(ranks[:, one] - ranks[:, two]))
    return found


def _centred_ranks(ranks: Array) -> Array:
    """Mid-ranks less their mean; 0 where there is no response."""
    before: Array = np.nan_to_num(np.sign(ranks[:, :, None] - ranks[:, None, :]))
    centred: Array = before.sum(axis=2) / 2
    return centred
