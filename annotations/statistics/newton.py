"""Newton's method for many small concave likelihoods at once: one row a resample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Likelihood = Callable[[Array], tuple[Array, Array, Array]]
"""parameters (B x K) -> log-likelihood (B), gradient (B x K), information (B x K x K)."""

STEPS = 100
HALVINGS = 30
PRECISION = 1e-9
LONGEST_STEP = 3.0


def maximise(
    likelihood: Likelihood, start: Array, lower: Array | None = None
) -> tuple[Array, NDArray[np.bool_]]:
    """start: B x K, strictly above `lower` (K, -inf where free) unless its gradient is 0 there.

    Returns the maxima and whether each was reached. Steps that lower a likelihood are halved.
    """
    at = start.copy()
    value, gradient, information = likelihood(at)
    done = np.zeros(len(at), dtype=np.bool_)
    for _ in range(STEPS):
        step = np.asarray(np.linalg.solve(information, gradient[..., None])[..., 0], np.float64)
        longest = np.abs(step).max(axis=1)
        done = longest < PRECISION
        if done.all():
            break
        scale = LONGEST_STEP / np.maximum(longest, LONGEST_STEP)
        if lower is not None:
            scale = np.minimum(scale, _inside(at, step, lower))
        step *= scale[:, None]
        for _ in range(HALVINGS):
            tried = likelihood(at + step)
            worse = ~(tried[0] >= value - 1e-10 * (1 + np.abs(value)))
            if not worse.any():
                break
            step[worse] /= 2
        at += step
        value, gradient, information = tried
    return at, done


def _inside(at: Array, step: Array, lower: Array) -> Array:
    """How much of each step keeps every parameter above its bound."""
    bounded = np.isfinite(lower)
    room = 0.75 * (at - lower)[:, bounded]
    fall = np.maximum(-step[:, bounded], 1e-300)
    inside: Array = np.where(step[:, bounded] < 0, room / fall, 1.0).min(axis=1, initial=1.0)
    return inside
