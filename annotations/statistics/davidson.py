"""Rankings from paired comparisons: Davidson by default, Rao-Kupper and half ties beside it.

Whole clusters (all comparisons of one stimulus, say) are resampled, and the model is fitted to each
resample by Newton's method, 32 at a time from the counts of wins and ties per cluster.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from annotations.statistics.bradley_terry import (
    Array,
    Cells,
    Family,
    cells,
    fit,
    win_tie_loss,
)
from annotations.statistics.comparisons import Cluster, Comparisons, ComparisonsError, Ids
from annotations.statistics.connected import maximum_exists, why_no_maximum
from annotations.statistics.estimate import CONFIDENCE, undefined
from annotations.statistics.ranking import Ranking, Resampling, bootstrap, parameter, ranking
from annotations.statistics.resampling import RESAMPLES, SEED

MODELS = {
    "bt_davidson": "Bradley-Terry model with ties (Davidson, 1970)",
    "bt_rao_kupper": "Bradley-Terry model with ties (Rao & Kupper, 1967)",
    "bt_half_tie": "Bradley-Terry model (1952), a tie counting as half a win for each",
}


def bt_davidson(
    data: Comparisons,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    cluster: Cluster = "stimulus",
    order_effect: bool = False,
    threads: int = 1,
) -> Ranking:
    """Davidson (1970). `tie` is nu: P(tie) : P(win) of equals = nu : 1.

    Raises ComparisonsError where the data do not say which cluster, or side, a comparison has.
    """
    return bradley_terry(
        "bt_davidson",
        data,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        order_effect=order_effect,
        threads=threads,
    )


def bt_rao_kupper(
    data: Comparisons,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    cluster: Cluster = "stimulus",
    order_effect: bool = False,
    threads: int = 1,
) -> Ranking:
    """Rao & Kupper (1967). `tie` is their threshold, 1 where there are no ties."""
    return bradley_terry(
        "bt_rao_kupper",
        data,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        order_effect=order_effect,
        threads=threads,
    )


def bt_half_tie(
    data: Comparisons,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    cluster: Cluster = "stimulus",
    order_effect: bool = False,
    threads: int = 1,
) -> Ranking:
    """Plain Bradley-Terry (1952); it says nothing of how often models tie."""
    return bradley_terry(
        "bt_half_tie",
        data,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        order_effect=order_effect,
        threads=threads,
    )


def bradley_terry(
    family: Family,
    data: Comparisons,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    cluster: Cluster = "stimulus",
    order_effect: bool = False,
    threads: int = 1,
) -> Ranking:
    if order_effect and data.first_shown is None:
        raise ComparisonsError("An order effect needs to know which response stood on side A.")
    groups = data.clusters(cluster)
    table = cells(data, groups, order_effect)
    plan = Resampling(
        clusters=table.per_cluster.shape[1],
        by=cluster,
        resamples=resamples,
        seed=seed,
        threads=threads,
        confidence=confidence,
    )
    because = why_no_maximum(family, table, data.models)
    if because:
        return Ranking(undefined(family, because, n_clusters=plan.clusters, **data.counts()))
    point = fit(family, table, table.total)
    start = point.parameters[0]
    replicates = bootstrap(lambda weights: _refit(family, table, weights, start), plan)
    tie = float(point.tie[0]) if family != "bt_half_tie" else 0.0
    models = len(data.models)
    result = ranking(
        family,
        data.models,
        point.theta[0],
        replicates[:, :models],
        plan,
        probabilities=lambda gap: win_tie_loss(family, gap, tie)[:2],
        method=_method(family, cluster, order_effect),
        counts=data.counts(),
        notes=_notes(data, groups, cluster),
    )
    words = _method(family, cluster, order_effect)
    if family != "bt_half_tie":
        name = "davidson_nu" if family == "bt_davidson" else "rao_kupper_threshold"
        found = parameter(name, tie, replicates[:, models], plan, words, None)
        result = replace(result, tie=found)
    if order_effect:
        value = float(point.order_effect[0])
        found = parameter("order_effect", value, replicates[:, -1], plan, words, 0.0)
        result = replace(result, order_effect=found)
    return result


def _refit(family: Family, table: Cells, weights: Array, start: Array) -> Array:
    """B x (theta, the tie parameter, the order effect), NaN where there is no maximum."""
    counts = table.counts(weights)
    exists = maximum_exists(family, table, counts)
    found = np.full((len(weights), len(start)), np.nan)
    if exists.any():
        fits = fit(family, table, counts[exists], start)
        parts = [fits.theta]
        parts += [column[:, None] for column in (fits.tie, fits.order_effect) if column.size]
        found[exists] = np.where(fits.reached[:, None], np.hstack(parts), np.nan)
    return found


def _method(family: Family, cluster: Cluster, order_effect: bool) -> str:
    units = {
        "stimulus": "stimuli (to new stimuli)",
        "rater": "raters (to new raters)",
        "ballot": "ballots (to new ballots)",
        "comparison": "single comparisons, taken as independent",
    }[cluster]
    order = " with an order effect for side A" if order_effect else ""
    return (
        f"{MODELS[family]}{order}, maximum likelihood; percentile intervals of abilities, ranks "
        f"and gaps from a bootstrap of {units}; gaps with Holm's correction over all pairs"
    )


def _notes(data: Comparisons, groups: Ids, cluster: Cluster) -> tuple[str, ...]:
    if data.ballots is None or cluster in ("ballot", "rater"):
        return ()
    split = len(np.unique(np.stack([data.ballots, groups]), axis=1)[0]) > len(
        np.unique(data.ballots)
    )
    if not split:
        return ()
    return (f"Pairs of one ballot fall into more than one {cluster}: resample ballots instead.",)
