"""A judge (a language model that scores) against people, on the items that both scored.

people: a table of raters x items; judge: one score an item, NaN where it gave none. An item's human
score is the mean of its people's. Intervals are for new items, or clusters of them, and these
people.

Bland & Altman (1986), Statistical methods for assessing agreement between two methods of clinical
measurement. Lin (1989), A concordance correlation coefficient to evaluate reproducibility. Kendall
(1945), The treatment of ties in ranking problems.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from annotations.statistics.blas import one_blas_thread
from annotations.statistics.clustered import clustered_variance, encoded
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.judge_moments import (
    concordance,
    pearson,
    powers,
    rank_correlation,
    tau_influence,
)
from annotations.statistics.ratings import Ratings, RatingsError
from annotations.statistics.resampling import (
    BLOCK,
    RESAMPLES,
    SEED,
    bca_interval,
    draw_weights,
    resample_blocks,
)

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""Weights of the items (B x items) -> B values, NaN where undefined."""
StatisticOf = Callable[[Array, Array], Statistic]
"""Scores of the people and of the judge, one an item each -> the statistic of them."""
FEWEST = 3
MOST_LEFT_OUT = 500
CONSTANT = "the judge, or the people, gave every item the same score"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Items that the judge and at least one person scored."""

    people: Array
    judge: Array
    cluster: NDArray[np.int64]
    """From 0."""
    stand_alone: bool
    counts: dict[str, Any]

    @property
    def units(self) -> str:
        return "items" if self.stand_alone else "clusters of items"

    def why_undefined(self) -> str:
        if len(self.people) < FEWEST:
            return f"fewer than {FEWEST} items were scored by the judge and by people"
        if np.ptp(self.people) == 0 or np.ptp(self.judge) == 0:
            return CONSTANT
        return ""


def judge_pairs(people: Ratings, judge: ArrayLike) -> Pairs:
    """Raises RatingsError for a judge who does not have one score an item of the table."""
    scores = judge_scores(people, judge)
    given = people.given
    kept = given.any(axis=0) & ~np.isnan(scores)
    sums = np.where(given, people.values, 0).sum(axis=0)[kept]
    clusters = np.arange(len(scores)) if people.clusters is None else people.clusters
    counts = {
        "n_items": int(kept.sum()),
        "n_pairable": int(kept.sum()),
        "n_raters": int(given[:, kept].any(axis=1).sum()),
        "n_ratings": int(given[:, kept].sum()),
    }
    means = sums / given.sum(axis=0)[kept]
    return Pairs(means, scores[kept], encoded(clusters[kept])[1], people.clusters is None, counts)


def judge_scores(people: Ratings, judge: ArrayLike) -> Array:
    given = np.asarray(judge)
    if given.dtype.kind in "USb":
        raise RatingsError("The judge's scores are numbers, with NaN where there is none.")
    try:
        scores = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise RatingsError(
            "The judge's scores are numbers, with NaN where there is none."
        ) from error
    if scores.shape != (len(people.items),):
        raise RatingsError(
            f"One score of the judge an item: {len(people.items)}, not {scores.size}."
        )
    return scores


def judge_bias(people: Ratings, judge: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """value: mean of the judge's score less the people's, with a t interval.

    rows: one, with sd (of the differences), loa_low, loa_high (bias -+ 1.96 sd), and the interval
    of each limit (Bland & Altman, 1999, Measuring agreement in method comparison studies, where
    items stand alone): loa_low_low, loa_low_high, loa_high_low, loa_high_high.
    """
    pairs = judge_pairs(people, judge)
    if len(pairs.people) < FEWEST:
        return undefined("judge_bias", pairs.why_undefined(), **pairs.counts)
    difference = pairs.judge - pairs.people
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    known: dict[str, Any] = {"no_interval_because": "there is only one cluster of items"}
    limits: dict[str, Any] = {"sd": sd, "loa_low": bias - 1.96 * sd, "loa_high": bias + 1.96 * sd}
    variance = clustered_variance((difference - bias) / len(difference), [pairs.cluster])
    if variance is not None:
        error = float(np.sqrt(variance.value))
        half = variance.critical(confidence) * error
        known = {"low": bias - half, "high": bias + half, "standard_error": error}
        # var(bias) + 1.96^2 var(sd), with var(sd) = sd^2 / 2 (n - 1) of a normal sample.
        spread = np.sqrt(variance.value + 1.96**2 * sd**2 / (2 * (len(difference) - 1)))
        half = variance.critical(confidence) * float(spread)
        for name in ("loa_low", "loa_high"):
            limits |= {f"{name}_low": limits[name] - half, f"{name}_high": limits[name] + half}
    return Estimate(
        name="judge_bias",
        value=bias,
        confidence=confidence,
        n_clusters=len(np.unique(pairs.cluster)),
        method=(
            "Mean difference of the judge and the mean of the people, with 95 % limits of "
            f"agreement (Bland & Altman, 1986); t interval, clustered by {pairs.units}"
        ),
        rows=(limits,),
        **known,
        **pairs.counts,
    )


def judge_concordance(
    people: Ratings,
    judge: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """Lin's concordance with the people's mean score (moments divided by n)."""
    pairs = judge_pairs(people, judge)
    words = "Concordance correlation (Lin, 1989), population moments"
    drawing = (confidence, resamples, seed, threads)
    return _bootstrapped("judge_concordance", words, pairs, _of_powers(concordance), drawing)


def judge_pearson(
    people: Ratings,
    judge: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    pairs = judge_pairs(people, judge)
    drawing = (confidence, resamples, seed, threads)
    words = "Pearson's correlation"
    return _bootstrapped("judge_pearson", words, pairs, _of_powers(pearson), drawing)


def judge_spearman(
    people: Ratings,
    judge: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """Ranks are made anew in every resample."""
    pairs = judge_pairs(people, judge)
    drawing = (confidence, resamples, seed, threads)
    words = "Spearman's rank correlation, ties with mid-ranks"
    return _bootstrapped("judge_spearman", words, pairs, rank_correlation, drawing)


def judge_tau_b(people: Ratings, judge: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Kendall's tau-b; its interval is made on Fisher's z from what each item adds to the error."""
    pairs = judge_pairs(people, judge)
    because = pairs.why_undefined()
    if because:
        return undefined("judge_tau_b", because, **pairs.counts)
    tau, influence = tau_influence(pairs.people, pairs.judge)
    known: dict[str, Any] = {"no_interval_because": "there is only one cluster of items"}
    variance = clustered_variance(influence, [pairs.cluster])
    if abs(tau) > 1 - 1e-12:
        known = {"no_interval_because": "the order of the items is exactly the same, or reversed"}
    elif variance is not None:
        error = float(np.sqrt(variance.value))
        half = float(ndtri((1 + confidence) / 2)) * error / (1 - tau**2)
        ends = np.tanh(np.arctanh(tau) + np.array([-half, half]))
        known = {"low": float(ends[0]), "high": float(ends[1]), "standard_error": error}
    return Estimate(
        name="judge_tau_b",
        value=tau,
        confidence=confidence,
        n_clusters=len(np.unique(pairs.cluster)),
        method=(
            "Kendall's tau-b of the judge and the mean of the people; interval on Fisher's z, "
            f"linearised, clustered by {pairs.units}"
        ),
        **known,
        **pairs.counts,
    )


