"""Cumulative link models: ordered scores without the claim that steps are equal.

logit P(y <= k) = threshold_k - (x beta + u), with u normal per group in the mixed model.

McCullagh (1980), Regression models for ordinal data. The fixed model is fitted by statsmodels. The
mixed one is ours, as no library that is kept up has it in Python: adaptive Gauss-Hermite quadrature
(Pinheiro & Bates, 1995, Approximations to the log-likelihood function in the nonlinear
mixed-effects model), and the gradient from the posterior means of the scores (Fisher's identity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from annotations.statistics.ratings import RatingsError

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
POINTS = 30
MODE_STEPS = 50
MODE_PRECISION = 1e-10
POLISHING_STEPS = 5
SEPARATED = 25.0
"""A beta beyond this is on its way to infinity."""
FLAT = 1e-6
"""Largest gradient per score at what is called a maximum."""
EXPLAINED = "a column of x explains the scores completely"


@dataclass(frozen=True, eq=False)
class OrdinalFit:
    thresholds: Array
    """Between the values that occur, ascending."""
    beta: Array
    """One a column of x."""
    log_likelihood: float
    standard_errors: Array
    """Of beta."""
    sd: float | None = None
    """Of the groups, on the scale of the link."""
    modes: Array | None = None
    """Per group in the order of the groups' sorted names: what u most probably is."""


class OrdinalError(ValueError):
    """The model cannot be fitted; the message says why."""


def ordinal_fixed(
    y: ArrayLike, x: ArrayLike, *, link: Literal["logit", "probit"] = "logit"
) -> OrdinalFit:
    """y: n ordered scores; x: n x columns, without an intercept.

    Raises OrdinalError where no finite maximum was found, RatingsError for missing scores.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    codes, design = _coded(y, x)
    quiet = {"disp": False, "warn_convergence": False}
    model = OrderedModel(codes, design, distr=link)
    fit = model.fit(method="bfgs", maxiter=1000, gtol=1e-8, **quiet)
    columns = design.shape[1]
    if not np.isfinite(fit.params).all() or np.abs(fit.params[:columns]).max(initial=0) > SEPARATED:
        raise OrdinalError(EXPLAINED)
    return OrdinalFit(
        thresholds=np.asarray(model.transform_threshold_params(fit.params)[1:-1], np.float64),
        beta=np.asarray(fit.params[:columns], np.float64),
        log_likelihood=float(fit.llf),
        standard_errors=np.asarray(fit.bse[:columns], np.float64),
    )


def ordinal_mixed(
    y: ArrayLike,
    x: ArrayLike,
    group: ArrayLike,
    *,
    times: ArrayLike | None = None,
    points: int = POINTS,
) -> OrdinalFit:
    """y: n ordered scores; x: n x columns, without an intercept; group: n names.

    times: how often each row occurred, where equal rows were put together. points: of the
    quadrature per group. Raises OrdinalError where the optimiser finds no maximum.
    """
    from scipy.optimize import minimize

    codes, design = _coded(y, x)
    names, groups = np.unique(np.asarray(group), return_inverse=True)
    if len(names) < 2:
        raise OrdinalError("a random effect needs two groups or more")
    weights = np.ones(len(codes)) if times is None else np.asarray(times, dtype=np.float64)
    problem = _Mixed(codes, design, groups.astype(np.int64), len(names), weights, points)
    found = minimize(
        problem.deviance, problem.start(), jac=True, method="BFGS", options={"gtol": 1e-6}
    )
    information = problem.information(found.x)
    parameters = problem.polished(found.x, information)
    value, gradient = problem.deviance(parameters)
    thresholds, beta, sd = problem.unpacked(parameters)
    if np.abs(beta).max(initial=0) > SEPARATED:
        raise OrdinalError(EXPLAINED)
    if not np.isfinite(value) or np.abs(gradient).max() > FLAT * weights.sum():
        raise OrdinalError("the likelihood has no maximum that could be found")
    covariance = np.linalg.pinv(information)
    columns = slice(problem.cuts, problem.cuts + len(beta))
    return OrdinalFit(
        thresholds=thresholds,
        beta=beta,
        log_likelihood=-value,
        standard_errors=np.sqrt(np.maximum(0, np.diag(covariance)[columns])),
        sd=sd,
        modes=sd * problem.mode,
    )


class _Mixed:
    """Minus the log-likelihood in (first threshold, log steps, beta, log sd).

    The modes of one call are where the next one begins to look for them.
    """

    def __init__(
        self, codes: Ids, x: Array, group: Ids, groups: int, times: Array, points: int
    ) -> None:
        self.codes, self.x, self.group, self.groups, self.times = codes, x, group, groups, times
        self.cuts = int(codes.max())
        self.nodes, weights = np.polynomial.hermite.hermgauss(points)
        self.log_weights = np.log(weights) + self.nodes**2
        self.mode = np.zeros(groups)

    def start(self) -> Array:
        counts = np.bincount(self.codes, weights=self.times)
        share = np.cumsum(counts)[:-1] / counts.sum()
        cuts = np.log(share / (1 - share))
        steps = np.log(np.maximum(np.diff(cuts), 1e-3))
        return np.concatenate([cuts[:1], steps, np.zeros(self.x.shape[1]), [np.log(0.5)]])

    def unpacked(self, parameters: Array) -> tuple[Array, Array, float]:
        first, steps = parameters[0], np.exp(parameters[1 : self.cuts])
        thresholds = np.concatenate([[first], first + np.cumsum(steps)])
        return thresholds, parameters[self.cuts : -1], float(np.exp(parameters[-1]))

    def deviance(self, parameters: Array) -> tuple[float, Array]:
        thresholds, beta, sd = self.unpacked(parameters)
        bounds = np.concatenate([[-np.inf], thresholds, [np.inf]])
        upper, lower = bounds[self.codes + 1], bounds[self.codes]
        eta = self.x @ beta
        width = self._find_modes(upper - eta, lower - eta, sd)
        u = self.mode + np.sqrt(2) * width * self.nodes[:, None]  # points x groups
        shift = eta + sd * u[:, self.group]  # points x n
        probability, slope_upper, slope_lower = _slopes(upper - shift, lower - shift)
        log_joint = self._by_group(np.log(probability)) - u**2 / 2
        log_joint += self.log_weights[:, None] + np.log(width / np.sqrt(np.pi))
        top = log_joint.max(axis=0)
        shares = np.exp(log_joint - top)
        total = shares.sum(axis=0)
        value = float((np.log(total) + top).sum())
        posterior = (shares / total)[:, self.group] * self.times
        pull = posterior * (slope_lower - slope_upper)  # d log p / d eta
        gradient = np.concatenate(
            [
                self._threshold_gradient(
                    (posterior * slope_upper).sum(axis=0),
                    (posterior * slope_lower).sum(axis=0),
                    parameters,
                ),
                pull.sum(axis=0) @ self.x,
                [sd * float((pull * u[:, self.group]).sum())],
            ]
        )
        return -value, -gradient

    def polished(self, parameters: Array, information: Array) -> Array:
        """A few steps of Newton, as BFGS stops early on flat ground."""
        value, gradient = self.deviance(parameters)
        for _ in range(POLISHING_STEPS):
            step = np.linalg.lstsq(information, gradient, rcond=1e-10)[0]
            better, next_gradient = self.deviance(parameters - step)
            if not better < value or np.abs(step).max() > 1:
                break
            parameters, value, gradient = parameters - step, better, next_gradient
        return parameters

    def information(self, parameters: Array) -> Array:
        """By central differences of the gradient."""
        width = 1e-4
        rows = []
        for direction in np.eye(len(parameters)) * width:
            above = self.deviance(parameters + direction)[1]
            below = self.deviance(parameters - direction)[1]
            rows.append((above - below) / (2 * width))
        table = np.array(rows)
        return (table + table.T) / 2

    def _find_modes(self, upper: Array, lower: Array, sd: float) -> Array:
        """Sets the modes of the groups' standard normal effects; returns their widths."""
        for _ in range(MODE_STEPS):
            shift = sd * self.mode[self.group]
            first, second = _eta_derivatives(upper - shift, lower - shift)
            slope = sd * self._by_group(first[None])[0] - self.mode
            bend = 1 - sd**2 * self._by_group(second[None])[0]
            step = np.clip(slope / bend, -2, 2)
            self.mode = self.mode + step
            if np.abs(step).max() < MODE_PRECISION:
                break
        widths: Array = 1 / np.sqrt(bend)
        return widths

    def _by_group(self, values: Array) -> Array:
        """points x n -> points x groups."""
        points = len(values)
        bins = self.group + self.groups * np.arange(points)[:, None]
        summed = np.bincount(
            bins.ravel(), weights=(values * self.times).ravel(), minlength=points * self.groups
        )
        return summed.reshape(points, self.groups).astype(np.float64, copy=False)

    def _threshold_gradient(self, upper: Array, lower: Array, parameters: Array) -> Array:
        per_cut = np.bincount(self.codes, weights=upper, minlength=self.cuts + 1)[: self.cuts]
        per_cut -= np.bincount(self.codes, weights=lower, minlength=self.cuts + 1)[1:]
        # A step moves every threshold above it.
        above = np.cumsum(per_cut[::-1])[::-1]
        return np.concatenate([above[:1], above[1:] * np.exp(parameters[1 : self.cuts])])


