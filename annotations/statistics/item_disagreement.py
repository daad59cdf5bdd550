"""The items that people disagree about most: the list to talk about.

An item's share in Krippendorff's alpha (Krippendorff, 2011, Computing Krippendorff's
Alpha-Reliability): the mean of these values, weighted by ratings, is 1 - alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from annotations.statistics.alpha_intervals import Measured, measure
from annotations.statistics.alpha_levels import Level, disagreements, expected_sum
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.ratings import Ratings

NAME = "item_disagreement"
NO_INTERVAL = "a ranking of items has no interval"


@one_blas_thread()
def item_disagreement(table: Ratings, level: Level, most: int | None = None) -> Estimate:
    """The value is observed over expected disagreement of the whole table, 1 - alpha.

    Rows: item, disagreement, n_ratings, of the items with two ratings or more, the highest first,
    `most` of them at most. Disagreement is (d_u / m_u) / D_e: the mean distance of two ratings of
    the item over that of two ratings of whichever item; 0 where all agree, 1 as by chance.
    """
    measured = measure(table, level)
    if measured.undefined_because:
        return undefined(NAME, measured.undefined_because, **table.counts())
    return Estimate(
        name=NAME,
        value=1 - measured.value,
        no_interval_because=NO_INTERVAL,
        method=f"disagreement within each item over that expected by chance, {level} level",
        rows=_ranked(measured, most),
        **table.counts(),
    )


def _ranked(measured: Measured, most: int | None) -> tuple[Mapping[str, Any], ...]:
    counts, level = measured.counts, measured.level
    n_c, m = counts.per_category, counts.per_item
    n = n_c.sum()
    by_chance = expected_sum(n_c[None], counts.categories, level)[0] / (n * (n - 1))
    ratios = disagreements(counts, level) / m / by_chance
    order = np.argsort(-ratios, kind="stable")[:most]
    return tuple(
        {
            "item": measured.table.items[measured.coded.columns[place]],
            "disagreement": float(ratios[place]),
            "n_ratings": int(m[place]),
        }
        for place in order
    )
