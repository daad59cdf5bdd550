from __future__ import annotations

import numpy as np
import pytest

from annotations.statistics.alpha import alpha_of_weights, alpha_value, alphas
from annotations.statistics.alpha_levels import LEVELS, Level
from annotations.statistics.ratings import RatingsError
from annotations.statistics.reliability_diff import reliability_diff
from annotations.statistics.resampling import draw_weights, resample_blocks
from tests.annotations.statistics.random_tables import as_ratings, simulated

by_level = pytest.mark.parametrize("level", LEVELS)


@by_level
def test_value_is_the_difference_and_rows_are_the_two(level: Level) -> None:
    one, two = as_ratings(simulated(4, 60)), as_ratings(simulated(3, 60, seed=2, missing=0.2))
    result = reliability_diff(one, two, level, resamples=64)
    alphas_alone = [alpha_value(one, level), alpha_value(two, level)]
    assert [row["alpha"] for row in result.rows] == alphas_alone
    assert None not in alphas_alone
    assert result.value == pytest.approx(result.rows[0]["alpha"] - result.rows[1]["alpha"])
    assert (result.n_items, result.n_raters) == (60, 4)
    assert "the same items" in result.method
    assert "krippendorff" in result.computed_by


def test_paired_differences_come_from_the_same_resamples() -> None:
    one, two = as_ratings(simulated(4, 60)), as_ratings(simulated(4, 60, seed=2))
    result = reliability_diff(one, two, "ordinal", resamples=320, seed=8)
    weights = np.concatenate(
        resample_blocks(lambda g, size: draw_weights(g, 60, size), resamples=320, seed=8)
    )
    differences = alpha_of_weights(one, "ordinal", weights) - alpha_of_weights(
        two, "ordinal", weights
    )
    assert result.standard_error == pytest.approx(differences.std(ddof=1), abs=1e-12)


def test_pairing_shortens_the_interval_of_criteria_that_go_together() -> None:
    values = simulated(4, 150)
    close = np.clip(values + (np.random.default_rng(0).random(values.shape) < 0.1), 1, 10)
    one, two = as_ratings(values), as_ratings(close)
    paired = reliability_diff(one, two, "ordinal", resamples=300)
    apart = reliability_diff(one, two, "ordinal", resamples=300, paired=False)
    assert paired.standard_error is not None
    assert apart.standard_error is not None
    assert paired.standard_error < apart.standard_error / 2


def test_the_same_table_differs_by_nothing() -> None:
    table = as_ratings(simulated(4, 60))
    result = reliability_diff(table, table, "ordinal", resamples=64)
    assert result.value == 0
    assert result.no_interval_because == "every resample gives the same value"


def test_careful_and_careless_raters_differ() -> None:
    values = simulated(8, 120)
    values[4:] = np.random.default_rng(0).integers(1, 11, (4, 120))
    one = as_ratings(values[:4], raters=list("abcd"))
    two = as_ratings(values[4:], raters=list("efgh"))
    result = reliability_diff(one, two, "ordinal", resamples=300)
    assert result.low is not None
    assert result.low > 0
    assert result.n_raters == 8


def test_paired_tables_need_the_same_items() -> None:
    one, two = as_ratings(simulated(3, 30)), as_ratings(simulated(3, 31))
    with pytest.raises(RatingsError, match="30 and 31 items"):
        reliability_diff(one, two, "ordinal")


def test_early_and_late_items_are_resampled_each_on_their_own() -> None:
    early, late = as_ratings(simulated(4, 90)), as_ratings(simulated(4, 50, seed=2))
    result = reliability_diff(early, late, "ordinal", resamples=1500, paired=False)
    errors = [alphas([t], "ordinal", resamples=1500)[0].standard_error for t in (early, late)]
    together = np.sqrt(sum(e**2 for e in errors if e is not None))
    assert result.standard_error == pytest.approx(together, rel=0.1)
    assert (result.n_items, result.n_raters) == (140, 4)
    assert "two sets of items" in result.method


def test_clusters_are_resampled_whole() -> None:
    one = as_ratings(simulated(4, 60), clusters=np.arange(60) // 3)
    two = as_ratings(simulated(4, 60, seed=2), clusters=np.arange(60) // 3)
    assert reliability_diff(one, two, "ordinal", resamples=64).n_clusters == 20
    apart = reliability_diff(one, two, "ordinal", resamples=64, paired=False)
    assert apart.n_clusters == 40
    assert "clusters" in apart.method


def test_a_set_of_one_cluster_has_no_interval() -> None:
    one = as_ratings(simulated(4, 60), clusters=np.arange(60) // 3)
    two = as_ratings(simulated(4, 20, seed=2), clusters=[1] * 20)
    result = reliability_diff(one, two, "ordinal", resamples=64, paired=False)
    assert result.no_interval_because == "all items belong to one cluster"


def test_it_is_undefined_where_one_of_the_two_is() -> None:
    good, constant = as_ratings(simulated(3, 30)), as_ratings(np.full((3, 30), 2.0))
    result = reliability_diff(good, constant, "ordinal")
    assert result.undefined_because == (
        "the second alpha is undefined: every rating is the same, so chance alone would agree as "
        "well"
    )
    assert result.rows[0]["alpha"] is not None


def test_without_resamples_there_is_the_value_alone() -> None:
    one, two = as_ratings(simulated(3, 30)), as_ratings(simulated(3, 30, seed=2))
    result = reliability_diff(one, two, "interval", resamples=0)
    assert result.no_interval_because == "no resamples were asked for"


def test_the_number_of_threads_changes_no_digit() -> None:
    one, two = as_ratings(simulated(3, 90)), as_ratings(simulated(3, 90, seed=2))
    for paired in (True, False):
        single, double = (
            reliability_diff(one, two, "ordinal", resamples=200, threads=threads, paired=paired)
            for threads in (1, 2)
        )
        assert single == double
