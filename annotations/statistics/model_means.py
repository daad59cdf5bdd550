"""Mean score of each model, each stimulus counting equally."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from annotations.statistics.clustered import Groups, clustered_variance, encoded
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.model_scores import Scores

Population = Literal["stimuli", "stimuli and raters"]
NAME = "model_mean"


def model_means(
    table: Scores,
    models: Sequence[Any],
    *,
    criterion: str = "",
    population: Population = "stimuli",
    confidence: float = CONFIDENCE,
) -> tuple[Estimate, ...]:
    """One a model, in the order given: the mean over stimuli of the stimulus' mean score.

    rows: one, with model and criterion. The interval (t, cluster-robust) is for new stimuli, or
    clusters of them, rated by these raters; or by new raters as well, where the population says so
    (Cameron, Gelbach & Miller, 2011, Robust inference with multiway clustering).
    """
    return tuple(_mean(table, model, criterion, population, confidence) for model in models)


def _mean(
    table: Scores, model: Any, criterion: str, population: Population, confidence: float
) -> Estimate:
    own = table.of(np.asarray(table.model == model))
    known: dict[str, Any] = own.counts() | {"rows": ({"model": model, "criterion": criterion},)}
    if not len(own.values):
        return undefined(NAME, f"nobody rated a response of {model}", **known)
    stimuli = encoded(own.stimulus)[1]
    times = np.bincount(stimuli)
    means = np.bincount(stimuli, weights=own.values) / times
    mean = float(means.mean())
    if population == "stimuli":
        clusters = np.zeros(len(means), dtype=np.int64)
        clusters[stimuli] = encoded(own.cluster)[1]
        influence, groups = (means - mean) / len(means), [clusters]
    else:
        influence = (own.values - mean) / (len(means) * times[stimuli])
        groups = [encoded(own.cluster)[1], encoded(own.rater)[1]]
    known |= {"n_clusters": int(groups[0].max()) + 1, "confidence": confidence}
    known["method"] = (
        f"Mean over stimuli of their mean score; t interval, clustered by {table.units}"
        f"{' and by rater' if population != 'stimuli' else ''} (to new {population})"
    )
    return Estimate(
        name=NAME, value=mean, **known, **_interval(mean, influence, groups, confidence)
    )


def _interval(mean: float, influence: Any, groups: Groups, confidence: float) -> dict[str, Any]:
    variance = clustered_variance(influence, groups)
    if variance is None:
        few = "one cluster of stimuli" if groups[0].max() == 0 else "one rater"
        return {"no_interval_because": f"there is only {few}"}
    if variance.value == 0:
        return {"no_interval_because": "every stimulus has the same mean"}
    error = float(np.sqrt(variance.value))
    half = variance.critical(confidence) * error
    return {"low": mean - half, "high": mean + half, "standard_error": error}
