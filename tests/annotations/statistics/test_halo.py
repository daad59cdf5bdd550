from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.statistics.halo import halo
from annotations.statistics.ratings import RatingsError, ratings
from tests.annotations.statistics.tables import NAN, ONE_RATER_CONSTANT, simulated

NAMES = ("warmth", "insight", "fluency")


def criteria(seed: int = 1, missing: float = 0.0) -> list[np.ndarray]:
    return [
        simulated(3, 40, seed=seed + number, missing=missing, sd=(1, 0.5, 1)) for number in range(3)
    ]


def test_correlations_are_within_each_rater_over_items_scored_on_both() -> None:
    values = criteria(missing=0.2)
    result = halo([ratings(table) for table in values], NAMES)
    for place, row in enumerate(result.rows[:3]):
        correlations = []
        for one, two in [(0, 1), (0, 2), (1, 2)]:
            pair = np.stack([values[one][place], values[two][place]])
            correlations.append(np.corrcoef(pair[:, ~np.isnan(pair).any(axis=0)])[0, 1])
        assert row["mean_correlation"] == pytest.approx(np.mean(correlations))
        assert row["n_pairs"] == 3
    means = [row["mean_correlation"] for row in result.rows[:3]]
    assert result.value == pytest.approx(np.mean(means))


def test_criteria_are_pooled_within_raters_and_not_across() -> None:
    """Two raters at other levels: across them the criteria would seem to go together."""
    values = criteria()[:2]
    apart = [table + 20 * np.arange(3)[:, None] for table in values]
    row = halo([ratings(table) for table in apart], NAMES[:2]).rows[-1]
    centred = [table - table.mean(axis=1, keepdims=True) for table in values]
    within = np.corrcoef(centred[0].ravel(), centred[1].ravel())[0, 1]
    assert row["correlation"] == pytest.approx(within)
    assert (row["one"], row["two"], row["n"]) == ("warmth", "insight", 120)


def test_a_rater_who_gives_one_score_for_all_has_a_halo_of_one() -> None:
    values = criteria()
    for table in values[1:]:
        table[0] = values[0][0]
    rows = halo([ratings(table) for table in values], NAMES).rows
    assert rows[0]["mean_correlation"] == pytest.approx(1)
    assert abs(rows[1]["mean_correlation"]) < 0.5


def test_a_constant_rater_is_undefined_and_leaks_no_nan() -> None:
    other = ONE_RATER_CONSTANT[:, ::-1]
    result = halo([ratings(ONE_RATER_CONSTANT), ratings(other)], NAMES[:2])
    assert result.rows[0]["mean_correlation"] is None
    assert result.rows[0]["undefined_because"] == "the same score throughout"
    assert result.value is not None
    assert "NaN" not in json.dumps(result.as_json())


def test_constant_at_a_value_that_rounds_is_constant_still() -> None:
    constant = np.full((2, 30), 0.1)
    varying = simulated(2, 30, sd=(1, 0, 1))
    result = halo([ratings(constant), ratings(varying)], NAMES[:2])
    assert result.value is None
    assert "scores vary" in result.undefined_because
    assert result.rows[-1]["correlation"] is None


def test_fewer_than_ten_items_on_both_are_too_few() -> None:
    values = criteria()[:2]
    values[0][1, 9:] = NAN
    rows = halo([ratings(table) for table in values], NAMES[:2]).rows
    assert rows[1]["mean_correlation"] is None
    assert "fewer than 10" in rows[1]["undefined_because"]
    assert rows[0]["mean_correlation"] is not None


def test_one_criterion_has_no_halo() -> None:
    assert "only one criterion" in halo([ratings(criteria()[0])], NAMES[:1]).undefined_because


def test_other_raters_or_names_are_refused() -> None:
    one, two, _ = criteria()
    with pytest.raises(RatingsError, match="same raters and items"):
        halo([ratings(one), ratings(two[:2])], NAMES[:2])
    with pytest.raises(RatingsError, match="names of criteria"):
        halo([ratings(one), ratings(two)], NAMES)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_relabelled_items_and_rescaled_criteria_change_nothing(seed: int) -> None:
    values = criteria(seed, missing=0.3)
    items = np.random.default_rng(seed).permutation(40)
    mixed = [3 * table[:, items] + 7 for table in values]
    one = halo([ratings(table) for table in values], NAMES)
    two = halo([ratings(table) for table in mixed], NAMES)
    for before, after in zip(one.rows, two.rows, strict=True):
        key = "correlation" if "one" in before else "mean_correlation"
        assert after[key] == pytest.approx(before[key], abs=1e-9)


def test_nobody_has_no_halo() -> None:
    empty = ratings(np.zeros((0, 3)), raters=[], items=["a", "b", "c"])
    assert halo([empty, empty], ["empathy", "safety"]).undefined_because == "there is no rater"
