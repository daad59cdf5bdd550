"""The mean of one figure an item, with an interval for new items.

Items are resampled, or the clusters they belong to; an item without a figure counts nowhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.clustered import encoded
from annotations.statistics.estimate import CONFIDENCE, Estimate
from annotations.statistics.resampling import (
    RESAMPLES,
    SEED,
    bca_interval,
    draw_weights,
    resample_blocks,
)

Array = NDArray[np.float64]


def item_mean(
    name: str,
    values: Array,
    clusters: NDArray[np.int64] | None,
    *,
    words: str,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    **known: Any,
) -> Estimate:
    """values: one an item, NaN where it has none; at least one is known. clusters: one an item.

    words: what the value is, for `method`; known: counts and whatever else the estimate holds.
    """
    kept = np.isfinite(values)
    groups = np.arange(len(values)) if clusters is None else clusters
    codes = encoded(groups[kept])[1]
    units = "items" if clusters is None else "clusters of items"
    sums, times = np.bincount(codes, weights=values[kept]), np.bincount(codes).astype(np.float64)
    value = float(values[kept].mean())
    known |= {"name": name, "value": value, "confidence": confidence, "n_clusters": len(sums)}
    if len(sums) < 2:
        because = f"there is only one of the {units}"
        return Estimate(**known, method=words, no_interval_because=because)

    def block(generator: np.random.Generator, size: int) -> Array:
        weights = draw_weights(generator, len(sums), size)
        drawn: Array = (weights @ sums) / (weights @ times)
        return drawn

    replicates = np.concatenate(resample_blocks(block, resamples=resamples, seed=seed))
    left_out = (sums.sum() - sums) / (times.sum() - times)
    found = bca_interval(value, replicates, left_out, confidence)
    if found is None:
        because = f"all {units} have the same value"
        return Estimate(**known, method=words, no_interval_because=because)
    return Estimate(
        **known,
        low=found.low,
        high=found.high,
        seed=seed,
        resamples=resamples,
        undefined_resamples=0.0,
        method=f"{words}; {found.method} interval by bootstrap over {units} ({resamples:,} "
        f"resamples)",
    )
