"""Intervals of independent shares, and families of p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from annotations.statistics.multiplicity import Method, adjust, holm
from annotations.statistics.proportions import clopper_pearson, sign_test, wilson
from tests.annotations.statistics.golden import entries, expected, needs_golden

ENTRY = "proportions_and_multiplicity"
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@needs_golden
def test_shares_and_sign_test_as_published() -> None:
    data = entries()[ENTRY]["data"]
    for function, pairs, name in (
        (wilson, "wilson_k_n", "wilson95"),
        (clopper_pearson, "clopper_pearson_k_n", "clopper_pearson95"),
        (sign_test, "sign_k_n", "sign_test_two_sided_p"),
    ):
        value, tolerance = expected(ENTRY, name)
        found = [function(k, n) for k, n in data[pairs]]
        assert np.allclose(found, value, rtol=0, atol=tolerance)


@needs_golden
@pytest.mark.parametrize(
    ("method", "name"), [("holm", "holm"), ("bh", "BH"), ("by", "BY"), ("bonferroni", "bonferroni")]
)
def test_adjusted_p_as_published(method: Method, name: str) -> None:
    value, tolerance = expected(ENTRY, f"adjusted_p_{name}")
    found = adjust(entries()[ENTRY]["data"]["p_values"], method)
    assert np.allclose(found, value, rtol=0, atol=tolerance)


def test_wilson_of_newcombe_1998() -> None:
    """Two-sided confidence intervals for the single proportion, table I, method 3."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_clopper_pearson_of_newcombe_1998() -> None:
    """The same table, method 5."""
    assert clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert clopper_pearson(0, 20) == pytest.approx((0.0, 0.1684), abs=5e-5)
    assert clopper_pearson(1, 29) == pytest.approx((0.0009, 0.1776), abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.data())
def test_shares_equal_statsmodels(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    assert wilson(k, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)
    assert clopper_pearson(k, n) == pytest.approx(proportion_confint(k, n, method="beta"), abs=1e-9)
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20, 100])
def test_adjusted_p_equals_statsmodels(size: int) -> None:
    p = np.random.default_rng(size).beta(0.3, 1, size=size).round(3)  # some of them equal
    methods: dict[Method, str] = {
        "holm": "holm",
        "bh": "fdr_bh",
        "by": "fdr_by",
        "bonferroni": "bonferroni",
    }
    for method, theirs in methods.items():
        assert np.allclose(adjust(p, method), multipletests(p, method=theirs)[1], atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(P_VALUES, st.randoms())
def test_adjusted_p_follows_its_p_when_the_family_is_shuffled(
    p: list[float], random: object
) -> None:
    order = np.random.default_rng(len(p)).permutation(len(p))
    assert np.allclose(holm(np.array(p)[order]), holm(p)[order])


def test_p_values_that_are_not_there_do_not_count_into_the_family() -> None:
    adjusted = holm([0.01, None, 0.04, float("nan")])
    assert adjusted[[0, 2]].tolist() == [0.02, 0.04]
    assert np.isnan(adjusted[[1, 3]]).all()


def test_an_empty_family_stays_empty() -> None:
    assert holm([]).size == 0


def test_what_is_no_p_value_and_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.2])
    with pytest.raises(ValueError, match="no answers"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="not a share"):
        clopper_pearson(3, 2)


def test_sign_test_of_an_even_split_is_one() -> None:
    assert sign_test(5, 10) == 1