def _slopes(upper: Array, lower: Array) -> tuple[Array, Array, Array]:
    """P(lower < y <= upper), and density over it at either end."""
    # The side on which both tails are small keeps the digits of the difference.
    flip = (upper + lower > 0) | np.isinf(upper)
    high, low = np.where(flip, -lower, upper), np.where(flip, -upper, lower)
    probability = np.maximum(expit(high) - expit(low), 1e-300)
    top, bottom = expit(upper), expit(lower)
    density_upper = top * expit(-upper)
    density_lower = bottom * expit(-lower)
    return probability, density_upper / probability, density_lower / probability


def _eta_derivatives(upper: Array, lower: Array) -> tuple[Array, Array]:
    """First and second derivative of log P with respect to what is added to eta."""
    _, slope_upper, slope_lower = _slopes(upper, lower)
    first = slope_lower - slope_upper
    bend_upper = slope_upper * (1 - 2 * expit(upper))
    bend_lower = slope_lower * (1 - 2 * expit(lower))
    return first, bend_upper - bend_lower - first**2


def _coded(y: ArrayLike, x: ArrayLike) -> tuple[Ids, Array]:
    scores, design = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if design.ndim != 2 or len(design) != len(scores):
        raise RatingsError("x has a row per score.")
    if np.isnan(scores).any() or np.isnan(design).any():
        raise RatingsError("A score is missing: leave it out.")
    values, codes = np.unique(scores, return_inverse=True)
    if len(values) < 2:
        raise OrdinalError("every score is the same")
    if np.linalg.matrix_rank(design - design.mean(axis=0)) < design.shape[1]:
        raise OrdinalError("a column of x does not vary, or follows from the others")
    return codes.astype(np.int64), design
