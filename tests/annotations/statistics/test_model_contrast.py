"""Means of models and the differences between them, criterion by criterion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from annotations.statistics.estimate import Estimate
from annotations.statistics.model_contrast import model_contrast, model_contrasts
from annotations.statistics.model_means import model_means
from annotations.statistics.model_scores import Scores, scores
from annotations.statistics.multiplicity import holm
from annotations.statistics.ratings import RatingsError


def simulated(
    stimuli: int = 80,
    raters: int = 8,
    *,
    difference: float = 0.5,
    rater_slope: float = 0.0,
    sessions: int | None = None,
    seed: int = 0,
) -> Scores:
    """Every rater scores both models, "base" and "tuned", on every stimulus, from 1 to 10."""
    generator = np.random.default_rng(seed)
    model, stimulus, rater = (part.ravel() for part in np.indices((2, stimuli, raters)))
    score = 5.5 + generator.normal(size=stimuli)[stimulus] + generator.normal(size=raters)[rater]
    slopes = difference + rater_slope * generator.normal(size=raters)
    score = score + model * slopes[rater] + generator.normal(size=len(model))
    score = score + model * 0.5 * generator.normal(size=stimuli)[stimulus]
    session = None if sessions is None else stimulus % sessions
    names = np.array(["base", "tuned"])[model]
    return scores(np.clip(np.round(score), 1, 10), names, stimulus, rater, session)


def ends(found: Estimate) -> NDArray[np.float64]:
    assert found.low is not None
    assert found.high is not None
    return np.array([found.low, found.high])


def test_the_difference_is_taken_within_each_stimulus() -> None:
    # Two raters on the first stimulus, one on the second; the third has only one model.
    table = scores(
        [4, 6, 3, 8, 6, 9],
        ["a", "a", "b", "a", "b", "b"],
        [1, 1, 1, 2, 2, 3],
        [1, 2, 1, 1, 1, 1],
    )
    found = model_contrast(table, "a", "b", resamples=0)
    assert found.value == pytest.approx(((5 - 3) + (8 - 6)) / 2)
    row = found.rows[0]
    assert (row["n_stimuli"], row["mean_one"], row["mean_two"]) == (2, 6.5, 4.5)
    assert found.no_interval_because == "no resamples were asked for"


def test_p_is_the_paired_t_test_over_stimuli() -> None:
    table = simulated()
    found = model_contrast(table, "tuned", "base", resamples=0)
    means = [
        np.bincount(table.stimulus[table.model == name], table.values[table.model == name]) / 8
        for name in ("tuned", "base")
    ]
    paired = stats.ttest_rel(*means)
    assert found.rows[0]["p"] == pytest.approx(paired.pvalue)
    assert found.standard_error == pytest.approx(found.value / paired.statistic)


def test_the_bca_interval_is_close_to_the_t_interval_of_many_stimuli() -> None:
    found = model_contrast(simulated(300), "tuned", "base")
    assert found.value is not None
    assert found.standard_error is not None
    expected = found.value + np.array([-1.97, 1.97]) * found.standard_error
    assert np.allclose(ends(found), expected, atol=0.02)
    assert "BCa interval from a bootstrap of stimuli" in found.method
    assert "to new stimuli and raters" in found.method
    assert found.n_clusters == 300


def test_one_against_the_other_is_turned() -> None:
    table = simulated()
    one = model_contrast(table, "tuned", "base", resamples=0)
    two = model_contrast(table, "base", "tuned", resamples=0)
    assert one.value is not None
    assert two.value == pytest.approx(-one.value)
    for name in ("mixed_difference", "ordinal_log_odds"):
        assert two.rows[0][name] == pytest.approx(-one.rows[0][name], abs=1e-5)
    assert two.rows[0]["p"] == pytest.approx(one.rows[0]["p"])


def test_sessions_are_resampled_whole() -> None:
    found = model_contrast(simulated(sessions=10), "tuned", "base")
    assert found.n_clusters == 10
    assert "clusters of stimuli" in found.method


def test_raters_who_differ_widen_the_mixed_interval_alone() -> None:
    table = simulated(200, 12, rater_slope=1.0)
    found = model_contrast(table, "tuned", "base")
    row = found.rows[0]
    assert row["mixed_of"] == "differences within rater and stimulus"
    assert row["mixed_high"] - row["mixed_low"] > 2 * (ends(found)[1] - ends(found)[0])
    assert row["mixed_difference"] == pytest.approx(found.value, abs=0.01)


def test_the_mixed_interval_covers_new_raters() -> None:
    covered = 0
    for seed in range(60):
        table = simulated(40, 10, rater_slope=0.8, seed=seed)
        row = model_contrast(table, "tuned", "base", resamples=0).rows[0]
        covered += row["mixed_low"] <= 0.5 <= row["mixed_high"]
    assert covered >= 53


def test_raters_who_scored_one_model_each_give_a_model_of_ratings() -> None:
    table = simulated()
    kept = (table.rater % 2 == 0) == (table.model == "tuned")
    found = model_contrast(table.of(kept), "tuned", "base", resamples=0)
    row = found.rows[0]
    assert row["mixed_of"] == "ratings"
    assert row["mixed_low"] < row["mixed_difference"] < row["mixed_high"]


def test_the_ordinal_check_agrees_in_direction() -> None:
    for difference in (-0.8, 0.8):
        row = model_contrast(simulated(difference=difference), "tuned", "base", resamples=0).rows[0]
        assert np.sign(row["ordinal_log_odds"]) == np.sign(difference)


def test_continuous_scores_have_no_ordinal_check_and_say_so() -> None:
    table = simulated()
    noise = np.random.default_rng(1).normal(size=len(table.values)) / 10
    other = scores(table.values + noise, table.model, table.stimulus, table.rater)
    found = model_contrast(other, "tuned", "base", resamples=0)
    assert found.rows[0]["ordinal_log_odds"] is None
    assert "different scores" in found.notes[-1]


def test_one_rater_has_a_difference_and_no_mixed_model() -> None:
    found = model_contrast(simulated(raters=1), "tuned", "base")
    assert found.low is not None
    assert found.rows[0]["mixed_low"] is None
    assert "fewer than two raters" in found.notes[0]
    assert "two groups" in found.notes[1]


def test_holm_is_over_the_criteria() -> None:
    criteria = {
        name: simulated(difference=difference, seed=seed)
        for seed, (name, difference) in enumerate([("warm", 0.6), ("safe", 0.1), ("clear", 0.0)])
    }
    found = model_contrasts(criteria, "tuned", "base", resamples=0)
    p = [estimate.rows[0]["p"] for estimate in found.values()]
    assert [estimate.rows[0]["p_holm"] for estimate in found.values()] == pytest.approx(holm(p))
    assert [estimate.rows[0]["criterion"] for estimate in found.values()] == list(criteria)


def test_a_criterion_alone_has_the_interval_it_has_among_others() -> None:
    table = simulated()
    both = model_contrasts({"warm": table, "clear": simulated(seed=1)}, "tuned", "base")
    alone = model_contrast(table, "tuned", "base", criterion="warm")
    assert np.array_equal(ends(both["warm"]), ends(alone))


def test_criteria_of_different_stimuli_are_resampled_together() -> None:
    few = simulated(30)
    later = scores(few.values, few.model, few.stimulus + 70, few.rater)
    found = model_contrasts({"warm": simulated(80), "clear": later}, "tuned", "base")
    assert found["clear"].n_clusters == 30
    assert ends(found["clear"])[0] < ends(found["clear"])[1]


def test_the_same_seed_gives_the_same_digits_on_any_number_of_threads() -> None:
    table = simulated()
    one = model_contrast(table, "tuned", "base", seed=3, resamples=200)
    assert model_contrast(table, "tuned", "base", seed=3, resamples=200, threads=3) == one
    assert model_contrast(table, "tuned", "base", seed=4, resamples=200).low != one.low


def test_models_without_a_common_stimulus_are_undefined() -> None:
    table = scores([1, 2, 3], ["a", "a", "b"], [1, 2, 3], [1, 1, 1])
    found = model_contrasts({"warm": table}, "a", "b")["warm"]
    assert found.value is None
    assert found.undefined_because == "no stimulus has ratings of both a and b"
    assert model_contrast(table, "a", "none").value is None


def test_a_single_stimulus_has_no_interval() -> None:
    table = scores([1, 2], ["a", "b"], [1, 1], [1, 1])
    found = model_contrast(table, "a", "b")
    assert found.value == -1
    assert "only one stimulus" in found.no_interval_because
    assert found.rows[0]["p"] is None


def test_equal_differences_have_no_interval() -> None:
    table = scores([1, 2, 3, 4], ["a", "b"] * 2, [1, 1, 2, 2], [1] * 4)
    assert "same for every stimulus" in model_contrast(table, "a", "b").no_interval_because


def test_the_mean_counts_each_stimulus_equally() -> None:
    table = scores([4, 6, 8, 9], ["a", "a", "a", "b"], [1, 1, 2, 2], [1, 2, 1, 1])
    (found,) = model_means(table, ["a"], criterion="warm")
    assert found.value == pytest.approx((5 + 8) / 2)
    assert found.rows == ({"model": "a", "criterion": "warm"},)


def test_the_interval_of_a_mean_is_the_t_interval_over_stimuli() -> None:
    table = simulated(raters=1)
    found = model_means(table, ["base", "tuned"])
    for name, estimate in zip(("base", "tuned"), found, strict=True):
        own = table.values[table.model == name]
        theirs = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
        assert np.allclose(ends(estimate), theirs)


def test_a_mean_for_new_raters_has_a_wider_interval() -> None:
    table = simulated()
    (stimuli,) = model_means(table, ["base"])
    (both,) = model_means(table, ["base"], population="stimuli and raters")
    assert both.value == pytest.approx(stimuli.value)
    assert np.diff(ends(both)) > 2 * np.diff(ends(stimuli))
    assert "to new stimuli and raters" in both.method
    assert "to new stimuli)" in stimuli.method


def test_means_without_ratings_stimuli_or_raters_say_so() -> None:
    table = scores([1, 2], ["a", "a"], [1, 1], [1, 2])
    (found,) = model_means(table, ["b"])
    assert found.undefined_because == "nobody rated a response of b"
    (one,) = model_means(table, ["a"])
    assert one.no_interval_because == "there is only one cluster of stimuli"
    alone = scores([1, 2], ["a", "a"], [1, 2], [1, 1])
    (rater,) = model_means(alone, ["a"], population="stimuli and raters")
    assert rater.no_interval_because == "there is only one rater"


def test_missing_scores_stay_out() -> None:
    table = scores([1, np.nan, 3], ["a", "a", "b"], [1, 2, 1], [1, 1, 1])
    assert len(table.values) == 2
    assert table.counts()["n_items"] == 1


@pytest.mark.parametrize(
    ("values", "cluster", "words"),
    [
        (["1", "2"], None, "numbers"),
        ([True, False], None, "numbers"),
        ([1, np.inf], None, "infinite"),
        ([1], None, "one entry a rating"),
        ([1, 2], [1, 2], "two clusters"),
    ],
)
def test_scores_refuse_what_they_cannot_be(values: Any, cluster: Any, words: str) -> None:
    with pytest.raises(RatingsError, match=words):
        scores(values, ["a", "b"], [1, 1], [1, 2], cluster)


def test_names_of_any_kind_give_the_same_figures() -> None:
    table = simulated()
    named = scores(
        table.values,
        table.model,
        np.array([f"clip {number:03d}" for number in range(80)])[table.stimulus],
        np.array([f"rater {number}" for number in range(8)])[table.rater],
    )
    far = scores(table.values, table.model, table.stimulus * 10**9 - 5, table.rater)
    one = model_contrast(table, "tuned", "base", resamples=100)
    assert model_contrast(named, "tuned", "base", resamples=100) == one
    assert model_contrast(far, "tuned", "base", resamples=100) == one
