"""Alpha of several criteria and every difference between two of them, from the same resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from annotations.statistics.alpha import estimated
from annotations.statistics.alpha_intervals import Drawing, with_interval
from annotations.statistics.alpha_levels import Level
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.estimate import CONFIDENCE, Estimate
from annotations.statistics.ratings import Ratings
from annotations.statistics.reliability_diff import difference_of
from annotations.statistics.resampling import RESAMPLES, SEED


@one_blas_thread()
def compare_criteria(
    tables: Sequence[Ratings],
    level: Level,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[tuple[Estimate, ...], dict[tuple[int, int], Estimate]]:
    """(alpha per table, reliability_diff per pair of tables), as `alphas` and `reliability_diff`
    give them, at the cost of one bootstrap. Raises RatingsError for tables of different items."""
    drawing = Drawing(confidence, resamples, seed, 1)
    found = estimated(tables, level, drawing)
    pairs: dict[tuple[int, int], Estimate] = {}
    for one, two in combinations(range(len(tables)), 2):
        pair = difference_of(found.measured[one], found.measured[two])
        if pair.value is not None and found.drawn is not None:
            first, second = found.place[one], found.place[two]
            pair = with_interval(
                replace(pair, no_interval_because=""),
                pair.value,
                found.drawn.replicates[first] - found.drawn.replicates[second],
                found.drawn.left_out[first] - found.drawn.left_out[second],
                drawing,
                clusters=found.drawn.clusters,
            )
        pairs[one, two] = pair
    return tuple(found.alphas), pairs
