"""Two models on the same stimuli: how far apart their scores are, criterion by criterion.

The difference is taken within each stimulus and averaged over stimuli. Stimuli, or clusters of
them, are resampled for a BCa interval, so it is for new stimuli and these raters. Two models beside
it: a linear one with random effects of stimuli and raters on the difference, for new raters as
well; and a cumulative-logit one with random raters, as a check that does not take steps as equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.blas import one_blas_thread
from annotations.statistics.clustered import clustered_variance, encoded
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.model_checks import mixed_difference, ordinal_difference
from annotations.statistics.model_scores import (
    Array,
    Scores,
    cluster_of_stimulus,
    stimulus_means,
)
from annotations.statistics.multiplicity import holm
from annotations.statistics.resampling import (
    RESAMPLES,
    SEED,
    bca_interval,
    draw_weights,
    resample_blocks,
)

NAME = "model_contrast"
ONE_CLUSTER = "there is only one stimulus, or cluster of stimuli, that both models answered"
SAME = "the difference is the same for every stimulus"


@dataclass(frozen=True, eq=False)
class Paired:
    """Per stimulus that both models answered."""

    one: Array
    two: Array
    cluster: NDArray[np.int64]
    """From 0."""
    cluster_names: NDArray[Any]

    @property
    def difference(self) -> Array:
        return self.one - self.two

    def sums(self) -> Array:
        """Per cluster: sum of the differences, and how many."""
        size = len(self.cluster_names)
        total = np.bincount(self.cluster, weights=self.difference, minlength=size)
        return np.stack([total, np.bincount(self.cluster, minlength=size)], axis=1)


def model_contrast(
    table: Scores,
    one: Any,
    two: Any,
    *,
    criterion: str = "",
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """As `model_contrasts` for a single criterion, whose p_holm is its p."""
    return model_contrasts(
        {criterion: table},
        one,
        two,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        threads=threads,
    )[criterion]


@one_blas_thread()
def model_contrasts(
    criteria: Mapping[str, Scores],
    one: Any,
    two: Any,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> dict[str, Estimate]:
    """Per criterion: value = mean of `one` less mean of `two` over the stimuli both answered.

    All criteria are computed from the same resamples. rows: one, with criterion, one, two,
    n_stimuli, mean_one, mean_two, p (t test on cluster sums), p_holm (over the criteria);
    mixed_difference, mixed_low, mixed_high, mixed_p, mixed_of (what the mixed model was fitted to);
    ordinal_log_odds of a higher score for `one`. What is not estimable is None, with a note.
    """
    pairs = {name: _paired(table, one, two) for name, table in criteria.items()}
    known = {name: pair for name, pair in pairs.items() if len(pair.one)}
    intervals = _intervals(known, confidence, resamples, seed, threads)
    found: dict[str, Estimate] = {}
    for name, table in criteria.items():
        both = table.of(np.asarray((table.model == one) | (table.model == two)))
        if name not in known:
            because = f"no stimulus has ratings of both {one} and {two}"
            found[name] = undefined(NAME, because, **both.counts())
            continue
        point = _contrast(name, both, pairs[name], one, two, confidence)
        kind, fields = intervals[name]
        method = (
            f"{point.method}; {kind} from a bootstrap of {table.units}" if kind else point.method
        )
        found[name] = replace(point, method=method, **fields)
    return _with_holm(found)


def _contrast(
    criterion: str, both: Scores, pair: Paired, one: Any, two: Any, confidence: float
) -> Estimate:
    difference = float(pair.difference.mean())
    row: dict[str, Any] = {
        "criterion": criterion,
        "one": one,
        "two": two,
        "n_stimuli": len(pair.one),
        "mean_one": float(pair.one.mean()),
        "mean_two": float(pair.two.mean()),
    }
    influence = (pair.difference - difference) / len(pair.one)
    variance = clustered_variance(influence, [pair.cluster])
    error = None if variance is None or variance.value == 0 else float(np.sqrt(variance.value))
    row["p"] = None if error is None or variance is None else variance.two_sided(difference / error)
    mixed, mixed_notes = mixed_difference(both, one, two, confidence)
    ordinal, ordinal_notes = ordinal_difference(both, one, two)
    return Estimate(
        name=NAME,
        value=difference,
        no_interval_because="no resamples were asked for",
        confidence=confidence,
        standard_error=error,
        n_clusters=len(np.unique(pair.cluster)),
        method=(
            f"Mean over stimuli of the difference between their mean scores; t test clustered by "
            f"{both.units} (to new stimuli); linear mixed model with random stimuli and raters "
            "(to new stimuli and raters); cumulative-logit mixed model with random raters as check"
        ),
        rows=(row | mixed | ordinal,),
        notes=(*mixed_notes, *ordinal_notes),
        **both.counts(),
    )


def _paired(table: Scores, one: Any, two: Any) -> Paired:
    clusters = cluster_of_stimulus(table)
    first, has_first = stimulus_means(table, np.asarray(table.model == one), len(clusters))
    second, has_second = stimulus_means(table, np.asarray(table.model == two), len(clusters))
    both = has_first & has_second
    kept, codes = encoded(clusters[both])
    return Paired(first[both], second[both], codes, table.cluster_names[kept])


def _intervals(
    pairs: Mapping[str, Paired], confidence: float, resamples: int, seed: int, threads: int
) -> dict[str, tuple[str, dict[str, Any]]]:
    """Kind of interval, and what `dataclasses.replace` puts into each estimate."""
    if not pairs or not resamples:
        return {name: ("", {}) for name in pairs}
    columns, present = _aligned(list(pairs.values()))

    def block(generator: np.random.Generator, size: int) -> Array:
        return draw_weights(generator, len(columns), size) @ columns

    drawn = np.concatenate(resample_blocks(block, resamples=resamples, seed=seed, threads=threads))
    left_out = columns.sum(axis=0) - columns
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for place, (name, pair) in enumerate(pairs.items()):
        replicates = _ratio(drawn[:, 2 * place], drawn[:, 2 * place + 1])
        without = left_out[present[:, place]]
        jackknife = _ratio(without[:, 2 * place], without[:, 2 * place + 1])
        interval = bca_interval(float(pair.difference.mean()), replicates, jackknife, confidence)
        fields: dict[str, Any] = {
            "seed": seed,
            "resamples": resamples,
            "undefined_resamples": float(np.isnan(replicates).mean()),
        }
        if interval is None:
            fields["no_interval_because"] = ONE_CLUSTER if len(pair.cluster_names) < 2 else SAME
            found[name] = "", fields
        else:
            fields |= {"low": interval.low, "high": interval.high, "no_interval_because": ""}
            found[name] = f"{interval.method} interval", fields
    return found


def _aligned(pairs: list[Paired]) -> tuple[Array, NDArray[np.bool_]]:
    """clusters x (2 a criterion); clusters x criteria: whether the criterion has the cluster."""
    names = np.unique(np.concatenate([pair.cluster_names for pair in pairs]))
    columns = np.zeros((len(names), 2 * len(pairs)))
    for place, pair in enumerate(pairs):
        rows = np.searchsorted(names, pair.cluster_names)
        columns[rows, 2 * place : 2 * place + 2] = pair.sums()
    return columns, columns[:, 1::2] > 0


def _ratio(total: Array, times: Array) -> Array:
    """NaN where nothing was drawn."""
    ratio: Array = np.divide(total, times, out=np.full(len(total), np.nan), where=times > 0)
    return ratio


def _with_holm(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """p over the criteria; an undefined contrast does not count into the family."""
    p = [estimate.rows[0]["p"] if estimate.rows else None for estimate in found.values()]
    adjusted = [None if np.isnan(value) else float(value) for value in holm(p)]
    return {
        name: replace(estimate, rows=tuple({**row, "p_holm": value} for row in estimate.rows))
        for (name, estimate), value in zip(found.items(), adjusted, strict=True)
    }
