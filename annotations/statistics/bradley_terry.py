"""Bradley-Terry models by maximum likelihood, on a log scale that sums to zero.

d = theta_a - theta_b (+ the order effect, where a stood on side A) and

    Davidson     P(a) : P(tie) : P(b) = e^(d/2) : nu : e^(-d/2)
    Rao-Kupper   P(a) = e^d / (e^d + t),  P(b) = 1 / (1 + t e^d),  t >= 1
    half tie     P(a) = e^d / (e^d + 1), a tie counting as half a win for each

Bradley & Terry (1952), Rank analysis of incomplete block designs. Davidson (1970), On extending the
Bradley-Terry model to accommodate ties. Rao & Kupper (1967), Ties in paired-comparison experiments.
Davidson & Beaver (1977), On extending the Bradley-Terry model to incorporate within-pair order
effects; their tie parameter is nu times the root of their order parameter, the likelihood is equal.

Without ties Davidson and Rao-Kupper are the plain model: nu = 0, t = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from annotations.statistics.comparisons import Comparisons
from annotations.statistics.newton import maximise

Family = Literal["bt_davidson", "bt_rao_kupper", "bt_half_tie"]
Array = NDArray[np.float64]
NO_TIES_LOG_NU = -40.0
"""e^-40 ties a comparison: none."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Pairs that were compared, and how often each was won by `a`, tied, won by `b`."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    models: int
    order: bool
    """Whether a stood on side A; otherwise a < b."""
    per_cluster: csr_array
    """3 x cells rows (a won, tie, b won, cell by cell), a column a cluster."""

    def counts(self, weights: Array) -> Array:
        """weights: B x clusters. Returns B x cells x 3."""
        summed = np.asarray(self.per_cluster @ weights.T)
        return np.ascontiguousarray(summed.T).reshape(len(weights), len(self.a), 3)

    @property
    def total(self) -> Array:
        """1 x cells x 3."""
        return self.counts(np.ones((1, self.per_cluster.shape[1])))


@dataclass(frozen=True, eq=False)
class Fits:
    """Maxima, one row a resample."""

    theta: Array
    """B x models, each row with sum 0."""
    tie: Array
    """nu or t per row; empty for the half-tie model."""
    order_effect: Array
    """Per row; empty without one."""
    log_likelihood: Array
    covariance: Array
    """B x K x K of theta, then log nu or log t, then the order effect; from the information."""
    reached: NDArray[np.bool_]
    parameters: Array
    """B x K, in the order of the covariance."""


