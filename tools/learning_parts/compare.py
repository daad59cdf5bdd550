"""How often answers name the feeling before and after, compared session by session.

Answers of one session are alike, so the session is what is drawn. The test flips the sign of every
session's difference (Fisher 1935, The Design of Experiments, section 21; Good 2005, Permutation,
Parametric and Bootstrap Tests of Hypotheses, section 3.2), exactly, over all 2^n patterns.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

MOST_SESSIONS = 20
"""Beyond it all patterns of signs are too many to go through."""


@dataclass(frozen=True)
class Comparison:
    """Of means over sessions; 95 % intervals by Student's t over sessions."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    sessions: int


def compare(before: Mapping[str, float], after: Mapping[str, float]) -> Comparison:
    """Session -> share, of the same sessions."""
    if before.keys() != after.keys():
        raise ValueError("before and after are not of the same sessions")
    names = sorted(before)
    changes = np.array([after[name] - before[name] for name in names])
    mean, half = float(changes.mean()), half_width(changes)
    return Comparison(
        before=float(np.mean([before[name] for name in names])),
        after=float(np.mean([after[name] for name in names])),
        difference=mean,
        low=mean - half,
        high=mean + half,
        p=sign_flip(changes),
        sessions=len(names),
    )


def by_session(sessions: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Mean of each session's values."""
    found: dict[str, list[float]] = defaultdict(list)
    for session, value in zip(sessions, values, strict=True):
        found[session].append(value)
    return {session: sum(of) / len(of) for session, of in found.items()}


def sign_flip(changes: NDArray[np.float64]) -> float:
    """Two-sided p: the share of sign patterns whose mean is at least as far from 0."""
    if len(changes) > MOST_SESSIONS:
        raise ValueError(f"{len(changes)} sessions: the exact test takes at most {MOST_SESSIONS}")
    signs = np.array(list(product((-1.0, 1.0), repeat=len(changes))))
    means = np.abs(signs @ changes)
    return float((means >= abs(changes.sum()) - 1e-12).mean())


def half_width(changes: NDArray[np.float64], level: float = 0.95) -> float:
    n = len(changes)
    quantile = float(t.ppf((1 + level) / 2, n - 1))
    return quantile * float(changes.std(ddof=1)) / math.sqrt(n)
