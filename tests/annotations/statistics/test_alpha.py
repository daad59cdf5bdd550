from __future__ import annotations

from itertools import combinations
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.alpha import alpha, alpha_value
from annotations.statistics.alpha_levels import LEVELS, Level
from annotations.statistics.counts import code_ratings
from annotations.statistics.package_check import (
    NOT_COMPARED,
    PackageDisagreementError,
    computed_by,
)
from annotations.statistics.ratings import Ratings
from tests.annotations.statistics.golden import entries, expected, needs_golden, raters_by_items
from tests.annotations.statistics.random_tables import as_ratings, simulated, tables

NAN = float("nan")
quick = settings(max_examples=60, deadline=None)
by_level = pytest.mark.parametrize("level", LEVELS)

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: 4 observers, 12 units.
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def point(values: NDArray[np.float64], level: Level) -> float | None:
    return alpha_value(as_ratings(values), level)


def defined(values: NDArray[np.float64], level: Level) -> float:
    found = point(values, level)
    assume(found is not None)
    assert found is not None
    return found


# Published


@pytest.mark.parametrize(
    ("level", "exact"),
    [
        ("nominal", 113 / 152),
        ("ordinal", 108577 / 133160),
        ("interval", 951 / 1120),
        ("ratio", 18222619 / 22852465),
    ],
)
def test_krippendorffs_own_example(level: Level, exact: float) -> None:
    result = alpha(as_ratings(FOUR_OBSERVERS), level, resamples=0)
    assert result.name == f"alpha_{level}"
    assert result.value == pytest.approx(exact, abs=1e-12)
    assert (result.n_items, result.n_pairable, result.n_raters, result.n_ratings) == (12, 11, 4, 41)


def test_krippendorffs_binary_example_is_the_same_on_every_level() -> None:
    """Two observers, ten units (Krippendorff 2011, section A)."""
    values = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]], dtype=float)
    for level in LEVELS:
        assert point(values, level) == pytest.approx(2 / 21, abs=1e-12)


@needs_golden
@by_level
@pytest.mark.parametrize(
    "entry",
    ["kripp2011_4x12", "kripp2011_binary_2x10", "kripp2011_nominal_2x12", "irr_video_20x4"],
)
def test_golden_alphas(entry: str, level: Level) -> None:
    value, tolerance = expected(entry, f"alpha_{level}")
    assert point(raters_by_items(entry), level) == pytest.approx(value, abs=tolerance)


@needs_golden
@pytest.mark.parametrize(
    ("entry", "name", "level"),
    [
        ("gwet_raw4raters", "krippendorff_alpha|unweighted", "nominal"),
        ("gwet_raw4raters", "krippendorff_alpha|quadratic", "interval"),
        ("fleiss1971_diagnoses", "krippendorff_alpha_nominal", "nominal"),
    ],
)
def test_golden_alphas_under_other_names(entry: str, name: str, level: Level) -> None:
    value, tolerance = expected(entry, name)
    assert point(raters_by_items(entry), level) == pytest.approx(value, abs=tolerance)


@needs_golden
@pytest.mark.parametrize(
    ("entry", "level"),
    [
        ("table_vision", "nominal"),
        ("table_vision", "interval"),
        ("table_cont4x4", "nominal"),
        ("table_cont4x4", "interval"),
        ("table_fc1", "nominal"),
        ("table_fc2", "nominal"),
        ("table_fc4", "nominal"),
    ],
)
def test_golden_contingency_tables(entry: str, level: Level) -> None:
    table = np.array(entries()[entry]["data"]["table"])
    pairs = np.repeat(np.argwhere(table >= 0), table.ravel(), axis=0).T.astype(float)
    value, tolerance = expected(entry, f"krippendorff_alpha_{level}")
    assert point(pairs, level) == pytest.approx(value, abs=tolerance)


# Undefined


@needs_golden
def test_golden_degenerate_tables_have_a_reason() -> None:
    cases: dict[str, Any] = entries()["degenerate_alpha"]["data"]["cases"]
    for case, rows in cases.items():
        result = alpha(as_ratings(np.array(rows, dtype=float)), "ordinal")
        value, tolerance = expected("degenerate_alpha", f"alpha_ordinal|{case}")
        if value is None or case == "single_pairable_item":  # 0.0 by the formula, says its note
            assert result.value is None, case
            assert result.undefined_because, case
        else:
            assert result.value == pytest.approx(value, abs=tolerance), case


