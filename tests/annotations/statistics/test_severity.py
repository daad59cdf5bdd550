from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import Ratings, RatingsError, Scale, ratings
from annotations.statistics.severity import drift, fit, severity
from tests.annotations.statistics.golden import entries, expected, needs_golden
from tests.annotations.statistics.tables import NAN, ONE_RATER_CONSTANT, SHROUT_FLEISS, simulated


def in_order(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Everybody rates the items from first to last."""
    return np.where(np.isnan(values), NAN, np.arange(values.shape[1], dtype=float))


def rate_in_order(table: Ratings) -> Estimate:
    return drift(table, in_order(table.values))


@needs_golden
def test_golden_severity_of_incomplete_shrout_fleiss() -> None:
    name = "shrout_fleiss_incomplete"
    values = np.full((4, 6), NAN)
    for item, rater, score in entries()[name]["data"]["ratings"]:
        values[rater - 1, item - 1] = score
    result = severity(ratings(values))
    wanted, tolerance = expected(name, "rater_severity_blups")
    assert [row["effect"] for row in result.rows] == pytest.approx(wanted, abs=tolerance)
    wanted, tolerance = expected(name, "variance_components_item_rater_residual")
    assert result.value == pytest.approx(wanted[1] ** 0.5, abs=tolerance)


def test_severity_is_above_zero_for_who_scores_higher() -> None:
    """Shrout & Fleiss (1979): the first judge gives most, the second least."""
    result = severity(ratings(SHROUT_FLEISS))
    assert result.value == pytest.approx(5.24444**0.5, abs=1e-5)
    effects = [row["effect"] for row in result.rows]
    assert effects[0] == max(effects) > 0 > min(effects) == effects[1]
    assert sum(effects) == pytest.approx(0, abs=1e-9)
    assert [row["mean"] for row in result.rows] == pytest.approx(SHROUT_FLEISS.mean(axis=1))
    for row in result.rows:
        assert row["low"] < row["effect"] < row["high"]
        assert row["n_ratings"] == 6
    assert result.low is not None
    assert result.low < result.value < result.high  # type: ignore[operator]


def test_few_ratings_are_drawn_towards_the_others_and_know_less() -> None:
    values = simulated(6, 60, sd=(1, 0.01, 1), seed=2)
    values[0] += 1.5
    values[1] += 1.5
    values[1, 3:] = NAN
    often, seldom = severity(ratings(values)).rows[:2]
    assert often["effect"] > seldom["effect"] > 0
    assert seldom["high"] - seldom["low"] > often["high"] - often["low"]
    assert seldom["n_ratings"] == 3


def test_severity_sees_through_who_got_the_poor_items() -> None:
    values = simulated(5, 80, sd=(2, 0.5, 0.7), seed=3)
    values = values[:, np.argsort(values.mean(axis=0))]
    values[0] += 1 - values[0].mean() + values.mean()
    values[0, 50:] = NAN
    lenient, *others = severity(ratings(values)).rows
    assert lenient["mean"] < min(row["mean"] for row in others)
    assert lenient["effect"] > max(row["effect"] for row in others)


def test_a_rater_without_ratings_has_no_row() -> None:
    result = severity(ratings(np.vstack([SHROUT_FLEISS, np.full(6, NAN)])))
    assert [row["rater"] for row in result.rows] == [f"rater {n}" for n in range(1, 5)]


def test_raters_who_do_not_differ_have_effects_of_zero_and_an_interval_from_it() -> None:
    values = simulated(4, 40, sd=(1, 0, 1))
    values -= values.mean(axis=1, keepdims=True)
    result = severity(ratings(values))
    assert (result.value, result.low) == (0, 0)
    assert 0.1 < result.high < 1  # type: ignore[operator]
    assert {(row["effect"], row["low"]) for row in result.rows} == {(0, None)}


def test_the_same_seed_gives_the_same_interval() -> None:
    for statistic in (severity, fit):
        one, two, other = (statistic(ratings(SHROUT_FLEISS), seed=seed) for seed in (5, 5, 6))
        assert (one.low, one.high) == (two.low, two.high)
        assert one.low != other.low
        assert (one.seed, one.resamples) == (5, 20_000)


def test_drift_finds_who_drifts_and_how_much() -> None:
    generator = np.random.default_rng(4)
    values = simulated(5, 300, sd=(1, 0.5, 1), seed=4)
    order = np.array([generator.permutation(300) for _ in range(5)], dtype=float)
    values[2] += 0.01 * order[2]
    result = drift(ratings(values), order)
    assert [row["p_holm"] < 0.001 for row in result.rows] == [False, False, True, False, False]
    moved = result.rows[2]
    assert moved["low"] < 1 < moved["high"]
    assert moved["slope"] == pytest.approx(1, abs=0.3)
    assert result.value == pytest.approx(np.mean([row["slope"] for row in result.rows]))
    for row in result.rows:
        assert row["p"] <= row["p_holm"]


def test_a_slope_is_not_flattened_by_what_the_rating_gave_to_its_item() -> None:
    """Residuals from predicted items would lose about a third of it with three raters."""
    slopes = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        values = simulated(3, 200, sd=(2, 0.5, 0.5), seed=seed)
        order = np.array([generator.permutation(200) for _ in range(3)], dtype=float)
        values[0] += 0.01 * order[0]
        slopes.append(drift(ratings(values), order).rows[0]["slope"])
    assert np.mean(slopes) == pytest.approx(1, abs=0.06)


def test_p_values_of_steady_raters_are_spread_evenly() -> None:
    found = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        values = simulated(4, 40, sd=(1, 0.5, 1), seed=seed, missing=0.2)
        order = np.array([generator.permutation(40) for _ in range(4)], dtype=float)
        found += [row["p"] for row in drift(ratings(values), order).rows]
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.1
    assert np.mean(found) == pytest.approx(0.5, abs=0.07)


def test_times_with_pauses_and_positions_give_the_same_drift() -> None:
    values = simulated(3, 30, sd=(1, 0.5, 1))
    order = in_order(values)
    times = np.where(order < 15, order, order + 5000) * 60
    one, two = drift(ratings(values), order), drift(ratings(values), times)
    assert one.value == pytest.approx(two.value)


def test_sessions_share_their_rank() -> None:
    values = simulated(3, 30, sd=(1, 0.5, 1))
    sessions = in_order(values) // 10
    result = drift(ratings(values), sessions)
    assert all(row["slope"] is not None for row in result.rows)


def test_who_has_no_order_has_no_slope() -> None:
    values = simulated(4, 30, sd=(1, 0.5, 1))
    order = in_order(values)
    order[0] = 1.0  # all at once
    order[1, 2:] = NAN
    result = drift(ratings(values), order)
    assert [row["slope"] is None for row in result.rows] == [True, True, False, False]
    assert all(row["undefined_because"] for row in result.rows[:2])
    assert "28 ratings without a known order" in result.notes[-1]
    assert "over 2 raters" in result.method


def test_nobody_has_an_order() -> None:
    table = ratings(SHROUT_FLEISS)
    result = drift(table, np.full((4, 6), NAN))
    assert "in a known order" in result.undefined_because


def test_an_order_of_another_shape_is_refused() -> None:
    with pytest.raises(RatingsError, match="raters x items"):
        drift(ratings(SHROUT_FLEISS), SHROUT_FLEISS.T)


def test_an_erratic_rater_does_not_fit_and_the_others_do() -> None:
    values = simulated(8, 200, sd=(1, 0.5, 0.5), missing=0.2)
    values[3] += 2 * np.random.default_rng(9).normal(size=200)
    result = fit(ratings(values))
    infits = [row["infit"] for row in result.rows]
    assert infits[3] == max(infits) > 3
    assert max(infits[:3] + infits[4:]) < 1


def test_raters_who_follow_the_model_have_mean_squares_near_one() -> None:
    result = fit(ratings(simulated(6, 400, sd=(1, 0.5, 0.7), missing=0.3)))
    assert result.value == pytest.approx(0.7, abs=0.03)
    for row in result.rows:
        assert row["infit"] == pytest.approx(1, abs=0.2)
        assert row["outfit"] == pytest.approx(1, abs=0.2)


def test_the_use_of_the_scale_is_counted() -> None:
    result = fit(ratings(ONE_RATER_CONSTANT, scale=(1, 5)))
    assert result.rows[0]["use"] == {4: 20}
    assert result.rows[1]["use"] == {3: 5, 4: 14, 5: 1}
    continuous = ratings(SHROUT_FLEISS / 10, scale=Scale(0, 1, step=0))
    assert fit(continuous).rows[0]["use"] == {}


@pytest.mark.parametrize("function", [severity, fit, rate_in_order])
@pytest.mark.parametrize(
    "rows",
    [[[7.0] * 4, [7.0] * 4], [[1.0, 2, 3, 2]], [[1.0, NAN], [NAN, 2.0]], [[NAN, NAN]]],
)
def test_what_the_model_needs_is_said(
    function: Callable[[Ratings], Estimate], rows: list[list[float]]
) -> None:
    result = function(ratings(rows))
    assert result.value is None
    assert result.undefined_because


@pytest.mark.parametrize("function", [severity, fit, rate_in_order])
def test_a_constant_rater_leaks_no_nan(function: Callable[[Ratings], Estimate]) -> None:
    result = function(ratings(ONE_RATER_CONSTANT, scale=(1, 5)))
    assert result.defined
    assert "NaN" not in json.dumps(result.as_json())
    for row in result.rows:
        assert all(np.isfinite(v) for v in row.values() if isinstance(v, float))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_relabelled_raters_and_items_keep_their_figures(seed: int) -> None:
    values = simulated(4, 20, seed=seed, missing=0.2, sd=(1, 0.7, 1))
    generator = np.random.default_rng(seed)
    raters, items = generator.permutation(4), generator.permutation(20)
    order = in_order(values)
    mixed = values[raters][:, items], order[raters][:, items]
    for one, two, key in [
        (severity(ratings(values)), severity(ratings(mixed[0])), "effect"),
        (fit(ratings(values)), fit(ratings(mixed[0])), "outfit"),
        (drift(ratings(values), order), drift(ratings(mixed[0]), mixed[1]), "slope"),
    ]:
        before = [one.rows[place][key] for place in raters]
        assert [row[key] for row in two.rows] == pytest.approx(before, abs=1e-5)
