"""Wins, ties and losses: shares, clustered intervals, what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.statistics.clustered import clustered_variance
from annotations.statistics.comparisons import ComparisonsError, comparisons
from annotations.statistics.estimate import Estimate
from annotations.statistics.proportions import wilson
from annotations.statistics.win_rates import position_effect, win_rate, win_rate_by, win_rates
from tests.annotations.statistics.comparison_tables import from_counts, simulated

MODELS = ("base", "tuned")


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


def test_a_tie_counts_half_and_shares_stand_beside_it() -> None:
    found = win_rate(from_counts([(0, 1, 5, 3, 2)], MODELS), "base", "tuned")
    assert found.value == pytest.approx(0.6)
    assert [(row["outcome"], row["n"]) for row in found.rows] == [
        ("win", 5),
        ("tie", 2),
        ("loss", 3),
    ]
    assert sum(row["share"] for row in found.rows) == pytest.approx(1)
    assert "tie counting as half" in found.method


def test_independent_answers_have_wilson_intervals() -> None:
    data = from_counts([(0, 1, 7, 3, 0)], MODELS, stimuli=np.arange(10), raters=np.arange(10))
    found = win_rate(data, "base", "tuned")
    assert (found.low, found.high) == pytest.approx(wilson(7, 10))
    assert "each answer independent" in found.method


def test_the_other_way_round_is_the_complement() -> None:
    data = simulated(np.array([0.3, -0.3]), 300)
    one = win_rate(data, "model 0", "model 1")
    two = win_rate(data, "model 1", "model 0")
    assert one.value is not None
    assert two.value == pytest.approx(1 - one.value)
    assert two.low is not None
    assert one.high == pytest.approx(1 - two.low)


def test_two_way_variance_as_its_definition() -> None:
    """Cameron, Gelbach & Miller (2011): by one side + by the other - by both."""
    generator = np.random.default_rng(3)
    stimulus, rater = generator.integers(6, size=80), generator.integers(5, size=80)
    error = generator.normal(size=80) + stimulus / 2 + rater
    error -= error.mean()

    def by(group: np.ndarray) -> float:
        names = np.unique(group)
        sums = sum(error[group == name].sum() ** 2 for name in names)
        return float(sums * len(names) / (len(names) - 1))

    found = clustered_variance(error, [stimulus, rater])
    assert found is not None
    assert found.value == pytest.approx(by(stimulus) + by(rater) - by(stimulus * 10 + rater))
    assert found.df == 4


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_are_never_narrower_than_with_one_side_or_independent(seed: int) -> None:
    data = simulated(np.array([0.2, -0.2]), 60, stimuli=12, raters=6, seed=seed)
    both = win_rate(data, "model 0", "model 1")
    by_stimulus = win_rate(data, "model 0", "model 1", population="stimuli")
    assert width(both) >= width(by_stimulus) - 1e-12
    assert both.value is not None
    low, high = wilson(both.value * 60, 60)
    if both.rows[1]["n"] == 0:
        assert width(by_stimulus) >= high - low - 1e-12


def test_an_interval_widens_when_raters_differ() -> None:
    # Half of the raters always prefer one model: 200 answers say little about other raters.
    raters = np.repeat(np.arange(10), 20)
    data = comparisons(
        np.zeros(200, int),
        np.ones(200, int),
        np.where(raters % 2 == 0, -1, 1),
        models=MODELS,
        stimuli=np.tile(np.arange(20), 10),
        raters=raters,
    )
    assert width(win_rate(data, "base", "tuned")) > 0.5
    assert width(win_rate(data, "base", "tuned", population="stimuli")) < 0.2


def test_intervals_cover_new_stimuli_and_raters() -> None:
    covered = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        by_stimulus, by_rater = generator.normal(size=30), generator.normal(size=12)
        stimulus, rater = (part.ravel() for part in np.indices((30, 12)))
        liking = 0.6 * by_stimulus[stimulus] + 0.6 * by_rater[rater] + generator.normal(size=360)
        data = comparisons(
            np.zeros(360, int),
            np.ones(360, int),
            np.where(liking > 0, -1, 1),
            models=MODELS,
            stimuli=stimulus,
            raters=rater,
        )
        found = win_rate(data, "base", "tuned")
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.5 <= found.high
    assert 0.91 <= covered / 200 <= 0.995


def test_a_model_that_always_won_has_an_interval_below_one() -> None:
    data = from_counts([(0, 1, 20, 0, 0)], MODELS, stimuli=np.repeat(np.arange(5), 4))
    found = win_rate(data, "base", "tuned")
    assert found.value == 1
    assert found.low is not None
    assert found.high == 1
    assert found.low < wilson(20, 20)[0]


def test_only_ties_have_a_value_and_no_interval() -> None:
    found = win_rate(from_counts([(0, 1, 0, 0, 4)], MODELS), "base", "tuned")
    assert found.value == 0.5
    assert found.low is None
    assert "tie" in found.no_interval_because


def test_one_stimulus_has_no_interval() -> None:
    data = from_counts([(0, 1, 3, 2, 0)], MODELS, stimuli=[1] * 5, raters=range(5))
    found = win_rate(data, "base", "tuned")
    assert found.value == pytest.approx(0.6)
    assert "only one stimulus" in found.no_interval_because


def test_models_never_compared_have_no_win_rate() -> None:
    data = from_counts([(0, 1, 3, 2, 0)], ("base", "tuned", "gold"))
    found = win_rates(data)
    assert set(found) == {("base", "tuned"), ("base", "gold"), ("tuned", "gold")}
    assert found["base", "gold"].undefined_because == "nobody compared base with gold"


def test_unknown_models_are_refused() -> None:
    data = from_counts([(0, 1, 3, 2, 0)], MODELS)
    with pytest.raises(ComparisonsError, match="no model gold"):
        win_rate(data, "base", "gold")
    with pytest.raises(ComparisonsError, match="itself"):
        win_rate(data, "base", "base")


def test_win_rate_by_group_tests_each_group_against_the_others() -> None:
    counts = [(0, 1, 45, 5, 0), (0, 1, 25, 25, 0), (0, 1, 24, 26, 0)]
    labels = np.repeat(["short", "equal", "long"], 50)
    data = from_counts(counts, MODELS, stimuli=np.arange(150), raters=np.arange(150))
    found = win_rate_by(data, labels, "base", "tuned")
    rows = {row["label"]: row for row in found.rows}
    assert rows["short"]["share"] == pytest.approx(0.9)
    assert rows["short"]["deviation"] == pytest.approx(0.9 - 49 / 100)
    assert rows["short"]["p_holm"] < 0.001
    assert rows["short"]["p_holm"] == pytest.approx(3 * min(row["p"] for row in found.rows))
    assert found.value == pytest.approx(94 / 150)


def test_one_group_has_nothing_to_deviate_from() -> None:
    data = from_counts([(0, 1, 5, 3, 2)], MODELS)
    (row,) = win_rate_by(data, ["all"] * 10, "base", "tuned").rows
    assert row["deviation"] is None
    assert row["p_holm"] is None


def test_position_effect_is_the_share_of_decided_answers_for_side_a() -> None:
    # First model on A and winning 6 times, on B and winning twice, two ties: 6 of 8 for side A.
    data = comparisons(
        [0] * 10,
        [1] * 10,
        [-1] * 8 + [0] * 2,
        models=MODELS,
        first_shown=[True] * 6 + [False] * 2 + [True] * 2,
    )
    found = position_effect(data)
    assert found.value == pytest.approx(0.75)
    assert (found.low, found.high) == pytest.approx(wilson(6, 8))
    assert found.rows[0]["n"] == 8


def test_position_effect_is_found_where_there_is_one() -> None:
    data = simulated(np.zeros(3), 3000, order_effect=0.5, raters=20)
    found = position_effect(data)
    assert found.low is not None
    assert found.low > 0.5
    assert found.rows[0]["p"] < 0.01
    none = position_effect(simulated(np.zeros(3), 3000, raters=20))
    assert none.rows[0]["p"] > 0.01


def test_position_effect_is_undefined_without_sides_or_decisions() -> None:
    assert not position_effect(from_counts([(0, 1, 5, 3, 2)], MODELS)).defined
    ties = from_counts([(0, 1, 0, 0, 2)], MODELS, first_shown=[True, False])
    assert position_effect(ties).undefined_because == "no answer preferred a side"
