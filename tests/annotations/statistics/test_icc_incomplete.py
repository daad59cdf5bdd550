from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.estimate import Estimate
from annotations.statistics.icc import icc_2_1, icc_2_k, icc_3_1
from annotations.statistics.icc_incomplete import harmonic_ratings, icc_a1, icc_ak, icc_c1
from annotations.statistics.ratings import Ratings, ratings
from tests.annotations.statistics.golden import entries, expected, needs_golden
from tests.annotations.statistics.tables import NAN, ONE_RATER_CONSTANT, SHROUT_FLEISS, simulated

ALL = (icc_a1, icc_ak, icc_c1)
Icc = Callable[[Ratings], Estimate]


def incomplete() -> NDArray[np.float64]:
    values = SHROUT_FLEISS.copy()
    values[2, 1] = values[0, 4] = values[3, 5] = NAN
    return values


@needs_golden
def test_golden_incomplete_shrout_fleiss() -> None:
    name = "shrout_fleiss_incomplete"
    values = np.full((4, 6), NAN)
    for item, rater, score in entries()[name]["data"]["ratings"]:
        values[rater - 1, item - 1] = score
    table = ratings(values)
    for ours, key in [
        (icc_a1(table).value, "ICC(A,1)"),
        (icc_c1(table).value, "ICC(C,1)"),
        (icc_ak(table).value, "ICC(A,k_harmonic)"),
        (harmonic_ratings(table), "k_harmonic"),
    ]:
        wanted, tolerance = expected(name, key)
        assert ours == pytest.approx(wanted, abs=tolerance)


def test_incomplete_shrout_fleiss_keeps_every_item() -> None:
    """Deleting items with a gap would leave 3 of 6 and an ICC(A,1) of 0.175."""
    result = icc_a1(ratings(incomplete()))
    assert result.value == pytest.approx(0.31398, abs=5e-6)
    assert (result.n_items, result.n_ratings) == (6, 21)


def test_complete_tables_give_the_classical_coefficients() -> None:
    table = ratings(SHROUT_FLEISS)
    assert icc_a1(table).value == pytest.approx(icc_2_1(table).value, abs=1e-7)
    assert icc_ak(table).value == pytest.approx(icc_2_k(table).value, abs=1e-7)
    assert icc_c1(table).value == pytest.approx(icc_3_1(table).value, abs=1e-7)


def test_intervals_resemble_the_classical_ones_where_there_is_much_data() -> None:
    table = ratings(simulated(12, 300, sd=(1, 0.5, 1)))
    for mixed, classical in [(icc_a1(table), icc_2_1(table)), (icc_c1(table), icc_3_1(table))]:
        assert mixed.low == pytest.approx(classical.low, abs=0.03)
        assert mixed.high == pytest.approx(classical.high, abs=0.03)


def test_the_same_seed_gives_the_same_digits() -> None:
    table = ratings(incomplete())
    one, two, other = icc_a1(table, seed=5), icc_a1(table, seed=5), icc_a1(table, seed=6)
    assert (one.low, one.high) == (two.low, two.high)
    assert one.low != other.low
    assert (one.seed, one.resamples) == (5, 20_000)
    assert "seed 5" in one.method


def test_a_constant_rater_is_a_rater() -> None:
    result = icc_c1(ratings(ONE_RATER_CONSTANT))
    assert result.value == pytest.approx(0.19598, abs=5e-6)


def test_raters_who_do_not_differ_are_not_taken_as_known_to_be_alike() -> None:
    """Four more raters could differ, so that absolute agreement may be lower than consistency."""
    values = simulated(4, 40, sd=(1, 0, 1))
    values -= values.mean(axis=1, keepdims=True)
    absolute, consistency = icc_a1(ratings(values)), icc_c1(ratings(values))
    assert absolute.value == consistency.value
    assert 0.1 < absolute.low < consistency.low  # type: ignore[operator]
    assert absolute.notes == ("the rater variance is estimated as 0",)


def test_items_that_do_not_differ_have_an_interval_from_zero() -> None:
    values = simulated(4, 30, sd=(0, 1, 1))
    values -= values.mean(axis=0)
    result = icc_a1(ratings(values))
    assert (result.value, result.low) == (0, 0)
    assert 0 < result.high < 0.2  # type: ignore[operator]
    assert "item variance is estimated as 0" in result.notes[0]


@pytest.mark.parametrize("icc", ALL)
def test_perfect_agreement_is_one_without_an_interval(icc: Icc) -> None:
    result = icc(ratings([[1.0, 2, 3, NAN], [1.0, 2, 3, 5]]))
    assert result.value == 1
    assert "no error to measure" in result.no_interval_because


@pytest.mark.parametrize("icc", ALL)
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[7.0, 7, 7], [7.0, 7, 7]], "every rating is the same"),
        ([[1.0, 2, 3]], "fewer than two raters"),
        ([[1.0], [2.0]], "fewer than two items"),
        ([[1.0, NAN], [NAN, 2.0]], "no item has two ratings"),
        ([[NAN, NAN]], "there are no ratings"),
        ([[1.0, 2, 3], [2.0, 3, 4]], "nothing is left over"),
    ],
)
def test_undefined_says_why(icc: Icc, rows: list[list[float]], reason: str) -> None:
    result = icc(ratings(rows, more_raters_than_items=True))
    assert result.value is None
    assert reason in result.undefined_because


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_relabelling_shifting_and_scaling_change_nothing(seed: int) -> None:
    values = simulated(4, 15, seed=seed, missing=0.2, sd=(1, 0.5, 1))
    generator = np.random.default_rng(seed)
    mixed = 50 - 2 * values[generator.permutation(4)][:, generator.permutation(15)]
    for icc in ALL:
        one, two = icc(ratings(values)), icc(ratings(mixed))
        assert two.value == pytest.approx(one.value, abs=1e-6)
