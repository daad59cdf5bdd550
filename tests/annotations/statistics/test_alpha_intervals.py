from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from annotations.statistics import resampling
from annotations.statistics.alpha import alpha, alpha_of_weights, alpha_value, alphas
from annotations.statistics.alpha_intervals import (
    alpha_jackknife,
    jackknife_variance,
    measure,
)
from annotations.statistics.alpha_levels import LEVELS, Level
from annotations.statistics.alpha_weighted import weighted
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.ratings import RatingsError
from tests.annotations.statistics.golden import entries, expected, needs_golden, raters_by_items
from tests.annotations.statistics.random_tables import as_ratings, simulated, tables

PROJECT = Path(__file__).resolve().parents[3]
quick = settings(max_examples=40, deadline=None)
by_level = pytest.mark.parametrize("level", LEVELS)


# Published


@needs_golden
@by_level
def test_golden_resamples(level: Level) -> None:
    entry = entries()["kripp2011_4x12"]
    drawn = np.array(entry["data"]["item_resamples_zero_based"])
    weights = np.stack([np.bincount(row, minlength=12) for row in drawn]).astype(float)
    table = as_ratings(raters_by_items("kripp2011_4x12"))
    value, tolerance = expected("kripp2011_4x12", f"alpha_of_resamples_{level}")
    assert alpha_of_weights(table, level, weights) == pytest.approx(value, abs=tolerance)


@needs_golden
@by_level
def test_golden_jackknife(level: Level) -> None:
    without = alpha_jackknife(as_ratings(raters_by_items("kripp2011_4x12")), level)
    value, tolerance = expected("kripp2011_4x12", f"jackknife_item_alphas_{level}")
    assert without == pytest.approx(value, abs=tolerance)
    value, tolerance = expected("kripp2011_4x12", f"jackknife_item_se_{level}")
    assert np.sqrt(jackknife_variance(without)) == pytest.approx(value, abs=tolerance)


# Resamples, by what they mean


@quick
@given(tables(), st.sampled_from(LEVELS), st.integers(0, 2**32))
def test_a_weight_is_how_often_the_item_is_in_the_table(
    values: NDArray[np.float64], level: Level, seed: int
) -> None:
    table = as_ratings(values)
    weights = np.random.default_rng(seed).integers(0, 4, size=(1, values.shape[1]))
    repeated = alpha_value(as_ratings(np.repeat(values, weights[0], axis=1)), level)
    assume(repeated is not None and alpha_value(table, level) is not None)
    found = alpha_of_weights(table, level, weights.astype(float))[0]
    assert found == pytest.approx(repeated, abs=1e-12)


@quick
@given(tables(scores=300, most_items=30), st.sampled_from(LEVELS), st.integers(0, 2**32))
def test_a_weight_means_the_same_where_there_are_many_scores(
    values: NDArray[np.float64], level: Level, seed: int
) -> None:
    table = as_ratings(values)
    weights = np.random.default_rng(seed).integers(0, 4, size=(1, values.shape[1]))
    repeated = alpha_value(as_ratings(np.repeat(values, weights[0], axis=1)), level)
    assume(repeated is not None and alpha_value(table, level) is not None)
    found = alpha_of_weights(table, level, weights.astype(float))[0]
    assert found == pytest.approx(repeated, abs=1e-11)


@by_level
def test_a_resample_of_equal_ratings_is_undefined(level: Level) -> None:
    table = as_ratings(np.array([[0.7, 0.7, 0.2], [0.7, 0.7, 0.3]]))
    found = alpha_of_weights(table, level, np.array([[2.0, 1, 0], [0, 1, 2], [0, 0, 0]]))
    assert np.isnan(found).tolist() == [True, False, True]


def test_weights_are_whole_numbers() -> None:
    table = as_ratings(simulated(3, 6))
    for weight in (0.5, -1):
        with pytest.raises(ValueError, match="how often"):
            alpha_of_weights(table, "ordinal", np.full((1, 6), weight))


def test_sums_too_large_for_single_precision_are_exact_all_the_same() -> None:
    table = as_ratings(simulated(4, 300))
    ones = np.ones((1, 300))
    expected_value = alpha_of_weights(table, "ordinal", ones)
    # A table repeated a million times: only the correction for few ratings goes away.
    many = alpha_of_weights(table, "ordinal", 1e6 * ones)
    assert (1 - many) / (1 - expected_value) == pytest.approx(1200 / 1199, abs=1e-8)


