"""The equations of a model with two crossed random factors, the larger one absorbed.

y = X b + Z_1 u_1 + Z_2 u_2 + e, with var(u_1) = a s2, var(u_2) = c s2, var(e) = s2. Given a, the
large first factor enters only through M = I - Z_1 D Z_1', where D = a / (1 + a m) for a level with
m ratings. With A = [Z_2, X, y] the products A'MA = A'A - sum_m D_m S_m are therefore all that a fit
needs, and S_m, summed over the levels with the same m, are made once: one evaluation costs as much
as there are different m, however many items there are.

Henderson (1953), Estimation of variance and covariance components, Biometrics 9, 226-252 (the
absorption); Bates, Maechler, Bolker & Walker (2015), Fitting linear mixed-effects models using
lme4, Journal of Statistical Software 67(1) (the scaling that allows a variance of 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.sparse import csr_array, hstack

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Absorbed:
    design: Any
    """ratings x (R + p + 1), CSR: one-hot of the kept factor's R levels, fixed effects, y."""
    per_level: Any
    """levels of the absorbed factor x (R + p + 1), CSR: the sums of `design` over its ratings."""
    ratings_of_level: Codes
    sizes: Array
    """The different numbers of ratings a level has."""
    levels_of_size: Array
    kept: int
    """R, levels of the kept factor."""
    whole: Array
    """A'A, flat."""
    by_size: Array
    """sizes x (R + p + 1)^2: the S_m."""

    @property
    def columns(self) -> int:
        """R + p, without y."""
        return int(self.design.shape[1]) - 1

    @property
    def freedom(self) -> int:
        """Ratings less fixed effects."""
        return int(self.design.shape[0]) - (self.columns - self.kept)


@dataclass(frozen=True, eq=False)
class Solved:
    """The mixed-model equations at one pair of variance ratios."""

    log_determinants: float
    """Of the ratings' covariance over s2, and of the fixed effects' information times s2."""
    squares: float
    """Generalised residual sum of squares: its mean over the degrees of freedom estimates s2."""
    effects: Array
    """Levels of the kept factor, then fixed effects."""
    covariance: Array
    """Prediction errors of `effects` over s2."""
    products: Array
    """A'MA."""
    swollen: Array
    """1 + a m for each size m."""


def absorb(y: Array, absorbed: Codes, kept: Codes, fixed: Any) -> Absorbed:
    """absorbed, kept: codes from 0, one a rating; fixed: ratings x p, CSR."""
    rows = np.arange(y.size + 1)
    ones = np.ones(y.size)
    levels = int(kept.max()) + 1
    one_hot = csr_array((ones, kept, rows), shape=(y.size, levels))
    design = csr_array(hstack([one_hot, fixed, csr_array(y[:, None])], format="csr"))
    groups = csr_array((ones, absorbed, rows), shape=(y.size, int(absorbed.max()) + 1))
    per_level = csr_array(groups.T @ design)
    ratings_of_level = np.bincount(absorbed)
    sizes, levels_of_size = np.unique(ratings_of_level, return_counts=True)
    by_size = []
    for size in sizes:
        sums = per_level[np.flatnonzero(ratings_of_level == size)].toarray()
        by_size.append((sums.T @ sums).ravel())
    return Absorbed(
        design=design,
        per_level=per_level,
        ratings_of_level=ratings_of_level,
        sizes=sizes.astype(np.float64),
        levels_of_size=levels_of_size.astype(np.float64),
        kept=levels,
        whole=(design.T @ design).toarray().ravel(),
        by_size=np.array(by_size),
    )


def solve(system: Absorbed, absorbed_ratio: float, kept_ratio: float) -> Solved:
    """At variances of the two factors that are so many times the residual variance.

    Raises numpy.linalg.LinAlgError where fixed effects are linearly dependent.
    """
    kept, last = system.kept, system.columns
    swollen = 1 + absorbed_ratio * system.sizes
    shrinkage = absorbed_ratio / swollen
    products = (system.whole - shrinkage @ system.by_size).reshape(last + 1, last + 1)
    inner, right = products[:last, :last], products[:last, last]
    scale = np.ones(last)
    scale[:kept] = kept_ratio**0.5
    equations = scale[:, None] * inner * scale
    equations[np.arange(kept), np.arange(kept)] += 1
    factor = cholesky(equations, lower=True, check_finite=False)
    inverse = cho_solve((factor, True), np.eye(last), check_finite=False)
    covariance = scale[:, None] * inverse * scale
    effects = covariance @ right
    squares = float(products[last, last] - right @ effects)
    log_determinants = float(system.levels_of_size @ np.log(swollen))
    log_determinants += 2 * float(np.log(np.diagonal(factor)).sum())
    return Solved(
        log_determinants=log_determinants,
        squares=squares,
        effects=effects,
        covariance=covariance,
        products=products,
        swollen=swollen,
    )


def ratio_gradient(system: Absorbed, solved: Solved) -> Array:
    """Of the profiled restricted deviance by a and by c; needs a residual above 0."""
    kept, last = system.kept, system.columns
    weight = system.freedom / solved.squares
    left = np.append(-solved.effects, 1.0)
    by_product = weight * np.outer(left, left)
    by_product[:last, :last] += solved.covariance
    by_absorbed = float((system.levels_of_size * system.sizes / solved.swollen).sum())
    by_absorbed -= float((system.by_size @ by_product.ravel()) @ (1 / solved.swollen**2))
    block = solved.products[:last, :kept]
    score = solved.products[:kept, last] - block.T @ solved.effects
    by_kept = float(np.trace(block[:kept]) - (block * (solved.covariance @ block)).sum())
    by_kept -= weight * float(score @ score)
    return np.array([by_absorbed, by_kept])