def _of_powers(coefficient: Callable[[Array], Array]) -> StatisticOf:
    def statistic_of(people: Array, judge: Array) -> Statistic:
        sums = powers(people, judge)
        return lambda weights: coefficient(weights @ sums)

    return statistic_of


@one_blas_thread()
def _bootstrapped(
    name: str,
    words: str,
    pairs: Pairs,
    statistic_of: StatisticOf,
    drawing: tuple[float, int, int, int],
) -> Estimate:
    confidence, resamples, seed, threads = drawing
    because = pairs.why_undefined()
    if because:
        return undefined(name, because, **pairs.counts)
    statistic = statistic_of(pairs.people, pairs.judge)
    clusters = int(pairs.cluster.max()) + 1
    value = float(statistic(np.ones((1, len(pairs.people))))[0])
    known: dict[str, Any] = {"no_interval_because": "no resamples were asked for"}
    if resamples and clusters > 1:

        def block(generator: np.random.Generator, size: int) -> Array:
            return statistic(draw_weights(generator, clusters, size)[:, pairs.cluster])

        replicates = np.concatenate(
            resample_blocks(block, resamples=resamples, seed=seed, threads=threads)
        )
        jackknife = _without_each(statistic, pairs.cluster, clusters)
        interval = bca_interval(value, replicates, jackknife, confidence)
        known = {"no_interval_because": "the statistic is the same in every resample"}
        if interval is not None:
            words = f"{words}; {interval.method} interval from a bootstrap of {pairs.units}"
            known = {"low": interval.low, "high": interval.high}
        known |= {"seed": seed, "resamples": resamples}
        known["undefined_resamples"] = float(np.isnan(replicates).mean())
    elif resamples:
        known = {"no_interval_because": "there is only one cluster of items"}
    return Estimate(
        name=name,
        value=value,
        confidence=confidence,
        n_clusters=clusters,
        method=f"{words}, with the mean of the people",
        **known,
        **pairs.counts,
    )


def _without_each(statistic: Statistic, cluster: NDArray[np.int64], clusters: int) -> Array:
    """The jackknife of BCa, which many clusters leave in groups; in blocks, to hold few weights."""
    count = min(clusters, MOST_LEFT_OUT)
    group = cluster * count // clusters
    values = []
    for start in range(0, count, BLOCK):
        left_out = np.arange(start, min(start + BLOCK, count))
        values.append(statistic((group != left_out[:, None]).astype(np.float64)))
    return np.concatenate(values)
