from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import stdtrit

from annotations.statistics.alpha import alpha, alpha_value
from annotations.statistics.alpha_levels import LEVELS, Level
from annotations.statistics.alpha_raters import alpha_ci_new_raters, alpha_leave_one_rater_out
from tests.annotations.statistics.golden import expected, needs_golden, raters_by_items
from tests.annotations.statistics.random_tables import as_ratings, simulated, tables

NAN = float("nan")
by_level = pytest.mark.parametrize("level", LEVELS)


@needs_golden
@by_level
def test_golden_leave_one_rater_out(level: Level) -> None:
    result = alpha_leave_one_rater_out(as_ratings(raters_by_items("kripp2011_4x12")), level)
    value, tolerance = expected("kripp2011_4x12", f"leave_one_rater_out_{level}")
    assert [row["alpha"] for row in result.rows] == pytest.approx(value, abs=tolerance)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(tables(), tables(scores=300, most_items=30)),
    st.sampled_from(LEVELS),
)
def test_each_row_is_the_alpha_of_the_table_without_the_rater(
    values: NDArray[np.float64], level: Level
) -> None:
    result = alpha_leave_one_rater_out(as_ratings(values), level)
    for row in result.rows:
        number = int(row["rater"].removeprefix("rater ")) - 1
        others = alpha_value(as_ratings(np.delete(values, number, axis=0)), level)
        assert (row["alpha"] is None) == (others is None) == bool(row["undefined_because"])
        assert row["n_ratings"] == (~np.isnan(values[number])).sum()
        if row["alpha"] is not None:
            assert row["alpha"] == pytest.approx(others, abs=1e-10)
        if row["change"] is not None:
            assert result.value is not None
            assert row["change"] == pytest.approx(row["alpha"] - result.value, abs=1e-12)


def test_a_careless_rater_stands_out() -> None:
    values = simulated(5, 200)
    values[3] = np.random.default_rng(0).integers(1, 11, 200)
    result = alpha_leave_one_rater_out(as_ratings(values, raters=list("abcde")), "ordinal")
    assert result.name == "alpha_leave_one_rater_out"
    assert result.value == alpha_value(as_ratings(values), "ordinal")
    assert max(result.rows, key=lambda row: row["change"])["rater"] == "d"
    assert [row["change"] > 0 for row in result.rows] == [False, False, False, True, False]


def test_raters_with_nobody_beside_them_change_nothing_and_without_ratings_are_left_out() -> None:
    values = np.array([[1.0, 2, 3, NAN], [1, 2, 4, NAN], [NAN, NAN, NAN, 2], [NAN] * 4])
    rows = alpha_leave_one_rater_out(as_ratings(values), "interval").rows
    assert [row["rater"] for row in rows] == ["rater 1", "rater 2", "rater 3"]
    assert rows[0]["undefined_because"] == "no item has ratings from two raters"
    assert rows[2]["change"] == 0


def test_leave_one_rater_out_of_an_undefined_table_has_a_reason() -> None:
    result = alpha_leave_one_rater_out(as_ratings(np.full((3, 4), 2.0)), "ordinal")
    assert "every rating is the same" in result.undefined_because
    assert {row["undefined_because"] for row in result.rows} == {result.undefined_because}


# New raters


def test_the_interval_for_new_raters_adds_both_variances() -> None:
    table = as_ratings(simulated(6, 80, missing=0.2))
    result = alpha_ci_new_raters(table, "ordinal", resamples=300, seed=3)
    items = alpha(table, "ordinal", resamples=300, seed=3)
    without = np.array([row["alpha"] for row in alpha_leave_one_rater_out(table, "ordinal").rows])
    of_raters = 5 / 6 * ((without - without.mean()) ** 2).sum()
    assert items.standard_error is not None
    assert result.value is not None
    error = np.sqrt(items.standard_error**2 + of_raters)
    assert result.standard_error == pytest.approx(error, abs=1e-12)
    reach = stdtrit(5, 0.975) * error
    assert result.low == pytest.approx(result.value - reach, abs=1e-12)
    assert result.high == pytest.approx(result.value + reach, abs=1e-12)
    assert "t with 5 degrees of freedom" in result.method


def test_the_interval_for_new_raters_ends_at_one() -> None:
    values = np.tile(np.arange(1.0, 11), (5, 2))
    values[0, 0], values[1, 7] = 2, 9
    result = alpha_ci_new_raters(as_ratings(values), "ordinal", resamples=100)
    assert result.high == 1


def test_four_raters_do_not_tell_of_new_ones() -> None:
    result = alpha_ci_new_raters(as_ratings(simulated(4, 50)), "ordinal")
    assert result.value is not None
    assert "not estimable from 4 raters" in result.no_interval_because


def test_a_rater_without_whom_alpha_is_undefined_makes_it_not_estimable() -> None:
    values = np.full((5, 6), NAN)
    values[0] = [1, 2, 3, 4, 5, 6]
    values[[1, 2, 3, 4], [0, 1, 2, 3]] = [1, 2, 4, 4]
    result = alpha_ci_new_raters(as_ratings(values), "ordinal", resamples=50)
    assert "without rater 1, no item has ratings" in result.no_interval_because


def test_perfect_agreement_has_no_interval_for_new_raters() -> None:
    table = as_ratings(np.tile(np.arange(1.0, 8), (5, 1)))
    result = alpha_ci_new_raters(table, "ordinal", resamples=50)
    assert result.no_interval_because == "every resample gives the same value"


def test_new_raters_of_an_undefined_table_has_a_reason() -> None:
    result = alpha_ci_new_raters(as_ratings(np.full((5, 6), 2.0)), "ordinal")
    assert "every rating is the same" in result.undefined_because
