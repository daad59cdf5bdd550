"""The share of answers of which something is true, where answers share stimuli and raters.

Wilson's interval on the effective number of answers, clustered by what they share: see clustered.py
and, for two models against each other, win_rates.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.clustered import clustered_variance, encoded, share_interval
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined

ONE_CLUSTER = "there is only one cluster of items or only one rater"
NO_ANSWER = "there is no answer"


def clustered_share(
    name: str,
    hits: NDArray[np.bool_],
    clusters: NDArray[np.int64],
    raters: NDArray[np.int64] | None,
    *,
    confidence: float = CONFIDENCE,
    words: str = "Share of answers",
    **known: Any,
) -> Estimate:
    """hits, clusters (of the item), raters: one an answer. Without raters, or with a single one,
    the interval is for new items and these raters. known: what else the estimate holds."""
    groups = {"clusters of items": encoded(clusters)[1]}
    known |= {
        "n_items": len(np.unique(clusters)),
        "n_raters": 0 if raters is None else len(np.unique(raters)),
        "n_ratings": len(hits),
        "confidence": confidence,
    }
    if not len(hits):
        return undefined(name, NO_ANSWER, **known)
    if raters is not None and len(np.unique(raters)) > 1:
        groups["raters"] = encoded(raters)[1]
    share = float(hits.mean())
    variance = clustered_variance((hits - share) / len(hits), list(groups.values()))
    ends = None if variance is None else share_interval(share, variance, confidence)
    by = " and ".join(groups)
    return Estimate(
        name=name,
        value=share,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        no_interval_because=ONE_CLUSTER if ends is None else "",
        n_clusters=int(groups["clusters of items"].max()) + 1,
        method=(
            f"{words}; Wilson interval on the effective number of answers, clustered by {by} "
            "(Cameron, Gelbach & Miller, 2011)"
        ),
        **known,
    )
