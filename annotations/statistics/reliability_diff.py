"""Whether two alphas differ: of two criteria, two groups of raters, or two spans of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from annotations.statistics.alpha import NOT_ASKED_FOR, point_estimate
from annotations.statistics.alpha_intervals import (
    Bootstrapped,
    Drawing,
    Measured,
    bootstrap,
    check_same_items,
    measure,
    with_interval,
)
from annotations.statistics.alpha_levels import Level
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.counts import Numbers
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import Ratings
from annotations.statistics.resampling import RESAMPLES, SEED

NAME = "reliability_diff"


@one_blas_thread()
def reliability_diff(
    one: Ratings,
    two: Ratings,
    level: Level,
    *,
    paired: bool = True,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int = 1,
) -> Estimate:
    """Alpha of `one` less alpha of `two`; rows: alpha and n of each.

    Paired: two criteria, or two groups of raters, on the same items, which are resampled for both
    at once; raises RatingsError for tables of different items. Not paired: two sets of items, such
    as early and late ones, resampled each on its own.
    """
    if paired:
        check_same_items([one, two])
    measured = measure(one, level), measure(two, level)
    estimate = difference_of(*measured, paired=paired)
    if estimate.value is None or resamples == 0:
        return estimate
    drawing = Drawing(confidence, resamples, seed, threads)
    draw = _paired if paired else _independent
    drawn = draw(*measured, drawing)
    return with_interval(
        replace(estimate, no_interval_because=""),
        estimate.value,
        drawn.replicates[0],
        drawn.left_out[0],
        drawing,
        clusters=drawn.clusters,
    )


def difference_of(one: Measured, two: Measured, *, paired: bool = True) -> Estimate:
    """The value, and no interval yet."""
    known: dict[str, Any] = {
        "rows": (_row(one), _row(two)),
        **_counted(one.table, two.table, paired),
    }
    for which, measured in (("first", one), ("second", two)):
        if measured.undefined_because:
            because = f"the {which} alpha is undefined: {measured.undefined_because}"
            return undefined(NAME, because, **known)
    sources = dict.fromkeys(point_estimate(measured).computed_by for measured in (one, two))
    return Estimate(
        name=NAME,
        value=one.value - two.value,
        no_interval_because=NOT_ASKED_FOR,
        method=(
            f"difference of two Krippendorff's alphas, {one.level} level, of "
            f"{'the same items' if paired else 'two sets of items'}"
        ),
        computed_by="; ".join(sources),
        **known,
    )


def _row(measured: Measured) -> Mapping[str, Any]:
    because = measured.undefined_because
    return {
        "alpha": None if because else measured.value,
        "undefined_because": because,
        **measured.table.counts(),
    }


def _counted(one: Ratings, two: Ratings, paired: bool) -> dict[str, int]:
    """Of both tables; where they are of the same items, each item counts once."""
    first, second = one.counts(), two.counts()
    people = {
        table.raters[row] for table in (one, two) for row in np.flatnonzero(table.given.any(axis=1))
    }
    counted = {name: first[name] + second[name] for name in first} | {"n_raters": len(people)}
    if paired:
        most = np.maximum(one.given.sum(axis=0), two.given.sum(axis=0))
        counted |= {"n_items": int((most > 0).sum()), "n_pairable": int((most > 1).sum())}
    return counted


def _paired(one: Measured, two: Measured, drawing: Drawing) -> Bootstrapped:
    drawn = bootstrap([one, two], drawing)
    return Bootstrapped(
        drawn.replicates[:1] - drawn.replicates[1:],
        drawn.left_out[:1] - drawn.left_out[1:],
        drawn.clusters,
    )


def _independent(one: Measured, two: Measured, drawing: Drawing) -> Bootstrapped:
    first = bootstrap([one], drawing)
    second = bootstrap([two], replace(drawing, seed=drawing.seed + 1))
    value = one.value - two.value
    # Both tables' units side by side, each by what it moves the difference.
    left_out = [value + _centred(first.left_out), value - _centred(second.left_out)]
    clusters = [drawn.clusters for drawn in (first, second) if drawn.clusters is not None]
    return Bootstrapped(
        first.replicates - second.replicates,
        np.concatenate(left_out, axis=1),
        min(clusters) if 1 in clusters else sum(clusters) if clusters else None,
    )


def _centred(left_out: Numbers) -> Numbers:
    defined = np.isfinite(left_out)
    return left_out - left_out[defined].mean() if defined.any() else left_out
