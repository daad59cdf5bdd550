"""Shares of independent answers.

Wilson (1927), Probable inference, the law of succession, and statistical inference. Clopper &
Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial.
"""

from __future__ import annotations

import math

from scipy.special import bdtr, betaincinv, ndtri

from annotations.statistics.estimate import CONFIDENCE


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    _check(successes, n)
    return score_interval(successes / n, n, float(ndtri((1 + confidence) / 2)))


def score_interval(share: float, n: float, critical: float) -> tuple[float, float]:
    """Wilson's interval for a share of `n` answers, which may be an effective number."""
    square = critical**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = critical * math.sqrt(share * (1 - share) / n + square / (4 * n**2)) / (1 + square / n)
    # At 0 and 1 one end is exact; rounding must not push it past.
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return low, high


def clopper_pearson(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    _check(successes, n)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def sign_test(successes: int, n: int) -> float:
    """Two-sided exact p of `successes` among `n` decided answers against 50 %."""
    _check(successes, n)
    fewer = min(successes, n - successes)
    return min(1.0, 2 * float(bdtr(fewer, n, 0.5)))


def _check(successes: float, n: float) -> None:
    if n <= 0:
        raise ValueError("A share of no answers is undefined.")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a share.")
