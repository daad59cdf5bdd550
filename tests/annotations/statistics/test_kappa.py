from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.statistics.chance_corrected import conger
from annotations.statistics.estimate import Estimate
from annotations.statistics.kappa import (
    bhapkar,
    bias_index,
    bowker,
    cohen_kappa,
    light_kappa,
    pabak,
    prevalence_index,
    scott_pi,
    stuart_maxwell,
)
from annotations.statistics.ratings import Ratings, ratings
from annotations.statistics.weights import Weighting
from tests.annotations.statistics.golden import entries, expected, needs_golden, raters_by_items
from tests.annotations.statistics.tables import NAN, ONE_RATER_CONSTANT, from_table

# Stuart (1953), 7,477 women: unaided vision of the right eye against the left, best to worst.
VISION = [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
TWO_BY_TWO = ("table_fc1", "table_fc2", "table_fc4")
TABLES = ("table_vision", "table_cont4x4", *TWO_BY_TWO)
TWO_RATERS = (cohen_kappa, scott_pi, stuart_maxwell, bhapkar, bowker)


def test_eyes_differ_as_stuart_and_bowker_found() -> None:
    """Stuart (1955), A test for homogeneity: 11.96; Bowker's test of the same table: 19.11."""
    table = from_table(VISION)
    for test, chi2, freedom, p in [
        (stuart_maxwell, 11.957, 3, 0.0075),
        (bhapkar, 11.976, 3, 0.0075),
        (bowker, 19.107, 6, 0.0040),
    ]:
        result = test(table)
        assert result.value == pytest.approx(chi2, abs=5e-4)
        assert result.rows[0]["df"] == freedom
        assert result.rows[0]["p"] == pytest.approx(p, abs=5e-5)


@needs_golden
@pytest.mark.parametrize("entry", TABLES)
def test_golden_kappas_of_two_raters(entry: str) -> None:
    table = from_table(entries()[entry]["data"]["table"])
    weightings: list[Weighting] = ["unweighted"]
    if entry not in TWO_BY_TWO:
        weightings += ["linear", "quadratic"]
    for weighting in weightings:
        suffix = "" if entry in TWO_BY_TWO else f"|{weighting}"
        for name, function in (("cohen_kappa", cohen_kappa), ("scott_pi", scott_pi)):
            wanted, tolerance = expected(entry, name + suffix)
            result = function(table, weighting=weighting)
            assert result.value == pytest.approx(wanted, abs=tolerance)
        wanted, tolerance = expected(entry, "cohen_kappa_se" + suffix)
        error = cohen_kappa(table, weighting=weighting).standard_error
        assert error == pytest.approx(wanted, abs=tolerance)


@needs_golden
def test_golden_tests_of_marginal_homogeneity() -> None:
    table = from_table(entries()["table_vision"]["data"]["table"])
    for test, key in ((stuart_maxwell, "chi2_p"), (bhapkar, "chi2_p"), (bowker, "chi2_df_p")):
        wanted, tolerance = expected("table_vision", f"{test.__name__}_{key}")
        result = test(table)
        assert result.value == pytest.approx(wanted[0], abs=tolerance)
        assert result.rows[0]["p"] == pytest.approx(wanted[-1], abs=tolerance)


@needs_golden
@pytest.mark.parametrize("entry", TWO_BY_TWO)
def test_golden_prevalence_bias_and_adjusted_kappa(entry: str) -> None:
    table = from_table(entries()[entry]["data"]["table"])
    for function in (prevalence_index, bias_index, pabak):
        wanted, tolerance = expected(entry, function.__name__)
        assert function(table).value == pytest.approx(wanted, abs=tolerance)


@needs_golden
def test_golden_light_kappa_and_each_pair() -> None:
    result = light_kappa(ratings(raters_by_items("fleiss1971_diagnoses"), scale=(1, 5)))
    wanted, tolerance = expected("fleiss1971_diagnoses", "light_kappa_mean_pairwise")
    assert result.value == pytest.approx(wanted, abs=tolerance)
    matrix, tolerance = expected("fleiss1971_diagnoses", "pairwise_cohen_kappa_matrix")
    above = np.array(matrix)[np.triu_indices(6, 1)]
    assert [row["kappa"] for row in result.rows] == pytest.approx(above.tolist(), abs=tolerance)


def test_the_paradox_has_its_figures() -> None:
    """Byrt, Bishop & Carlin (1993): the same agreement, the prevalence index tells them apart."""
    table = from_table([[80, 10], [5, 5]])
    assert prevalence_index(table).value == pytest.approx(0.75)
    assert bias_index(table).value == pytest.approx(0.05)
    adjusted = pabak(table)
    assert adjusted.value == pytest.approx(0.70)
    assert adjusted.low is not None
    assert "PABAK" in adjusted.method


def test_items_that_one_of_them_skipped_do_not_count() -> None:
    both = ratings([[1, 2, 3, 1, 2], [1, 2, 2, 1, 3]], scale=(1, 3))
    gaps = ratings([[1, 2, 3, 1, 2, 3, NAN], [1, 2, 2, 1, 3, NAN, 1]], scale=(1, 3))
    assert cohen_kappa(gaps).value == pytest.approx(cohen_kappa(both).value)
    assert cohen_kappa(gaps).standard_error == pytest.approx(cohen_kappa(both).standard_error)


def test_a_constant_rater_has_a_kappa_of_zero() -> None:
    table = ratings(ONE_RATER_CONSTANT[[0, 2]], scale=(1, 5))
    assert cohen_kappa(table).value == pytest.approx(0, abs=1e-12)


def test_light_kappa_keeps_the_constant_rater() -> None:
    result = light_kappa(ratings(ONE_RATER_CONSTANT, scale=(1, 5)))
    assert [row["kappa"] for row in result.rows[:3]] == pytest.approx([0, 0, 0], abs=1e-12)
    assert len(result.rows) == 6


@pytest.mark.parametrize("function", TWO_RATERS)
def test_two_rater_statistics_refuse_three(function: Callable[[Ratings], Estimate]) -> None:
    result = function(ratings(ONE_RATER_CONSTANT[:3], scale=(1, 5)))
    assert result.undefined_because == "it compares two raters, and the table has 3"


@pytest.mark.parametrize("function", TWO_RATERS)
def test_undefined_where_both_always_say_the_same(
    function: Callable[[Ratings], Estimate],
) -> None:
    assert not function(ratings([[3, 3, 3], [3, 3, 3]], scale=(1, 5))).defined


@pytest.mark.parametrize("function", TWO_RATERS)
def test_undefined_without_an_item_in_common(function: Callable[[Ratings], Estimate]) -> None:
    result = function(ratings([[1, NAN], [NAN, 2]], scale=(1, 5)))
    assert result.undefined_because == "no item has ratings from two raters"


def test_two_by_two_figures_need_two_answers() -> None:
    table = ratings([[1, 2, 3], [1, 2, 2]], scale=(1, 3))
    for function in (prevalence_index, bias_index, pabak):
        assert "two possible answers" in function(table).undefined_because


def test_one_way_disagreement_has_no_bhapkar_but_a_stuart_maxwell() -> None:
    table = from_table([[0, 5], [0, 0]])
    assert stuart_maxwell(table).value == pytest.approx(5)
    assert "same way" in bhapkar(table).undefined_because


def test_unused_categories_take_no_degrees_of_freedom() -> None:
    padded = [[*row, 0] for row in VISION] + [[0] * 5]
    once, again = stuart_maxwell(from_table(VISION)), stuart_maxwell(from_table(padded))
    assert again.value == pytest.approx(once.value)
    assert again.rows[0]["df"] == once.rows[0]["df"] == 3
    assert bowker(from_table(padded)).rows == bowker(from_table(VISION)).rows


counts = st.lists(
    st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=3, max_size=3
).filter(lambda table: sum(map(sum, table)) > 1)


@settings(max_examples=40, deadline=None)
@given(counts)
def test_the_order_of_the_raters_changes_nothing(table: list[list[int]]) -> None:
    turned = np.transpose(table).tolist()
    for function in TWO_RATERS:
        one, two = function(from_table(table)), function(from_table(turned))
        assert one.undefined_because == two.undefined_because
        if one.value is not None:
            assert two.value == pytest.approx(one.value, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(counts)
def test_conger_of_two_complete_raters_is_cohen(table: list[list[int]]) -> None:
    one, two = conger(from_table(table)), cohen_kappa(from_table(table))
    assert one.undefined_because == two.undefined_because
    if one.value is not None:
        assert two.value == pytest.approx(one.value, abs=1e-12)


def test_pabak_is_undefined_where_both_rated_items_hold_one_answer() -> None:
    found = pabak(ratings(np.array([[7, 7, 3], [7, 7, np.nan]])))
    assert found.value is None
    assert found.undefined_because
