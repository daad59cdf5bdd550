"""A judge against people: bias, concordance, rank correlations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from annotations.statistics.estimate import Estimate
from annotations.statistics.judge_moments import rank_correlation, tau_influence
from annotations.statistics.judges import (
    judge_bias,
    judge_concordance,
    judge_pearson,
    judge_spearman,
    judge_tau_b,
)
from annotations.statistics.ratings import Ratings, RatingsError, ratings
from tests.annotations.statistics.golden import entries, expected, needs_golden

Statistic = Callable[..., Estimate]
ALL: tuple[Statistic, ...] = (
    judge_bias,
    judge_concordance,
    judge_pearson,
    judge_spearman,
    judge_tau_b,
)
CORRELATIONS = ALL[1:]
ENTRY = "bland_altman_1986"
NAN = float("nan")
# Peak flow in l/min of 17 people, Wright meter and mini meter: Bland & Altman (1986), table 1.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def one_person(scores: Any, **more: Any) -> Ratings:
    return ratings([scores], **more)


def study(items: int = 60, seed: int = 0) -> tuple[Ratings, NDArray[np.float64]]:
    """Three people and a judge who are equally good, with gaps."""
    generator = np.random.default_rng(seed)
    scores = np.round(5 + generator.normal(size=items) + generator.normal(size=(4, items)))
    people = scores[:3].copy()
    people[generator.random(people.shape) < 0.2] = np.nan
    return ratings(people), scores[3]


@needs_golden
@pytest.mark.parametrize(
    ("statistic", "name"),
    [
        (judge_bias, "bias"),
        (judge_concordance, "lin_ccc_population_moments"),
        (judge_pearson, "pearson"),
        (judge_spearman, "spearman"),
        (judge_tau_b, "kendall_tau_b"),
    ],
)
def test_peak_flow_of_bland_and_altman_1986(statistic: Statistic, name: str) -> None:
    data = entries()[ENTRY]["data"]
    found = statistic(one_person(data["mini"]), data["wright"])
    value, tolerance = expected(ENTRY, name)
    assert found.value == pytest.approx(value, abs=tolerance)


@needs_golden
def test_limits_of_agreement_of_bland_and_altman_1986() -> None:
    data = entries()[ENTRY]["data"]
    (row,) = judge_bias(one_person(data["mini"]), data["wright"]).rows
    value, tolerance = expected(ENTRY, "limits_of_agreement_1.96")
    assert (row["loa_low"], row["loa_high"]) == pytest.approx(tuple(value), abs=tolerance)
    value, tolerance = expected(ENTRY, "sd_difference")
    assert row["sd"] == pytest.approx(value, abs=tolerance)


def test_bias_and_its_interval_as_printed_in_bland_and_altman_1986() -> None:
    """Mean difference -2.1, SD 38.8, 95 % interval -22.0 to 17.8 l/min."""
    found = judge_bias(one_person(MINI), WRIGHT)
    assert found.value == pytest.approx(-2.1, abs=0.05)
    assert found.rows[0]["sd"] == pytest.approx(38.8, abs=0.05)
    assert (found.low, found.high) == pytest.approx((-22.0, 17.8), abs=0.06)


def test_people_count_with_their_mean_and_gaps_stay_out() -> None:
    people = ratings([[1, 4, NAN, 3, 5], [3, NAN, NAN, 5, 5]])
    found = judge_bias(people, [3, 5, 4, NAN, 5])
    assert found.value == pytest.approx(np.mean([3 - 2, 5 - 4, 5 - 5]))
    assert (found.n_items, found.n_raters, found.n_ratings) == (3, 2, 5)


@pytest.mark.parametrize("statistic", ALL)
def test_every_statistic_has_an_interval_around_its_value(statistic: Statistic) -> None:
    found = statistic(*study())
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert "people" in found.method


@pytest.mark.parametrize("statistic", ALL)
def test_clusters_of_items_are_what_is_resampled(statistic: Statistic) -> None:
    people, judge = study()
    clustered = ratings(people.values, clusters=np.arange(60) // 4)
    found = statistic(clustered, judge)
    assert found.n_clusters == 15
    assert "clusters of items" in found.method
    assert statistic(people, judge).n_clusters == 60
    alone = statistic(ratings(people.values, clusters=np.zeros(60)), judge)
    assert alone.value == found.value
    assert "only one cluster" in alone.no_interval_because


@pytest.mark.parametrize("statistic", [judge_concordance, judge_pearson, judge_spearman])
def test_the_same_seed_gives_the_same_digits_on_any_number_of_threads(statistic: Statistic) -> None:
    people, judge = study()
    one = statistic(people, judge, resamples=100, seed=4)
    assert statistic(people, judge, resamples=100, seed=4, threads=3) == one
    assert statistic(people, judge, resamples=100, seed=5).low != one.low


@pytest.mark.parametrize("statistic", CORRELATIONS)
def test_a_correlation_is_undefined_for_a_judge_who_always_says_the_same(
    statistic: Statistic,
) -> None:
    found = statistic(one_person([1, 2, 3, 4]), [3, 3, 3, 3])
    assert found.value is None
    assert "same score" in found.undefined_because


@pytest.mark.parametrize("statistic", ALL)
def test_two_items_are_too_few(statistic: Statistic) -> None:
    found = statistic(one_person([1, 2, 3, NAN]), [1, 2, NAN, 4])
    assert "fewer than 3 items" in found.undefined_because


@pytest.mark.parametrize("statistic", ALL)
@pytest.mark.filterwarnings("error")
def test_no_item_in_common_is_undefined_without_a_warning(statistic: Statistic) -> None:
    found = statistic(one_person([1, 2, NAN, NAN]), [NAN, NAN, 3, 4])
    assert (found.value, found.n_items) == (None, 0)
    assert "fewer than 3 items" in found.undefined_because


def test_a_judge_who_repeats_the_people_agrees_perfectly() -> None:
    scores = [1, 5, 2, 4, 3, 3]
    for statistic in CORRELATIONS:
        found = statistic(one_person(scores), scores)
        assert found.value == pytest.approx(1)
    assert judge_bias(one_person(scores), scores).value == 0
    assert judge_tau_b(one_person(scores), scores).low is None


def test_a_shift_costs_concordance_and_no_correlation() -> None:
    people, judge = study()
    moved = judge + 2
    assert judge_pearson(people, moved).value == pytest.approx(judge_pearson(people, judge).value)
    before, after = judge_concordance(people, judge).value, judge_concordance(people, moved).value
    assert before is not None
    assert after is not None
    assert after < before
    bias = judge_bias(people, judge).value
    assert bias is not None
    assert judge_bias(people, moved).value == pytest.approx(bias + 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.integers(4, 40), st.integers(2, 6))
def test_values_equal_scipy_and_ranks_ignore_monotone_recoding(
    seed: int, items: int, levels: int
) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.integers(levels, size=(2, items)).astype(float)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    people = one_person(x)
    assert judge_tau_b(people, y).value == pytest.approx(stats.kendalltau(x, y).statistic)
    assert judge_spearman(people, y, resamples=0).value == pytest.approx(
        stats.spearmanr(x, y).statistic
    )
    assert judge_pearson(people, y, resamples=0).value == pytest.approx(
        stats.pearsonr(x, y).statistic
    )
    recoded = judge_tau_b(one_person(np.exp(x)), y**3)
    assert recoded.value == pytest.approx(judge_tau_b(people, y).value)


def test_influence_of_tau_is_the_jackknife_in_the_limit() -> None:
    generator = np.random.default_rng(1)
    x = np.round(generator.normal(size=400), 1)
    y = np.round(x + generator.normal(size=400), 1)
    tau, influence = tau_influence(x, y)
    without = [
        stats.kendalltau(np.delete(x, item), np.delete(y, item)).statistic for item in range(60)
    ]
    assert influence.sum() == pytest.approx(0, abs=1e-12)
    assert np.allclose((tau - np.array(without)), influence[:60], atol=3e-5)


def test_tau_of_many_different_scores_takes_no_table() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(2, 3000))
    tau, influence = tau_influence(x, y)
    assert tau == pytest.approx(stats.kendalltau(x, y).statistic)
    coarse_tau, coarse = tau_influence(np.round(x, 2), y)
    assert coarse_tau == pytest.approx(tau, abs=0.01)
    assert np.allclose(influence, coarse, atol=1e-4)


def test_ranks_of_a_resample_are_made_anew() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.integers(5, size=(2, 30)).astype(float)
    weights = generator.integers(3, size=(4, 30))
    found = rank_correlation(x, y)(weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        drawn = stats.spearmanr(np.repeat(x, row), np.repeat(y, row))
        assert value == pytest.approx(drawn.statistic)


@pytest.mark.parametrize("judge", [[1, 2], ["1", "2", "3"], [[1, 2, 3]], [True, False, True]])
def test_a_judge_without_one_number_an_item_is_refused(judge: Any) -> None:
    with pytest.raises(RatingsError, match="judge"):
        judge_bias(one_person([1, 2, 3]), judge)
