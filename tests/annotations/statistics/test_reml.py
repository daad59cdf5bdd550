from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from annotations.statistics.reml import (
    CrossedFit,
    NotEstimableError,
    crossed_reml,
    residual_variances,
)
from tests.annotations.statistics.golden import entries, expected, needs_golden
from tests.annotations.statistics.tables import SHROUT_FLEISS, simulated

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


def long(values: Array) -> tuple[Array, Codes, Codes]:
    rater, item = np.nonzero(~np.isnan(values))
    return values[rater, item], item.astype(np.int64), rater.astype(np.int64)


class Dense:
    """The same model by the textbook: the whole covariance matrix of the ratings."""

    def __init__(self, fit: CrossedFit, y: Array, item: Codes, rater: Codes, x: Array) -> None:
        self.y, self.x = y, x
        self.items = np.eye(item.max() + 1)[item]
        self.raters = np.eye(rater.max() + 1)[rater]
        self.at(fit.variances.item, fit.variances.rater, fit.variances.residual)

    def at(self, item: float, rater: float, residual: float) -> Dense:
        self.variances = (item, rater, residual)
        self.whole = (
            item * self.items @ self.items.T
            + rater * self.raters @ self.raters.T
            + residual * np.eye(self.y.size)
        )
        inverse = np.linalg.inv(self.whole)
        self.information = self.x.T @ inverse @ self.x
        self.fixed_covariance = np.linalg.inv(self.information)
        self.fixed = self.fixed_covariance @ self.x.T @ inverse @ self.y
        self.p = inverse - inverse @ self.x @ self.fixed_covariance @ self.x.T @ inverse
        return self

    @property
    def criterion(self) -> float:
        freedom = self.y.size - self.x.shape[1]
        determinants = np.linalg.slogdet(self.whole)[1] + np.linalg.slogdet(self.information)[1]
        return float(freedom * np.log(2 * np.pi) + determinants + self.y @ self.p @ self.y)


def assert_same(fit: CrossedFit, dense: Dense) -> None:
    item, rater, residual = dense.variances
    z, w, p = dense.items, dense.raters, dense.p
    pairs: list[tuple[Any, Any]] = [
        (fit.criterion, dense.criterion),
        (fit.fixed, dense.fixed),
        (fit.fixed_covariance, dense.fixed_covariance),
        (fit.item_effects, item * z.T @ p @ dense.y),
        (fit.rater_effects, rater * w.T @ p @ dense.y),
        (fit.item_effect_variances, item - item**2 * np.diag(z.T @ p @ z)),
        (fit.rater_effect_variances, rater - rater**2 * np.diag(w.T @ p @ w)),
        (fit.residuals, residual * p @ dense.y),
        (residual_variances(fit), residual**2 * np.diag(p)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-8)


@needs_golden
def test_golden_incomplete_shrout_fleiss() -> None:
    name = "shrout_fleiss_incomplete"
    item, rater, score = np.array(entries()[name]["data"]["ratings"]).T
    fit = crossed_reml(score, item - 1, rater - 1)
    for ours, key in [
        (fit.variances.as_array(), "variance_components_item_rater_residual"),
        (fit.criterion, "reml_criterion"),
        (fit.fixed[0], "grand_mean"),
        (fit.rater_effects, "rater_severity_blups"),
    ]:
        wanted, tolerance = expected(name, key)
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=tolerance)


def test_complete_data_give_the_variances_of_the_mean_squares() -> None:
    """Shrout & Fleiss (1979), table 2: (11.24 - 1.02) / 4, (32.49 - 1.02) / 6, 1.02."""
    fit = crossed_reml(*long(SHROUT_FLEISS))
    assert fit.variances.as_array() == pytest.approx([2.55556, 5.24444, 1.01944], abs=1e-5)
    assert fit.fixed[0] == pytest.approx(SHROUT_FLEISS.mean())
    assert fit.at_bound == ()
    assert fit.converged


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(5, 9), st.booleans())
def test_every_figure_is_that_of_the_whole_covariance_matrix(
    seed: int, raters: int, items: int, covariate: bool
) -> None:
    y, item, rater = long(simulated(raters, items, seed=seed, missing=0.2, sd=(1, 1, 0.7)))
    x = np.ones((y.size, 1))
    if covariate:
        x = np.column_stack([x, np.random.default_rng(seed).normal(size=y.size)])
    try:
        fit = crossed_reml(y, item, rater, x)
    except NotEstimableError:
        return
    dense = Dense(fit, y, item, rater, x)
    assert_same(fit, dense)
    best = fit.criterion
    at = fit.variances.as_array()
    for place in range(3):
        for factor in (0.9, 1.1):
            moved = at.copy()
            moved[place] = moved[place] * factor if moved[place] else 0.01 * at[2]
            assert dense.at(*moved).criterion >= best - 1e-8


def test_a_search_that_gets_stuck_between_two_peaks_begins_elsewhere() -> None:
    y, item, rater = long(simulated(2, 9, seed=1096, missing=0.2, sd=(1, 1, 0.7)))
    x = np.column_stack([np.ones(y.size), np.random.default_rng(1096).normal(size=y.size)])
    fit = crossed_reml(y, item, rater, x)
    assert fit.converged
    assert fit.variances.rater == 0
    assert fit.criterion == pytest.approx(39.278256, abs=1e-5)  # by a search without derivatives


