"""Rankings of several responses: Plackett-Luce, or the pairs that a ranking implies.

A ranking is a row of choices: the best of those shown, then the best of the rest, and so on, each
with probability e^theta / sum of e^theta over those still to choose from. A best-of-n is the first
choice alone. Plackett (1975), The analysis of permutations; Luce (1959), Individual choice
behavior; the maximum exists where every model was, directly or through others, once chosen before
and once after every other (Hunter, 2004, MM algorithms for generalized Bradley-Terry models).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from annotations.statistics.comparisons import (
    Comparisons,
    ComparisonsError,
    Ids,
    comparisons,
    ids,
)
from annotations.statistics.connected import strongly_connected, why_not_connected
from annotations.statistics.estimate import CONFIDENCE, undefined
from annotations.statistics.newton import maximise
from annotations.statistics.ranking import Ranking, Resampling, bootstrap, ranking
from annotations.statistics.resampling import RESAMPLES, SEED

Array = NDArray[np.float64]
NAME = "plackett_luce"


@dataclass(frozen=True, eq=False)
class Choices:
    """Every different set that was chosen from, and how often each of its members was chosen."""

    members: NDArray[np.bool_]
    """sets x models."""
    per_cluster: csr_array
    """sets * models rows, a column a cluster: times chosen."""

    def counts(self, weights: Array) -> Array:
        """weights: B x clusters. Returns B x sets x models."""
        summed = np.asarray(self.per_cluster @ weights.T)
        return np.ascontiguousarray(summed.T).reshape(len(weights), *self.members.shape)

    def links(self, counts: Array) -> NDArray[np.bool_]:
        """B x models x models: whether the row's model was chosen where the column's could be."""
        together = counts.transpose(0, 2, 1) @ self.members.astype(np.float64)
        chosen: NDArray[np.bool_] = together > 0
        diagonal = np.arange(self.members.shape[1])
        chosen[:, diagonal, diagonal] = False
        return chosen


def plackett_luce(
    rankings: Sequence[Sequence[int]],
    *,
    models: Sequence[str],
    shown: Sequence[Sequence[int]] | None = None,
    clusters: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Ranking:
    """rankings: a ballot each, best first, as indices into `models`; without ties.

    shown: what each ballot could choose from, where that is more than what it ranks: a best-of-n
    ranks one of n. clusters: one a ballot, if ballots are not resampled singly (stimuli, say).
    Raises ComparisonsError.
    """
    sets = _shown(rankings, shown, models)
    groups = ids(clusters, "cluster", len(rankings))
    by = "cluster" if groups is not None else "ballot"
    groups = np.arange(len(rankings), dtype=np.int64) if groups is None else groups
    table = choices(rankings, sets, groups, len(models))
    plan = Resampling(
        clusters=int(groups.max(initial=-1)) + 1,
        by=by,
        resamples=resamples,
        seed=seed,
        threads=threads,
        confidence=confidence,
    )
    total = table.counts(np.ones((1, plan.clusters)))
    counts = {"n_items": len(rankings), "n_ratings": int(total.sum())}
    because = "there are fewer than two models"
    if len(models) > 1:
        because = why_not_connected(table.links(total)[0], models)
    if because:
        return Ranking(undefined(NAME, because, n_clusters=plan.clusters, **counts))
    theta, _ = fit_choices(table, total, np.zeros((1, len(models))))
    return ranking(
        NAME,
        models,
        theta[0],
        bootstrap(lambda weights: _refit(table, weights, theta[0]), plan),
        plan,
        probabilities=lambda gap: (expit(gap), np.zeros_like(gap)),
        method=(
            "Plackett-Luce model (1975), maximum likelihood; percentile intervals of abilities, "
            f"ranks and gaps from a bootstrap of {by}s (to new {by}s); gaps with Holm's "
            "correction over all pairs"
        ),
        counts=counts,
    )


def pairs_of_rankings(
    rankings: Sequence[Sequence[int]],
    *,
    models: Sequence[str],
    shown: Sequence[Sequence[int]] | None = None,
    stimuli: ArrayLike | None = None,
    raters: ArrayLike | None = None,
) -> Comparisons:
    """Every pair that a ballot decides, with the ballot's number; stimuli, raters: one a ballot.

    Those shown but not ranked lose against those ranked and say nothing of each other. The pairs of
    a ballot depend on each other: resample them by ballot, or by what ballots lie in.
    """
    sets = _shown(rankings, shown, models)
    pairs = [
        (better, worse, ballot)
        for ballot, (ranked, whole) in enumerate(zip(rankings, sets, strict=True))
        for better, worse in [
            *combinations(ranked, 2),
            *product(ranked, sorted(set(whole) - set(ranked))),
        ]
    ]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return comparisons(
        table[:, 0],
        table[:, 1],
        np.full(len(table), -1),
        models=models,
        stimuli=_of_ballots(stimuli, "stimulus", table[:, 2], len(rankings)),
        raters=_of_ballots(raters, "rater", table[:, 2], len(rankings)),
        ballots=table[:, 2],
    )


def choices(
    rankings: Sequence[Sequence[int]], sets: Sequence[Sequence[int]], clusters: Ids, models: int
) -> Choices:
    """clusters: a number from 0 per ballot."""
    known: dict[frozenset[int], int] = {}
    rows: list[int] = []
    columns: list[int] = []
    for ranked, whole, cluster in zip(rankings, sets, clusters, strict=True):
        left = frozenset(whole)
        for chosen in ranked:
            if len(left) > 1:
                rows.append(known.setdefault(left, len(known)) * models + chosen)
                columns.append(int(cluster))
            left -= {chosen}
    members = np.zeros((len(known), models), dtype=np.bool_)
    for left, number in known.items():
        members[number, list(left)] = True
    shape = (members.size, int(clusters.max(initial=-1)) + 1)
    return Choices(members, csr_array((np.ones(len(rows)), (rows, columns)), shape=shape))


def fit_choices(table: Choices, counts: Array, start: Array) -> tuple[Array, Array]:
    """counts: B x sets x models, for which maxima exist; start: B x models, each with sum 0.

    Returns theta (B x models) and the log-likelihoods (B).
    """
    models = table.members.shape[1]
    chosen = counts.sum(axis=1)
    times = counts.sum(axis=2)
    outside = np.where(table.members, 0.0, -np.inf)

    def likelihood(theta: Array) -> tuple[Array, Array, Array]:
        strength = theta[:, None, :] + outside
        top = strength.max(axis=2, keepdims=True)
        share = np.exp(strength - top)
        total = share.sum(axis=2, keepdims=True)
        share /= total
        value = (chosen * theta).sum(axis=1)
        value -= (times * (np.log(total) + top)[..., 0]).sum(axis=1)
        expected = times[..., None] * share
        information = -(expected.transpose(0, 2, 1) @ share)
        diagonal = np.arange(models)
        information[:, diagonal, diagonal] += expected.sum(axis=1)
        return value, chosen - expected.sum(axis=1), information + 1 / models

    theta, reached = maximise(likelihood, start)
    theta[~reached] = np.nan
    return theta, likelihood(theta)[0]


def _refit(table: Choices, weights: Array, start: Array) -> Array:
    counts = table.counts(weights)
    exists = strongly_connected(table.links(counts))
    found = np.full((len(weights), len(start)), np.nan)
    if exists.any():
        warm = np.tile(start, (int(exists.sum()), 1))
        found[exists] = fit_choices(table, counts[exists], warm)[0]
    return found


def _shown(
    rankings: Sequence[Sequence[int]],
    shown: Sequence[Sequence[int]] | None,
    models: Sequence[str],
) -> Sequence[Sequence[int]]:
    sets = rankings if shown is None else shown
    if len(sets) != len(rankings):
        raise ComparisonsError(f"{len(rankings)} rankings, but {len(sets)} sets that were shown.")
    for number, (ranked, whole) in enumerate(zip(rankings, sets, strict=True), 1):
        for model in (*ranked, *whole):
            if isinstance(model, bool) or not isinstance(model, int | np.integer):
                raise ComparisonsError(
                    f"Ballot {number} holds {model!r}, not the index of a model."
                )
            if not 0 <= model < len(models):
                raise ComparisonsError(f"Ballot {number}: there is no model {model}.")
        if len(set(ranked)) < len(ranked) or len(set(whole)) < len(whole):
            raise ComparisonsError(f"Ballot {number} holds a model twice.")
        if not set(ranked) <= set(whole):
            raise ComparisonsError(f"Ballot {number} ranks a model that it was not shown.")
    return sets


def _of_ballots(given: ArrayLike | None, word: str, ballots: Ids, count: int) -> Ids | None:
    numbers = ids(given, word, count)
    return None if numbers is None else numbers[ballots]
