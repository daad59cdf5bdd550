"""Rater effects on the logit scale, as a check of the linear ones."""

from __future__ import annotations

import numpy as np

from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.ordinal_model import OrdinalError, ordinal_mixed
from annotations.statistics.ratings import Ratings

NAME = "severity_ordinal"
LARGEST = 20_000
"""Ratings; beyond this the check takes too long for a page."""
POINTS = 12


def severity_ordinal(table: Ratings) -> Estimate:
    """value: standard deviation of the rater effects. rows: rater, effect, n_ratings.

    A cumulative-logit model with a fixed effect per rater, which sum to zero, and random items
    (integrated out), so that raters of different items are comparable. Above 0: gives higher scores
    than others would to the same item.
    """
    counts = table.counts()
    because = _why_undefined(table)
    if because:
        return undefined(NAME, because, **counts)
    raters, items = np.nonzero(table.given)
    active = np.unique(raters)
    place = np.searchsorted(active, raters)
    design = np.eye(len(active))[place, :-1] - (place == len(active) - 1)[:, None]
    try:
        fit = ordinal_mixed(table.values[raters, items], design, items, points=POINTS)
    except OrdinalError as error:
        return undefined(NAME, str(error), **counts)
    effects = np.append(fit.beta, -fit.beta.sum())
    times = np.bincount(place)
    return Estimate(
        name=NAME,
        value=float(effects.std(ddof=1)),
        no_interval_because="it is a check of the linear severities, which have intervals",
        method=(
            "Standard deviation of rater effects in a cumulative-logit model with random items, "
            "adaptive Gauss-Hermite quadrature"
        ),
        rows=tuple(
            {"rater": table.raters[rater], "effect": float(effect), "n_ratings": int(n)}
            for rater, effect, n in zip(active, effects, times, strict=True)
        ),
        n_items=counts["n_items"],
        n_pairable=counts["n_pairable"],
        n_raters=counts["n_raters"],
        n_ratings=counts["n_ratings"],
    )


def _why_undefined(table: Ratings) -> str:
    counts = table.counts()
    if counts["n_raters"] < 2:
        return "fewer than two people rated"
    if counts["n_pairable"] < 2:
        return "fewer than two items were rated by two people"
    if counts["n_ratings"] > LARGEST:
        return f"there are more than {LARGEST:,} ratings, and the check is for smaller studies"
    if np.unique(table.values[table.given]).size < 2:
        return "every score is the same"
    return ""
