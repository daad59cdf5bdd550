"""Models beside the paired difference: random raters as well, and steps not taken as equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from annotations.statistics.clustered import encoded
from annotations.statistics.model_scores import Codes, Scores
from annotations.statistics.ordinal_model import OrdinalError, ordinal_mixed
from annotations.statistics.reml import CrossedFit, NotEstimableError, crossed_reml

Figures = tuple[dict[str, Any], tuple[str, ...]]
"""Parts of a row, and notes."""
MOST_CATEGORIES = 20
POINTS = 12
DIFFERENCES = "differences within rater and stimulus"
RATINGS = "ratings"


def mixed_difference(table: Scores, one: Any, two: Any, confidence: float) -> Figures:
    """mixed_difference, mixed_low, mixed_high, mixed_p, mixed_of. table: of the two models only.

    Where most ratings are by raters who scored both models on a stimulus, the model is of these
    differences: a mean, plus what the stimulus and what the rater add to the difference. Elsewhere
    it is of the ratings, with every response (stimulus x model) and rater as random: valid, but
    wider, as it makes nothing of the stimulus that two responses share. t has the degrees of
    freedom of the smaller side.
    """
    values, items, raters, paired = _differences(table, one)
    try:
        if paired:
            fit = crossed_reml(values, items, raters)
        else:
            sides = np.where(table.model == one, 0.5, -0.5)
            responses = encoded(2 * table.stimulus + (sides > 0))[1]
            design = np.stack([np.ones(len(sides)), sides], axis=1)
            fit = crossed_reml(table.values, responses, table.rater, design)
    except NotEstimableError as error:
        empty = dict.fromkeys(
            ("mixed_difference", "mixed_low", "mixed_high", "mixed_p", "mixed_of")
        )
        return empty, (f"The linear mixed model is not estimable: {error}.",)
    smaller = min(len(np.unique(table.stimulus)), len(np.unique(table.rater)))
    return _mixed_row(fit, smaller - 1, DIFFERENCES if paired else RATINGS, confidence), ()


def ordinal_difference(table: Scores, one: Any, two: Any) -> Figures:
    """ordinal_log_odds: of a higher score for `one` than for `two`, at any threshold, per rater.

    Given its rater the likelihood depends on the counts per score and model alone, so any number
    of ratings is quick. Stimuli are averaged over, which draws the figure towards 0.
    """
    empty = {"ordinal_log_odds": None}
    scores, codes = np.unique(table.values, return_inverse=True)
    if len(scores) > MOST_CATEGORIES:
        return empty, (
            f"No ordinal model: there are more than {MOST_CATEGORIES} different scores.",
        )
    cell = (table.rater * 2 + np.asarray(table.model == one)) * len(scores) + codes
    cells, times = np.unique(cell, return_counts=True)
    rest, score = np.divmod(cells, len(scores))
    side = (rest % 2 - 0.5)[:, None]
    try:
        fit = ordinal_mixed(score, side, rest // 2, times=times, points=POINTS)
    except OrdinalError as error:
        return empty, (f"The ordinal model is not estimable: {error}.",)
    return {"ordinal_log_odds": float(fit.beta[0])}, ()


def _differences(table: Scores, one: Any) -> tuple[Any, Codes, Codes, bool]:
    """Per rater and stimulus with scores of both, their difference; and whether these are most."""
    raters = int(table.rater.max(initial=0)) + 1
    cells, codes = encoded(table.stimulus * raters + table.rater)
    first = np.asarray(table.model == one)
    means, times = [], []
    for side in (first, ~first):
        times.append(np.bincount(codes[side], minlength=len(cells)))
        sums = np.bincount(codes[side], weights=table.values[side], minlength=len(cells))
        means.append(sums / np.maximum(times[-1], 1))
    both = (times[0] > 0) & (times[1] > 0)
    covered = (times[0] + times[1])[both].sum()
    stimulus, rater = np.divmod(cells[both], raters)
    difference = (means[0] - means[1])[both]
    most = bool(covered * 2 >= len(table.values))
    return difference, encoded(stimulus)[1], encoded(rater)[1], most


def _mixed_row(fit: CrossedFit, df: int, fitted_to: str, confidence: float) -> dict[str, Any]:
    value, error = float(fit.fixed[-1]), float(np.sqrt(fit.fixed_covariance[-1, -1]))
    if df < 1 or not error > 0:  # one rater or stimulus, or no spread at all
        ends = dict.fromkeys(("mixed_low", "mixed_high", "mixed_p"))
        return {"mixed_difference": value, **ends, "mixed_of": fitted_to}
    half = float(stdtrit(df, (1 + confidence) / 2)) * error
    return {
        "mixed_difference": value,
        "mixed_low": value - half,
        "mixed_high": value + half,
        "mixed_p": float(2 * stdtr(df, -abs(value) / error)),
        "mixed_of": fitted_to,
    }