@by_level
def test_jackknife_leaves_out_each_item_or_cluster(level: Level) -> None:
    values = simulated(4, 40, missing=0.4)
    weights = 1 - np.eye(40)
    pairable = (~np.isnan(values)).sum(axis=0) > 1
    by_item = alpha_of_weights(as_ratings(values), level, weights)[pairable]
    assert alpha_jackknife(as_ratings(values), level) == pytest.approx(by_item, abs=1e-12)
    clusters = np.arange(40) // 8
    by_cluster = alpha_of_weights(
        as_ratings(values), level, 1.0 - (clusters == np.arange(5)[:, None])
    )
    clustered = alpha_jackknife(as_ratings(values, clusters=clusters), level)
    assert clustered == pytest.approx(by_cluster, abs=1e-12)


@pytest.mark.parametrize("level", ["ordinal", "nominal", "ratio"])
def test_with_many_scores_the_jackknife_is_the_derivative_in_the_weight(level: Level) -> None:
    values = np.round(simulated(4, 60, missing=0.3, top=1000), -1)
    measured = measure(as_ratings(values), level)
    clusters = np.arange(len(measured.coded.columns)) // 2
    part = weighted(measured.counts, level, clusters, int(clusters.max()) + 1)
    step = 1e-5
    ones = np.ones((clusters.max() + 1, clusters.max() + 1))
    more, fewer = (part.alphas(part.sums(ones + s * np.eye(len(ones)))) for s in (step, -step))
    assert part.left_out() == pytest.approx(measured.value - (more - fewer) / (2 * step), abs=1e-8)


def test_many_scores_give_nearly_the_interval_of_leaving_out() -> None:
    """20 ratings that are a little higher make 30 different scores of 10."""
    values = simulated(5, 300)
    finer = values.copy()
    finer[0, :20] += np.linspace(0.01, 0.2, 20)
    few, many = (alpha(as_ratings(v), "ordinal", resamples=400) for v in (values, finer))
    assert many.notes
    assert not few.notes
    assert few.low is not None
    assert few.high is not None
    assert many.low == pytest.approx(few.low, abs=0.02)
    assert many.high == pytest.approx(few.high, abs=0.02)


# Intervals


def test_an_interval_says_how_it_was_made() -> None:
    result = alpha(as_ratings(simulated(3, 80, missing=0.2)), "ordinal", resamples=500, seed=7)
    assert result.low is not None
    assert result.value is not None
    assert result.high is not None
    assert result.low < result.value < result.high
    assert (result.seed, result.resamples, result.undefined_resamples) == (7, 500, 0)
    assert result.n_clusters is None
    assert result.method == (
        "Krippendorff's alpha, ordinal level; 95 % BCa bootstrap interval (500 resamples of items "
        "with two ratings or more)"
    )


@by_level
def test_bca_from_its_own_parts(level: Level) -> None:
    table = as_ratings(simulated(3, 60))
    result = alpha(table, level, resamples=96, seed=5, confidence=0.9)
    replicates = np.concatenate(
        [
            alpha_of_weights(table, level, w)
            for w in resampling.resample_blocks(
                lambda generator, size: resampling.draw_weights(generator, 60, size),
                resamples=96,
                seed=5,
            )
        ]
    )
    assert result.value is not None
    interval = resampling.bca_interval(result.value, replicates, alpha_jackknife(table, level), 0.9)
    assert interval is not None
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert result.standard_error == pytest.approx(replicates.std(ddof=1), abs=1e-12)


def test_without_resamples_there_is_the_value_alone() -> None:
    result = alpha(as_ratings(simulated(3, 30)), "interval", resamples=0)
    assert result.value is not None
    assert result.low is None
    assert result.no_interval_because == "no resamples were asked for"


def test_undefined_resamples_are_counted() -> None:
    values = np.full((2, 8), 5.0)
    values[1, 0] = 6
    result = alpha(as_ratings(values), "ordinal", resamples=1000)
    assert result.undefined_resamples == pytest.approx((1 - 1 / 8) ** 8, abs=0.05)


def test_there_is_no_interval_where_most_resamples_are_undefined() -> None:
    """Of the items that the tables share, the first has pairs on two, and needs both of them."""
    rare = np.full((2, 40), np.nan)
    rare[:, 0], rare[:, 1] = 5, 6
    first, second = alphas([as_ratings(rare), as_ratings(simulated(2, 40))], "ordinal")
    assert first.value == 1
    assert first.undefined_resamples == pytest.approx(1 - (1 - np.exp(-1)) ** 2, abs=0.05)
    assert "more than half of the resamples" in first.no_interval_because
    assert second.low is not None


def test_a_percentile_interval_says_so() -> None:
    """Leaving out any of these items gives the same alpha, so that nothing is known of the skew."""
    table = as_ratings(np.array([[1.0, 2, 3], [2, 3, 1]]))
    result = alpha(table, "nominal", resamples=200)
    assert result.low is not None
    assert "95 % percentile bootstrap interval, because BCa's corrections" in result.method