@by_level
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[7, 7, 7], [7, 7, 7]], "every rating is the same"),
        ([[7, 7, 3], [7, 7, NAN]], "every rating is the same"),
        ([[0.1, 0.1, 0.3], [0.1, 0.1, NAN]], "every rating is the same"),
        ([[1, 3], [2, NAN]], "only one item has ratings from two raters"),
        ([[1, NAN], [NAN, 2]], "no item has ratings from two raters"),
        ([[NAN, NAN]], "no item has ratings from two raters"),
        ([[1, 2, 3]], "no item has ratings from two raters"),
    ],
)
def test_alpha_is_undefined_with_a_reason(
    rows: list[list[float]], reason: str, level: Level
) -> None:
    result = alpha(as_ratings(np.array(rows)), level)
    assert result.value is None
    assert reason in result.undefined_because
    assert result.low is None


def test_an_empty_table_is_undefined() -> None:
    assert alpha(as_ratings(np.empty((0, 0))), "ordinal").undefined_because


def test_ratio_refuses_scores_below_zero() -> None:
    result = alpha(as_ratings(np.array([[-1.0, 2, 3], [1, 2, 3]])), "ratio")
    assert "below 0" in result.undefined_because


def test_ratio_refuses_thousands_of_different_scores_and_says_what_to_do() -> None:
    values = np.random.default_rng(0).random((2, 3000))
    result = alpha(as_ratings(values), "ratio")
    assert "6,000" in result.undefined_because
    assert "round the scores" in result.undefined_because


# Beside the package


@quick
@given(tables(), st.sampled_from(LEVELS))
def test_equals_the_package_whatever_is_missing(values: NDArray[np.float64], level: Level) -> None:
    ours = defined(values, level)
    theirs = krippendorff.alpha(reliability_data=values, level_of_measurement=level)
    assert ours == pytest.approx(theirs, abs=1e-10)


@quick
@given(tables(scores=200, most_items=40), st.sampled_from(LEVELS))
def test_equals_the_package_with_many_different_scores(
    values: NDArray[np.float64], level: Level
) -> None:
    ours = defined(values, level)
    theirs = krippendorff.alpha(reliability_data=values, level_of_measurement=level)
    assert ours == pytest.approx(theirs, abs=1e-10)


@by_level
def test_equals_the_package_on_a_large_table(level: Level) -> None:
    values = simulated(20, 2000, missing=0.6)
    theirs = krippendorff.alpha(reliability_data=values, level_of_measurement=level)
    assert point(values, level) == pytest.approx(theirs, abs=1e-12)


def test_the_result_says_which_computed_it() -> None:
    small = alpha(as_ratings(FOUR_OBSERVERS), "ordinal", resamples=0)
    assert "equal to krippendorff 0." in small.computed_by
    values = np.random.default_rng(0).random((3, 400))
    assert alpha(as_ratings(values), "ordinal", resamples=0).computed_by == NOT_COMPARED


def test_a_difference_from_the_package_is_an_error() -> None:
    counts = code_ratings(as_ratings(FOUR_OBSERVERS)).counts()
    with pytest.raises(PackageDisagreementError, match="this is a bug"):
        computed_by(counts, "ordinal", 0.8)


# By definition


def naive_interval_alpha(values: NDArray[np.float64]) -> float:
    """All pairs, one by one."""
    columns = [c[~np.isnan(c)] for c in values.T]
    pairable = [c for c in columns if len(c) > 1]
    observed = sum(
        2 * sum((a - b) ** 2 for a, b in combinations(c, 2)) / (len(c) - 1) for c in pairable
    )
    every = np.concatenate(pairable)
    by_chance = sum(2 * (a - b) ** 2 for a, b in combinations(every, 2))
    return float(1 - (len(every) - 1) * observed / by_chance)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_continuous_scores_far_from_zero_keep_their_digits(offset: float) -> None:
    values = np.random.default_rng(1).normal(0, 1, (4, 60)) + np.linspace(-2, 2, 60)
    assert point(values + offset, "interval") == pytest.approx(
        naive_interval_alpha(values), abs=1e-8 if offset else 1e-12
    )


def test_ordinal_alpha_of_continuous_scores_is_interval_alpha_of_their_ranks() -> None:
    values = np.random.default_rng(2).normal(0, 1, (5, 400)) + np.linspace(-2, 2, 400)
    ranks = values.ravel().argsort().argsort().reshape(values.shape).astype(float)
    ours = point(values, "ordinal")
    assert ours == pytest.approx(point(ranks, "interval"), abs=1e-12)


# Invariants


