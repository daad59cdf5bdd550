from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.statistics.estimate import Estimate
from annotations.statistics.icc import (
    icc_1_1,
    icc_1_k,
    icc_2_1,
    icc_2_k,
    icc_3_1,
    icc_3_k,
    mean_squares,
)
from annotations.statistics.ratings import Ratings, ratings
from tests.annotations.statistics.golden import entries, expected, needs_golden, raters_by_items
from tests.annotations.statistics.tables import (
    NAN,
    ONE_RATER_CONSTANT,
    SHROUT_FLEISS,
    simulated,
)

FORMS = {
    "ICC(1,1)": icc_1_1,
    "ICC(1,k)": icc_1_k,
    "ICC(2,1)": icc_2_1,
    "ICC(2,k)": icc_2_k,
    "ICC(3,1)": icc_3_1,
    "ICC(3,k)": icc_3_k,
}
SINGLE = (icc_1_1, icc_2_1, icc_3_1)
Form = Callable[[Ratings], Estimate]


def test_shrout_and_fleiss_table_four() -> None:
    table = ratings(SHROUT_FLEISS)
    values = {name: round(form(table).value or 0, 2) for name, form in FORMS.items()}
    assert values == {
        "ICC(1,1)": 0.17,
        "ICC(2,1)": 0.29,
        "ICC(3,1)": 0.71,
        "ICC(1,k)": 0.44,
        "ICC(2,k)": 0.62,
        "ICC(3,k)": 0.91,
    }
    squares = mean_squares(table)
    found = (squares.between, squares.within, squares.judges, squares.error)
    assert found == pytest.approx((11.24, 6.26, 32.49, 1.02), abs=0.005)


@needs_golden
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("entry", ["shrout_fleiss_1979", "irr_video_20x4"])
def test_golden_forms_with_their_intervals(entry: str, name: str) -> None:
    result = FORMS[name](ratings(raters_by_items(entry)))
    wanted, tolerance = expected(entry, name)
    assert result.value == pytest.approx(wanted, abs=tolerance)
    (low, high), tolerance = expected(entry, f"{name}_ci95")
    assert result.low == pytest.approx(low, abs=tolerance)
    assert result.high == pytest.approx(high, abs=tolerance)
    assert name in result.method


@needs_golden
def test_golden_two_ways_of_measuring_one_thing() -> None:
    data = entries()["bland_altman_1986"]["data"]
    wanted, tolerance = expected("bland_altman_1986", "ICC(2,1)")
    assert icc_2_1(ratings([data["wright"], data["mini"]])).value == pytest.approx(
        wanted, abs=tolerance
    )


@pytest.mark.parametrize("form", FORMS.values())
def test_a_missing_cell_is_refused_with_the_way_out(form: Form) -> None:
    values = SHROUT_FLEISS.copy()
    values[2, 1] = NAN
    assert "use icc_a1" in form(ratings(values)).undefined_because


@pytest.mark.parametrize("form", FORMS.values())
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((3, 5), 7.0), "items do not differ"),
        (np.array([[0.1] * 5, [0.7] * 5]), "items do not differ"),
        (np.array([[1.0, 2, 3]]), "only one rater"),
        (np.array([[1.0], [2]]), "fewer than two items"),
        (np.empty((2, 0)), "fewer than two items"),
    ],
)
def test_degenerate_tables_are_undefined(form: Form, values: np.ndarray, reason: str) -> None:
    result = form(ratings(values, more_raters_than_items=True))
    assert result.value is None
    assert reason in result.undefined_because


@pytest.mark.parametrize("form", FORMS.values())
def test_perfect_agreement_has_no_interval(form: Form) -> None:
    result = form(ratings([[1, 2, 3, 5], [1, 2, 3, 5]]))
    assert result.value == pytest.approx(1)
    assert "no error to measure" in result.no_interval_because


def test_consistency_ignores_how_severe_a_rater_is_and_agreement_does_not() -> None:
    harsher = SHROUT_FLEISS.copy()
    harsher[0] -= 5
    for form in (icc_3_1, icc_3_k):
        assert form(ratings(harsher)).value == pytest.approx(form(ratings(SHROUT_FLEISS)).value)
    assert icc_2_1(ratings(harsher)).value != pytest.approx(icc_2_1(ratings(SHROUT_FLEISS)).value)


def test_item_means_that_do_not_differ_have_no_reliability_of_the_mean() -> None:
    table = ratings([[1, 2, 3], [3, 2, 1]])
    assert icc_3_1(table).value == pytest.approx(-1)
    assert "means differ less" in icc_3_k(table).undefined_because


def test_a_constant_rater_is_a_rater() -> None:
    result = icc_2_1(ratings(ONE_RATER_CONSTANT))
    assert result.value == pytest.approx(0.1569, abs=5e-5)


def test_clusters_are_said_to_be_ignored() -> None:
    table = ratings(SHROUT_FLEISS, clusters=[0, 0, 1, 1, 2, 2])
    assert "too narrow" in icc_2_1(table).notes[0]


@pytest.mark.parametrize("form", SINGLE)
def test_a_higher_confidence_has_a_wider_interval(
    form: Callable[..., Estimate],
) -> None:
    table = ratings(SHROUT_FLEISS)
    wide, narrow = form(table, confidence=0.99), form(table, confidence=0.8)
    assert wide.low < narrow.low < narrow.high < wide.high  # type: ignore[operator]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(5, 12))
def test_relabelling_shifting_and_scaling_change_nothing(
    seed: int, raters: int, items: int
) -> None:
    values = simulated(raters, items, seed=seed, sd=(1, 0.5, 1))
    generator = np.random.default_rng(seed)
    mixed = 100 - 3 * values[generator.permutation(raters)][:, generator.permutation(items)]
    for form in FORMS.values():
        one, two = form(ratings(values)), form(ratings(mixed))
        assert one.undefined_because == two.undefined_because
        assert one.no_interval_because == two.no_interval_because
        for before, after in [(one.value, two.value), (one.low, two.low), (one.high, two.high)]:
            if before is not None:
                assert after == pytest.approx(before, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "table",
    [
        [[1, 2, 1, 2], [2, 1, 2, 1]],
        [[1, 2, 1], [2, 1, 2]],
        [[1, 2], [2, 1], [2, 2], [1, 1]],
        [[3, 3, 2], [2, 2, 3]],
        [[3, 2], [2, 3]],
    ],
)
@pytest.mark.parametrize("icc", [icc_2_1, icc_2_k])
def test_raters_who_contradict_each_other_everywhere_break_nothing(
    icc: Callable[[Ratings], Estimate], table: list[list[int]]
) -> None:
    found = icc(ratings(table, more_raters_than_items=True))
    assert (found.value is None) == bool(found.undefined_because)
    assert found.low is None
    assert found.undefined_because or found.no_interval_because
