"""Percentile bootstrap of UAR and WAR over clips, or over groups of clips that belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.recognition.estimates import Interval

RESAMPLES = 2000
ONE_GROUP = "all clips belong to one {unit}"
ONE_CLIP = "there is only one clip"
NO_SPREAD = "every resample gives the same value, as where all answers are right"


@dataclass(frozen=True)
class Bootstrapped:
    uar: Interval | None
    war: Interval | None
    clustered: bool
    """Whether some group holds several clips."""
    no_interval_because: str
    """Where one of the two is None."""


def bootstrap(
    truth: NDArray[np.int64],
    right: NDArray[np.bool_],
    groups: NDArray[np.int64],
    classes: int,
    *,
    unit: str = "group",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Bootstrapped:
    """`truth` are places among the classes, `groups` numbers from 0. The order of the clips
    changes nothing. A class that a resample misses is left out of that resample's UAR."""
    count = int(groups.max()) + 1 if groups.size else 0
    clustered = count < len(truth)
    if count < 2:
        because = ONE_GROUP.format(unit=unit) if clustered else ONE_CLIP
        return Bootstrapped(None, None, clustered, because)
    profiles, times = _profiles(truth, right, groups, classes, count)
    # Groups with the same profile are exchangeable: drawing how often each profile comes is
    # drawing the groups, at a cost that does not grow with their number.
    drawn = np.random.default_rng(seed).multinomial(count, times / count, size=resamples)
    totals = drawn @ profiles
    n, hits = totals[:, :classes], totals[:, classes:]
    occurs = n > 0
    recalls = np.divide(hits, n, out=np.zeros(n.shape), where=occurs)
    method = f"bootstrap over {count:,} {unit if clustered else 'clip'}s"
    return Bootstrapped(
        uar=_percentiles(recalls.sum(axis=1) / occurs.sum(axis=1), method),
        war=_percentiles(hits.sum(axis=1) / n.sum(axis=1), method),
        clustered=clustered,
        no_interval_because=NO_SPREAD,
    )


def _profiles(
    truth: NDArray[np.int64],
    right: NDArray[np.bool_],
    groups: NDArray[np.int64],
    classes: int,
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different groups as (clips by class, right ones by class), and how often each occurs."""
    cells = np.zeros((count, 2 * classes), dtype=np.int64)
    np.add.at(cells, (groups, truth), 1)
    np.add.at(cells, (groups[right], classes + truth[right]), 1)
    return np.unique(cells, axis=0, return_counts=True)


def _percentiles(values: NDArray[np.float64], method: str) -> Interval | None:
    """None where the values do not vary: an interval without length would claim certainty."""
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(float(low), float(high), method) if low < high else None