def cells(data: Comparisons, clusters: NDArray[np.int64], order_effect: bool) -> Cells:
    """clusters: a number from 0 per comparison."""
    if order_effect and data.first_shown is not None:
        swap = ~data.first_shown
    else:
        swap = data.first > data.second
    a = np.where(swap, data.second, data.first)
    b = np.where(swap, data.first, data.second)
    outcome = np.where(swap, -data.outcome, data.outcome) + 1
    models = len(data.models)
    pairs, cell = np.unique(a * models + b, return_inverse=True)
    shape = (3 * len(pairs), int(clusters.max(initial=-1)) + 1)
    ones = np.ones(len(data))
    table = csr_array((ones, (3 * cell + outcome, clusters)), shape=shape)
    return Cells(pairs // models, pairs % models, models, order_effect, table)


def fit(family: Family, cells: Cells, counts: Array, start: Array | None = None) -> Fits:
    """counts: B x cells x 3, for which maxima exist (see connected.py).

    start: K parameters to begin from, theta and then the logarithm of the tie parameter.
    """
    models, has_tie = cells.models, family != "bt_half_tie"
    design = _design(cells, has_tie)
    tied = counts[:, :, 1].sum(axis=1) > 0
    at = np.zeros((len(counts), design.shape[1]))
    at[:] = 0.0 if start is None else start
    lower = np.full(design.shape[1], -np.inf)
    if has_tie:
        without, begin = (0.0, 0.5) if family == "bt_rao_kupper" else (NO_TIES_LOG_NU, 0.0)
        warm = (
            np.where(at[:, models] > without, at[:, models], begin) if start is not None else begin
        )
        at[:, models] = np.where(tied, warm, without)
        lower[models] = without
    parts = {"bt_davidson": _davidson, "bt_rao_kupper": _rao_kupper, "bt_half_tie": _half_tie}[
        family
    ]

    def likelihood(beta: Array) -> tuple[Array, Array, Array]:
        tie = beta[:, [models]] if has_tie else np.zeros((len(beta), 1))
        return _assemble(parts(beta @ design.T, tie, counts), design, models, has_tie, tied)

    beta, reached = maximise(likelihood, at, lower)
    value, _, information = likelihood(beta)
    none = 1.0 if family == "bt_rao_kupper" else 0.0
    return Fits(
        theta=beta[:, :models],
        tie=np.where(tied, np.exp(beta[:, models]), none) if has_tie else np.zeros(0),
        order_effect=beta[:, -1] if cells.order else np.zeros(0),
        log_likelihood=value,
        covariance=np.asarray(np.linalg.inv(information), np.float64),
        reached=reached,
        parameters=beta,
    )


def win_tie_loss(family: Family, difference: Array, tie: float) -> tuple[Array, Array, Array]:
    """Probabilities for the first of two models that are `difference` log units apart."""
    if family == "bt_half_tie":
        return expit(difference), np.zeros_like(difference), expit(-difference)
    if family == "bt_rao_kupper":
        win, loss = expit(difference - np.log(tie)), expit(-difference - np.log(tie))
        return win, 1 - win - loss, loss
    half = np.exp(-np.abs(difference))
    total = 1 + half + tie * np.sqrt(half)
    stronger, weaker = 1 / total, half / total
    win = np.where(difference >= 0, stronger, weaker)
    loss = np.where(difference >= 0, weaker, stronger)
    return win, tie * np.sqrt(half) / total, loss


Parts = tuple[Array, Array, Array, Array, Array, Array]
"""Log-likelihood (B); d/dline (B x cells), d/dtie (B); minus the second derivatives: line (B x
cells), line and tie (B x cells), tie (B)."""


def _davidson(line: Array, tie: Array, counts: Array) -> Parts:
    a, ties, b = counts[..., 0], counts[..., 1], counts[..., 2]
    n = a + ties + b
    half = np.abs(line) / 2
    top = np.maximum(half, tie)
    total = top + np.log(np.exp(half - top) + np.exp(-half - top) + np.exp(tie - top))
    p_a, p_tie, p_b = np.exp(line / 2 - total), np.exp(tie - total), np.exp(-line / 2 - total)
    value = ((a - b) * line / 2 + ties * tie - n * total).sum(axis=1)
    pull = (p_a - p_b) / 2
    return (
        value,
        (a - b) / 2 - n * pull,
        (ties - n * p_tie).sum(axis=1),
        n * ((p_a + p_b) / 4 - pull**2),
        -n * p_tie * pull,
        (n * p_tie * (1 - p_tie)).sum(axis=1),
    )


def _rao_kupper(line: Array, tie: Array, counts: Array) -> Parts:
    # P(tie) = (t^2 - 1) P(a) P(b), so that a tie is a win for each, times a term of t alone.
    ties = counts[..., 1]
    a, b = counts[..., 0] + ties, counts[..., 2] + ties
    p_a, p_b = expit(line - tie), expit(-line - tie)
    all_ties = ties.sum(axis=1)
    log_t = np.where(all_ties > 0, tie[:, 0], 1.0)
    value = -(a * np.logaddexp(0, tie - line) + b * np.logaddexp(0, tie + line)).sum(axis=1)
    spread = 1 - np.exp(-2 * log_t)
    bend_a, bend_b = a * p_a * (1 - p_a), b * p_b * (1 - p_b)
    return (
        value + all_ties * (2 * log_t + np.log(spread)),
        a * (1 - p_a) - b * (1 - p_b),
        2 * all_ties / spread - (a * (1 - p_a) + b * (1 - p_b)).sum(axis=1),
        bend_a + bend_b,
        bend_b - bend_a,
        (bend_a + bend_b).sum(axis=1) + 4 * all_ties * (1 - spread) / spread**2,
    )


def _half_tie(line: Array, tie: Array, counts: Array) -> Parts:
    a, b = counts[..., 0] + counts[..., 1] / 2, counts[..., 2] + counts[..., 1] / 2
    p_a = expit(line)
    none = np.zeros(len(line))
    value = -(a * np.logaddexp(0, -line) + b * np.logaddexp(0, line)).sum(axis=1)
    bend = (a + b) * p_a * (1 - p_a)
    return value, a * (1 - p_a) - b * p_a, none, bend, np.zeros_like(line), none


def _design(cells: Cells, has_tie: bool) -> Array:
    """cells x K: how the parameters make each line; the tie parameter takes no part in it."""
    models = np.eye(cells.models)
    n = len(cells.a)
    tie, order = np.zeros((n, int(has_tie))), np.ones((n, int(cells.order)))
    return np.hstack([models[cells.a] - models[cells.b], tie, order])


def _assemble(
    parts: Parts, design: Array, models: int, has_tie: bool, tied: NDArray[np.bool_]
) -> tuple[Array, Array, Array]:
    value, line, tie, line_line, line_tie, tie_tie = parts
    k = design.shape[1]
    gradient = line @ design
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    information = (line_line @ products).reshape(-1, k, k)
    # The level of theta is free: this fixes its sum without touching any difference.
    information[:, :models, :models] += 1 / models
    if has_tie:
        gradient[:, models] = np.where(tied, tie, 0.0)
        crossed = np.where(tied[:, None], line_tie @ design, 0.0)
        information[:, models, :] = crossed
        information[:, :, models] = crossed
        information[:, models, models] = np.where(tied, tie_tie, 1.0)
    return value, gradient, information