def test_clusters_of_one_item_are_items() -> None:
    values = simulated(4, 50, missing=0.5)
    plain = alpha(as_ratings(values), "ordinal", resamples=200)
    clustered = alpha(as_ratings(values, clusters=np.arange(50)), "ordinal", resamples=200)
    assert (clustered.low, clustered.high) == (plain.low, plain.high)
    assert clustered.n_clusters == plain.n_pairable
    assert "clusters of items" in clustered.method


def test_items_that_come_in_copies_need_their_clusters() -> None:
    values = np.repeat(simulated(4, 40), 6, axis=1)
    naive = alpha(as_ratings(values), "ordinal", resamples=500)
    honest = alpha(
        as_ratings(values, clusters=np.repeat(np.arange(40), 6)), "ordinal", resamples=500
    )
    assert naive.standard_error is not None
    assert honest.standard_error is not None
    assert honest.standard_error > 2 * naive.standard_error
    assert honest.n_clusters == 40


def test_one_cluster_has_no_interval() -> None:
    table = as_ratings(simulated(3, 20), clusters=[4] * 20)
    result = alpha(table, "ordinal", resamples=100)
    assert result.value is not None
    assert result.no_interval_because == "all items belong to one cluster"


def test_intervals_cover() -> None:
    """200 tables of 40 items and 3 raters; the alpha they estimate comes from 200,000 items."""
    truth = alpha_value(as_ratings(simulated(3, 200_000, seed=1)), "ordinal")
    assert truth is not None
    results = [
        alpha(as_ratings(simulated(3, 40, seed=seed)), "ordinal", resamples=400, seed=seed)
        for seed in range(2, 202)
    ]
    covered = [
        r.low <= truth <= r.high for r in results if r.low is not None and r.high is not None
    ]
    assert len(covered) == 200
    assert 0.88 <= np.mean(covered) <= 0.99


# Several tables


def test_several_tables_share_their_resamples() -> None:
    values = [simulated(5, 70, seed=seed) for seed in range(3)]
    together = alphas([as_ratings(v) for v in values], "ordinal", resamples=300)
    alone = [alpha(as_ratings(v), "ordinal", resamples=300) for v in values]
    assert [(e.low, e.high) for e in together] == [(e.low, e.high) for e in alone]


def test_an_undefined_table_does_not_take_the_others_with_it() -> None:
    good, constant = simulated(3, 30), np.full((3, 30), 4.0)
    first, second = alphas([as_ratings(constant), as_ratings(good)], "ordinal", resamples=100)
    assert first.undefined_because
    assert second.low is not None


def test_several_tables_need_the_same_items() -> None:
    one, shorter = as_ratings(simulated(3, 30)), as_ratings(simulated(3, 29))
    with pytest.raises(RatingsError, match="30 and 29 items"):
        alphas([one, shorter], "ordinal")
    renamed = as_ratings(simulated(3, 30), items=[f"x{i}" for i in range(30)])
    with pytest.raises(RatingsError, match="different items"):
        alphas([one, renamed], "ordinal")
    clustered = as_ratings(simulated(3, 30), clusters=np.arange(30))
    with pytest.raises(RatingsError, match="different clusters"):
        alphas([one, clustered], "ordinal")


# The same digits


@pytest.mark.parametrize("top", [10, 1000])
@by_level
def test_the_number_of_threads_changes_no_digit(level: Level, top: int) -> None:
    table = as_ratings(simulated(4, 120, missing=0.3, top=top))
    one, two, three = (alpha(table, level, resamples=200, threads=threads) for threads in (1, 2, 3))
    assert one == two == three


def test_another_seed_gives_another_interval() -> None:
    table = as_ratings(simulated(3, 60))
    one, two = (alpha(table, "ordinal", resamples=100, seed=seed) for seed in (1, 2))
    assert (one.low, one.high) != (two.low, two.high)


PRINT_DIGITS = """
import numpy as np
from annotations.statistics.alpha import alpha
from annotations.statistics.alpha_levels import LEVELS
from annotations.statistics.ratings import ratings
scores = np.random.default_rng(3).normal(5, 2, (6, 4000)) + np.linspace(1, 9, 4000)
for values in (np.clip(np.rint(scores), 1, 10), np.round(scores, 1) + 20):
    for level in LEVELS:
        print(repr(alpha(ratings(values), level, resamples=64)))
"""


def test_the_number_of_blas_threads_changes_no_digit() -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGITS],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
            cwd=PROJECT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert "low=" in printed[0]
    assert printed[0] == printed[1]


def test_blas_gets_its_threads_back_when_the_last_product_ends() -> None:
    def blas_threads() -> set[int]:
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == before