@quick
@given(tables(), st.sampled_from(LEVELS), st.randoms(use_true_random=False))
def test_order_of_raters_and_items_does_not_matter(
    values: NDArray[np.float64], level: Level, random: Any
) -> None:
    before = defined(values, level)
    shuffled = values[random.sample(range(values.shape[0]), values.shape[0])]
    shuffled = shuffled[:, random.sample(range(values.shape[1]), values.shape[1])]
    assert point(shuffled, level) == pytest.approx(before, abs=1e-12)


@quick
@given(tables(), st.sampled_from(LEVELS), st.integers(0, 2**32))
def test_who_gave_a_rating_does_not_matter(
    values: NDArray[np.float64], level: Level, seed: int
) -> None:
    """Ratings change hands within each item."""
    before = defined(values, level)
    handed_on = np.random.default_rng(seed).permuted(values, axis=0)
    assert point(handed_on, level) == pytest.approx(before, abs=1e-12)


@quick
@given(tables(), st.sampled_from(LEVELS))
def test_items_with_one_rating_change_nothing(values: NDArray[np.float64], level: Level) -> None:
    before = defined(values, level)
    lonely = np.full((values.shape[0], 3), np.nan)
    lonely[0] = [1, 4, 99]
    assert point(np.hstack([values, lonely]), level) == pytest.approx(before, abs=1e-12)


@quick
@given(tables(), st.sampled_from(LEVELS))
def test_a_table_taken_twice_differs_by_the_correction_for_few_ratings_only(
    values: NDArray[np.float64], level: Level
) -> None:
    """1 - alpha is (n - 1) times something that no repetition changes."""
    before = defined(values, level)
    given_ratings = ~np.isnan(values)
    n = given_ratings[:, given_ratings.sum(axis=0) > 1].sum()
    after = defined(np.hstack([values, values]), level)
    assert (1 - after) * 2 * (n - 1) == pytest.approx((1 - before) * (2 * n - 1), abs=1e-9)


@quick
@given(tables(), st.sampled_from(["nominal", "interval"]), st.integers(1, 6))
def test_items_all_agree_on_leave_observed_disagreement_as_it_was(
    values: NDArray[np.float64], level: Level, score: int
) -> None:
    """They add to n and to the disagreement by chance, which is computed here pair by pair."""

    def observed(table: NDArray[np.float64]) -> float:
        pairable = table[:, (~np.isnan(table)).sum(axis=0) > 1]
        scores = pairable[~np.isnan(pairable)]
        apart = scores[:, None] - scores
        chance = (apart != 0).sum() if level == "nominal" else (apart**2).sum()
        return (1 - defined(table, level)) * float(chance) / (len(scores) - 1)

    agreed = np.full((values.shape[0], 2), float(score))
    assert observed(np.hstack([values, agreed])) == pytest.approx(observed(values), abs=1e-9)


@quick
@given(tables(), st.permutations(range(6)))
def test_nominal_alpha_ignores_which_category_is_which(
    values: NDArray[np.float64], order: list[int]
) -> None:
    before = defined(values, "nominal")
    renamed = np.where(
        np.isnan(values), np.nan, np.array(order)[np.nan_to_num(values, nan=1).astype(int) - 1]
    )
    assert point(renamed, "nominal") == pytest.approx(before, abs=1e-12)


@quick
@given(tables())
def test_ordinal_alpha_ignores_how_far_apart_the_scores_are(values: NDArray[np.float64]) -> None:
    before = defined(values, "ordinal")
    assert point(np.exp(values), "ordinal") == pytest.approx(before, abs=1e-12)


@quick
@given(tables(), st.floats(0.01, 100), st.floats(-100, 100))
def test_interval_alpha_ignores_unit_and_origin(
    values: NDArray[np.float64], unit: float, origin: float
) -> None:
    before = defined(values, "interval")
    assert point(unit * values + origin, "interval") == pytest.approx(before, abs=1e-7)


@quick
@given(tables(), st.floats(0.01, 100))
def test_ratio_alpha_ignores_the_unit(values: NDArray[np.float64], unit: float) -> None:
    before = defined(values, "ratio")
    assert point(unit * values, "ratio") == pytest.approx(before, abs=1e-10)


@by_level
def test_perfect_agreement_is_one(level: Level) -> None:
    table: Ratings = as_ratings(np.array([[1.0, 2, 3, 5]] * 3))
    result = alpha(table, level)
    assert result.value == pytest.approx(1, abs=1e-15)
    assert result.no_interval_because == "every resample gives the same value"
