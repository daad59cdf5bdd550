"""Cumulative link models: published fits, recovery, what cannot be fitted."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from annotations.statistics.ordinal_model import (
    OrdinalError,
    OrdinalFit,
    ordinal_fixed,
    ordinal_mixed,
)
from annotations.statistics.ratings import RatingsError, ratings
from annotations.statistics.severity_ordinal import severity_ordinal
from tests.annotations.statistics.golden import entries, expected, needs_golden

ENTRY = "wine_bitterness"
Array = NDArray[np.float64]
# Bitterness of wine, Randall (1989); nine judges x (cold no no yes yes, warm no no yes yes).
WINE = "23344455 12132354 23325544 32323253 23433333 32322454 11222323 22233334 12323244"


def wine() -> tuple[Array, Array, NDArray[np.int64]]:
    """Rating, warm and contact, judge."""
    rows = entries()[ENTRY]["data"]["rows"]
    x = np.array([[row[1] == "warm", row[2] == "yes"] for row in rows], dtype=float)
    return np.array([row[0] for row in rows]), x, np.array([row[4] for row in rows])


def printed_wine() -> tuple[Array, Array, NDArray[np.int64]]:
    y = np.array([float(score) for score in WINE if score != " "])
    warm, contact = np.repeat([0, 1], 4), np.tile([0, 0, 1, 1], 2)
    x = np.tile(np.stack([warm, contact], axis=1), (9, 1)).astype(float)
    return y, x, np.repeat(np.arange(9), 8)


@needs_golden
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_fixed_model_of_wine(link: Literal["logit", "probit"]) -> None:
    y, x, _ = wine()
    found = ordinal_fixed(y, x, link=link)
    value, tolerance = expected(ENTRY, f"clm_{link}_thresholds_then_tempwarm_contactyes")
    assert np.allclose([*found.thresholds, *found.beta], value, rtol=0, atol=tolerance)
    if link == "logit":
        value, tolerance = expected(ENTRY, "clm_logit_loglik")
        assert found.log_likelihood == pytest.approx(value, abs=tolerance)


@needs_golden
def test_fixed_model_of_wine_with_judges() -> None:
    y, x, judge = wine()
    judges = (judge[:, None] == np.arange(2, 10)).astype(float)
    found = ordinal_fixed(y, np.hstack([x, judges]))
    value, tolerance = expected(ENTRY, "clm_fixed_judges_tempwarm_contactyes_then_judges2to9")
    assert np.allclose(found.beta, value, rtol=0, atol=tolerance)
    value, tolerance = expected(ENTRY, "clm_fixed_judges_loglik")
    assert found.log_likelihood == pytest.approx(value, abs=tolerance)


@needs_golden
def test_mixed_model_of_wine() -> None:
    found = ordinal_mixed(*wine())
    value, tolerance = expected(ENTRY, "clmm_logit_thresholds_then_tempwarm_contactyes")
    assert np.allclose([*found.thresholds, *found.beta], value, rtol=0, atol=tolerance)
    value, tolerance = expected(ENTRY, "clmm_judge_sd")
    assert found.sd == pytest.approx(value, abs=tolerance)
    value, tolerance = expected(ENTRY, "clmm_loglik")
    assert found.log_likelihood == pytest.approx(value, abs=tolerance)
    value, tolerance = expected(ENTRY, "clmm_judge_conditional_modes")
    assert found.modes is not None
    assert np.allclose(found.modes, value, rtol=0, atol=tolerance)


def test_models_of_wine_as_printed_by_christensen() -> None:
    """Christensen (2018), Cumulative link models for ordinal regression with the R package ordinal:
    the models of the wine data without and with random judges."""
    fixed = ordinal_fixed(*printed_wine()[:2])
    assert fixed.beta == pytest.approx([2.503, 1.528], abs=5e-4)
    assert fixed.standard_errors == pytest.approx([0.5287, 0.4766], abs=5e-4)
    assert fixed.log_likelihood == pytest.approx(-86.49, abs=5e-3)
    mixed = ordinal_mixed(*printed_wine())
    assert mixed.beta == pytest.approx([3.062, 1.833], abs=2e-3)
    assert mixed.standard_errors == pytest.approx([0.595, 0.512], abs=2e-3)
    assert mixed.sd == pytest.approx(1.13, abs=1e-2)


def simulated(
    groups: int, each: int, beta: float, sd: float, seed: int = 0
) -> tuple[Array, Array, NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    x = generator.normal(size=(len(group), 1))
    latent = beta * x[:, 0] + (sd * generator.normal(size=groups))[group]
    latent += generator.logistic(size=len(group))
    return np.digitize(latent, [-2, -0.5, 0.5, 2]).astype(float), x, group


def test_known_parameters_are_recovered() -> None:
    found = ordinal_mixed(*simulated(200, 15, beta=0.8, sd=1.2))
    assert found.beta[0] == pytest.approx(0.8, abs=0.1)
    assert found.sd == pytest.approx(1.2, abs=0.15)
    assert np.allclose(found.thresholds, [-2, -0.5, 0.5, 2], atol=0.25)


def test_more_points_change_nothing() -> None:
    data = simulated(30, 8, beta=0.5, sd=1.0)
    few, many = ordinal_mixed(*data, points=15), ordinal_mixed(*data, points=60)
    assert few.log_likelihood == pytest.approx(many.log_likelihood, abs=1e-6)
    assert few.beta == pytest.approx(many.beta, abs=1e-5)


def test_rows_put_together_are_the_rows() -> None:
    y, x, group = simulated(12, 30, beta=0.5, sd=0.8)
    x = np.sign(x)
    rows = np.column_stack([y, x, group])
    unique, times = np.unique(rows, axis=0, return_counts=True)
    whole = ordinal_mixed(y, x, group)
    short = ordinal_mixed(unique[:, 0], unique[:, 1:2], unique[:, 2], times=times)
    assert short.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-7)
    assert short.beta == pytest.approx(whole.beta, abs=1e-6)


def test_monotone_recoding_changes_nothing_and_turning_the_scale_turns_beta() -> None:
    y, x, group = simulated(20, 10, beta=0.5, sd=0.8)
    found = ordinal_mixed(y, x, group)
    assert ordinal_mixed(y**2 + 1, x, group).beta == pytest.approx(found.beta, abs=1e-9)
    turned = ordinal_mixed(-y, x, group)
    assert turned.beta == pytest.approx(-found.beta, abs=1e-5)
    assert turned.thresholds == pytest.approx(-found.thresholds[::-1], abs=1e-5)


def test_groups_that_do_not_differ_leave_the_fixed_model() -> None:
    y, x, group = simulated(15, 20, beta=0.5, sd=0.0, seed=3)
    mixed, fixed = ordinal_mixed(y, x, group), ordinal_fixed(y, x)
    assert mixed.sd is not None
    assert mixed.sd < 0.4
    assert mixed.log_likelihood >= fixed.log_likelihood - 1e-6
    assert mixed.beta == pytest.approx(fixed.beta, abs=0.05)


def test_what_cannot_be_fitted_is_refused_with_a_reason() -> None:
    separated = np.array([[0.0], [0.0], [1.0], [1.0], [2.0], [2.0]])
    scores = [1, 1, 2, 2, 3, 3]

    def mixed(y: ArrayLike, x: ArrayLike) -> OrdinalFit:
        return ordinal_mixed(y, x, [0, 1, 0, 1, 0, 1])

    for fit in (ordinal_fixed, mixed):
        with pytest.raises(OrdinalError, match="explains the scores completely"):
            fit(scores, separated)
        with pytest.raises(OrdinalError, match="every score is the same"):
            fit([2] * 6, separated)
        with pytest.raises(OrdinalError, match="does not vary"):
            fit([1, 2, 1, 2, 1, 2], np.ones((6, 1)))
        with pytest.raises(RatingsError, match="missing"):
            fit([1, 2, 1, 2, 1, np.nan], separated)
    with pytest.raises(OrdinalError, match="two groups"):
        ordinal_mixed([1, 2, 2, 1], [[0], [1], [0], [1]], [0, 0, 0, 0])


def rated(items: int = 150, raters: int = 5, seed: int = 0) -> tuple[Array, Array]:
    """Scores of 1 to 6, and what each rater adds on the logit scale."""
    generator = np.random.default_rng(seed)
    effects = np.linspace(-1, 1, raters)
    latent = 1.5 * generator.normal(size=items) + effects[:, None]
    latent = latent + generator.logistic(size=(raters, items))
    return 1 + np.digitize(latent, [-3, -1, 0, 1, 3]).astype(float), effects


def test_ordinal_severity_recovers_the_raters() -> None:
    scores, effects = rated()
    found = severity_ordinal(ratings(scores))
    ours = np.array([row["effect"] for row in found.rows])
    assert np.allclose(ours, effects, atol=0.3)
    assert ours.sum() == pytest.approx(0, abs=1e-9)
    assert found.value == pytest.approx(effects.std(ddof=1), abs=0.15)


def test_raters_of_different_items_are_comparable() -> None:
    scores, effects = rated(items=300)
    # The lowest scorer sees the better half only, so that a plain mean would mislead.
    others = scores[1:].mean(axis=0)
    best = others > np.median(others)
    scores[0, ~best] = np.nan
    found = severity_ordinal(ratings(scores))
    ours = np.array([row["effect"] for row in found.rows])
    assert np.allclose(ours, effects, atol=0.4)
    assert [row["n_ratings"] for row in found.rows] == [int(best.sum()), 300, 300, 300, 300]


def test_ordinal_severity_is_undefined_where_there_is_nothing_to_compare() -> None:
    assert "fewer than two people" in severity_ordinal(ratings([[1, 2, 3]])).undefined_because
    alone = ratings([[1, 2, np.nan, np.nan], [np.nan, np.nan, 3, 4]])
    assert "fewer than two items" in severity_ordinal(alone).undefined_because
    constant = severity_ordinal(ratings([[3, 3, 3], [3, 3, 3]]))
    assert constant.undefined_because == "every score is the same"
    many = ratings(np.tile([1.0, 2.0], (3, 4000)))
    assert "more than 20,000 ratings" in severity_ordinal(many).undefined_because
