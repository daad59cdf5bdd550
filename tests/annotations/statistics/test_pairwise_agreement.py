from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.statistics.kappa import cohen_kappa
from annotations.statistics.pairwise_agreement import pairwise_agreement
from annotations.statistics.ratings import ratings
from tests.annotations.statistics.tables import NAN, ONE_RATER_CONSTANT


def test_each_pair_has_its_kappa_alpha_and_overlap() -> None:
    generator = np.random.default_rng(3)
    values = generator.integers(1, 6, size=(4, 40)).astype(float)
    values[generator.random(values.shape) < 0.2] = NAN
    result = pairwise_agreement(ratings(values, scale=(1, 5)))
    assert len(result.rows) == 6
    for row, (one, two) in zip(
        result.rows, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], strict=True
    ):
        pair = values[[one, two]]
        both = pair[:, ~np.isnan(pair).any(axis=0)]
        assert (row["rater_one"], row["rater_two"]) == (f"rater {one + 1}", f"rater {two + 1}")
        assert row["n_items"] == both.shape[1]
        assert row["percent_exact"] == pytest.approx((both[0] == both[1]).mean())
        alone = ratings(both, scale=(1, 5))
        kappa = cohen_kappa(alone, weighting="quadratic").value
        assert row["kappa_quadratic"] == pytest.approx(kappa)
        alpha = krippendorff.alpha(reliability_data=both, level_of_measurement="ordinal")
        assert row["alpha_ordinal"] == pytest.approx(alpha, abs=1e-10)
    assert result.value == pytest.approx(np.mean([row["kappa_quadratic"] for row in result.rows]))


def test_fewer_than_ten_items_in_common_give_no_figure() -> None:
    generator = np.random.default_rng(4)
    values = generator.integers(1, 6, size=(3, 19)).astype(float)
    values[0, 10:] = NAN
    values[2, :1] = NAN
    values[2, 10] = NAN
    result = pairwise_agreement(ratings(values, scale=(1, 5)))
    by_pair = {(row["rater_one"], row["rater_two"]): row for row in result.rows}
    assert by_pair["rater 1", "rater 2"]["n_items"] == 10
    assert by_pair["rater 1", "rater 2"]["kappa_quadratic"] is not None
    nine = by_pair["rater 1", "rater 3"]
    assert (nine["n_items"], nine["kappa_quadratic"], nine["alpha_ordinal"]) == (9, None, None)
    assert nine["percent_exact"] is None
    assert "fewer than 10" in nine["undefined_because"]
    assert "2 of 3 pairs" in result.method


def test_undefined_where_no_pair_has_ten_items() -> None:
    result = pairwise_agreement(
        ratings([[1, 2, 3, NAN], [1, 2, NAN, NAN], [NAN] * 4], scale=(1, 5))
    )
    assert result.undefined_because == "fewer than 10 items in common"
    assert [row["n_items"] for row in result.rows] == [2, 0, 0]


def test_a_pair_who_only_ever_say_the_same_is_undefined_and_the_others_stand() -> None:
    values = np.vstack([ONE_RATER_CONSTANT[0], ONE_RATER_CONSTANT])
    result = pairwise_agreement(ratings(values, scale=(1, 5)))
    twins = result.rows[0]
    assert twins["kappa_quadratic"] is None
    assert twins["percent_exact"] == 1
    assert "every rating is the same" in twins["undefined_because"]
    assert result.value is not None
    # A rater who never varies agrees as chance would.
    assert result.rows[1]["kappa_quadratic"] == pytest.approx(0, abs=1e-12)


def test_one_rater_is_no_pair() -> None:
    result = pairwise_agreement(ratings([[1, 2, 3]], scale=(1, 5)))
    assert result.undefined_because == "no item has ratings from two raters"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_relabelled_items_and_a_reversed_scale_change_nothing(seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.integers(1, 5, size=(3, 14)).astype(float)
    values[generator.random(values.shape) < 0.15] = NAN
    once = pairwise_agreement(ratings(values, scale=(1, 4)))
    mixed = 5 - values[:, generator.permutation(14)]
    again = pairwise_agreement(ratings(mixed, scale=(1, 4)))
    for one, two in zip(once.rows, again.rows, strict=True):
        assert one["undefined_because"] == two["undefined_because"]
        for key in ("kappa_quadratic", "alpha_ordinal", "percent_exact", "n_items"):
            assert two[key] == pytest.approx(one[key], abs=1e-9)