def test_more_raters_than_items_absorbs_the_raters() -> None:
    y, item, rater = long(simulated(9, 4, sd=(1, 1, 1)))
    assert_same(
        crossed_reml(y, item, rater),
        Dense(crossed_reml(y, item, rater), y, item, rater, np.ones((y.size, 1))),
    )


def test_items_and_raters_play_the_same_part() -> None:
    y, item, rater = long(simulated(5, 12, missing=0.3, sd=(1, 0.5, 1)))
    fit, turned = crossed_reml(y, item, rater), crossed_reml(y, rater, item)
    assert turned.variances.item == pytest.approx(fit.variances.rater, rel=1e-6)
    assert turned.rater_effects == pytest.approx(fit.item_effects, abs=1e-7)


def test_repeated_meetings_and_sparse_fixed_effects() -> None:
    """Two models answer each stimulus and every rater scores both: their contrast is fixed."""
    generator = np.random.default_rng(8)
    item, rater, model = (a.ravel() for a in np.meshgrid(range(30), range(4), range(2)))
    y = generator.normal(size=30)[item] + generator.normal(size=4)[rater] + 0.8 * model
    y = y + generator.normal(size=y.size)
    x = np.column_stack([np.ones(y.size), model])
    fit = crossed_reml(y, item, rater, csr_array(x))
    assert_same(fit, Dense(fit, y, item, rater, x))
    paired = y[model == 1].mean() - y[model == 0].mean()
    assert fit.fixed[1] == pytest.approx(paired)  # balanced: nothing else to learn from


def test_a_variance_of_zero_is_found_at_its_bound() -> None:
    values = simulated(4, 40, sd=(1, 0, 1))
    values -= values.mean(axis=1, keepdims=True)  # raters more alike than chance would make them
    fit = crossed_reml(*long(values))
    assert fit.variances.rater == 0
    assert fit.at_bound == ("rater",)
    assert fit.rater_effects == pytest.approx([0] * 4)
    assert "rater variance is estimated as 0" in fit.notes[0]


def test_the_higher_of_two_peaks_is_found() -> None:
    """Two raters with 8 of 40 items in common, items of two kinds: a lower peak lies elsewhere."""
    values = np.full((2, 40), 2.0) + np.repeat([0.0, 6.0], 20)
    values += np.random.default_rng(1).normal(size=values.shape) * 0.5
    values[0] += 1
    values[0, 24:] = np.nan
    values[1, :16] = np.nan
    y, item, rater = long(values)
    fit = crossed_reml(y, item, rater)
    dense = Dense(fit, y, item, rater, np.ones((y.size, 1)))
    assert fit.criterion == pytest.approx(dense.criterion)
    assert fit.criterion < dense.at(2.234, 2.0257, 3.2011).criterion - 0.2


def test_a_code_that_nobody_used_has_an_effect_of_zero() -> None:
    y, item, rater = long(SHROUT_FLEISS)
    fit = crossed_reml(y, item + 1, rater + 1)
    assert (fit.item_effects[0], fit.rater_effects[0]) == (0, 0)
    assert fit.item_effect_variances[0] == pytest.approx(fit.variances.item)
    assert fit.rater_effect_variances[0] == pytest.approx(fit.variances.rater)


def test_a_large_mean_costs_no_digits() -> None:
    y, item, rater = long(SHROUT_FLEISS)
    far = crossed_reml(y + 1e6, item, rater)
    near = crossed_reml(y, item, rater)
    assert far.variances.as_array() == pytest.approx(near.variances.as_array(), rel=1e-6)
    assert far.fixed[0] == pytest.approx(near.fixed[0] + 1e6)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((3, 4), 2.0), "every rating is the same"),
        (np.array([[1.0, 2, 3]]), "fewer than two raters"),
        (np.array([[1.0], [2], [4]]), "fewer than two items"),
        (np.array([[1.0, 2, 3, np.nan], [np.nan] * 3 + [3.0]]), "no item has two ratings"),
        (np.array([[1.0, 2], [2, 3]]), "nothing is left over"),
        (np.array([[1.0, 5, 3, 2], [1, 5, 3, 2], [2, 6, 4, 3]]), "nothing is left over"),
        (np.empty((2, 0)), "there are no ratings"),
    ],
)
def test_what_cannot_be_estimated_says_why(values: Array, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        crossed_reml(*long(values))


def test_dependent_fixed_effects_and_missing_ratings_are_refused() -> None:
    y, item, rater = long(SHROUT_FLEISS)
    with pytest.raises(ValueError, match="linearly dependent"):
        crossed_reml(y, item, rater, np.ones((y.size, 2)))
    with pytest.raises(ValueError, match="one a rating"):
        crossed_reml(y[1:], item, rater)
    y[3] = np.nan
    with pytest.raises(ValueError, match="missing or infinite"):
        crossed_reml(y, item, rater)
