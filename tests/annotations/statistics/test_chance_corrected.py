from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.chance_corrected import (
    Chance,
    Tally,
    brennan_prediger,
    chance_of_brennan_prediger,
    chance_of_conger,
    chance_of_fleiss,
    chance_of_gwet,
    chance_of_nothing,
    conger,
    fleiss,
    gwet_ac1,
    gwet_ac2_quadratic,
    linearised,
    percent_exact,
    percent_within_1,
    tally,
)
from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import Ratings, Scale, ratings
from annotations.statistics.weights import Weighting, agreement_weights, ordinal
from tests.annotations.statistics.golden import entries, expected, needs_golden, raters_by_items
from tests.annotations.statistics.tables import NAN, from_table

CHANCE: dict[str, Callable[[Tally], Chance]] = {
    "percent_agreement": chance_of_nothing,
    "gwet_ac": chance_of_gwet,
    "fleiss_kappa": chance_of_fleiss,
    "brennan_prediger": chance_of_brennan_prediger,
    "conger_kappa": chance_of_conger,
    "scott_pi": chance_of_fleiss,
}
WEIGHTINGS: tuple[Weighting, ...] = ("unweighted", "linear", "quadratic", "ordinal")
COEFFICIENTS = (gwet_ac1, gwet_ac2_quadratic, brennan_prediger, fleiss, conger)
PERCENTS = (percent_exact, percent_within_1)

# Fleiss (1971), table 1: thirty patients, six psychiatrists, five diagnoses; how many chose each.
FLEISS_1971 = [
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031",
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006",
]


def from_counts(rows: list[str]) -> NDArray[np.float64]:
    """Raters x items; which rater gave which answer is arbitrary."""
    items = [list(map(int, word)) for row in rows for word in row.split()]
    return np.array([np.repeat(np.arange(1, 6), counts) for counts in items], dtype=float).T


def in_general(table: Ratings, name: str, weighting: Weighting) -> tuple[float, float]:
    data = tally(table, agreement_weights(weighting, table.categories))
    result = linearised(data, CHANCE[name](data))
    return result.value, result.standard_error(data.clusters)


def test_fleiss_is_the_published_kappa_of_the_psychiatric_diagnoses() -> None:
    result = fleiss(ratings(from_counts(FLEISS_1971), scale=(1, 5)))
    assert result.value == pytest.approx(0.430, abs=5e-4)
    assert (result.n_items, result.n_raters, result.n_ratings) == (30, 6, 180)


def test_prevalence_paradox_depresses_kappa_and_leaves_gwet_alone() -> None:
    """Feinstein & Cicchetti (1990), High agreement but low kappa: the same 85 % agree in both."""
    even, skewed = from_table([[40, 9], [6, 45]]), from_table([[80, 10], [5, 5]])
    assert percent_exact(even).value == pytest.approx(percent_exact(skewed).value)
    assert [round(conger(t).value or 0, 2) for t in (even, skewed)] == [0.70, 0.32]
    assert [round(gwet_ac1(t).value or 0, 2) for t in (even, skewed)] == [0.70, 0.81]


def test_conger_with_missing_ratings_has_the_standard_error_that_irrcac_prints() -> None:
    """irrCAC 1.0, vignette: cac.raw4raters, Conger's kappa 0.76282 with standard error 0.14917."""
    four_raters = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, NAN],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
    result = conger(ratings(four_raters, scale=(1, 5)))
    assert result.value == pytest.approx(0.76282, abs=5e-6)
    assert result.standard_error == pytest.approx(0.14917, abs=5e-6)
    assert result.low == pytest.approx(0.435, abs=5e-4)
    assert result.high == 1


def test_ordinal_weights_count_the_pairs_of_ranks_between() -> None:
    assert ordinal(np.array([1.0, 2, 5, 9]))[0].tolist() == pytest.approx([1, 5 / 6, 1 / 2, 0])


@needs_golden
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("name", sorted(set(CHANCE) - {"scott_pi"}))
def test_golden_coefficients_of_four_raters_with_gaps(name: str, weighting: Weighting) -> None:
    table = ratings(raters_by_items("gwet_raw4raters"), scale=(1, 5))
    value, error = in_general(table, name, weighting)
    wanted, tolerance = expected("gwet_raw4raters", f"{name}|{weighting}")
    assert value == pytest.approx(wanted, abs=tolerance)
    if f"{name}_se|{weighting}" in entries()["gwet_raw4raters"]["expected"]:
        wanted, tolerance = expected("gwet_raw4raters", f"{name}_se|{weighting}")
        assert error == pytest.approx(wanted, abs=tolerance)


@needs_golden
@pytest.mark.parametrize(
    ("function", "value", "error"),
    [
        (fleiss, "fleiss_kappa", "fleiss_kappa_se_gwet"),
        (gwet_ac1, "gwet_ac1", "gwet_ac1_se"),
        (brennan_prediger, "brennan_prediger", None),
        (conger, "conger_kappa", None),
    ],
)
def test_golden_coefficients_of_the_diagnoses(
    function: Callable[[Ratings], Estimate], value: str, error: str | None
) -> None:
    result = function(ratings(raters_by_items("fleiss1971_diagnoses"), scale=(1, 5)))
    wanted, tolerance = expected("fleiss1971_diagnoses", value)
    assert result.value == pytest.approx(wanted, abs=tolerance)
    if error is not None:
        wanted, tolerance = expected("fleiss1971_diagnoses", error)
        assert result.standard_error == pytest.approx(wanted, abs=tolerance)


@needs_golden
@pytest.mark.parametrize(
    "entry", ["table_vision", "table_cont4x4", "table_fc1", "table_fc2", "table_fc4"]
)
def test_golden_coefficients_of_two_raters(entry: str) -> None:
    table = from_table(entries()[entry]["data"]["table"])
    compared = 0
    for key in entries()[entry]["expected"]:
        name, _, weighting = key.partition("|")
        if name in CHANCE:
            value, _ = in_general(table, name, weighting or "unweighted")
            wanted, tolerance = expected(entry, key)
            assert value == pytest.approx(wanted, abs=tolerance), key
            compared += 1
    assert compared >= 4


@pytest.mark.parametrize("function", COEFFICIENTS + PERCENTS)
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[1, NAN], [NAN, 2]], "no item has ratings from two raters"),
        ([[1, 2, 3]], "no item has ratings from two raters"),
        ([[NAN, NAN]], "no item has ratings from two raters"),
    ],
)
def test_undefined_without_a_pair_of_ratings(
    function: Callable[[Ratings], Estimate], rows: list[list[float]], reason: str
) -> None:
    result = function(ratings(rows, scale=(1, 5)))
    assert result.value is None
    assert result.undefined_because == reason


@pytest.mark.parametrize("function", [fleiss, conger])
def test_kappas_are_undefined_when_every_rating_is_the_same(
    function: Callable[[Ratings], Estimate],
) -> None:
    result = function(ratings([[7, 7, 7], [7, 7, 7]], scale=(1, 10)))
    assert "every rating is the same" in result.undefined_because


@pytest.mark.parametrize("function", [gwet_ac1, gwet_ac2_quadratic, brennan_prediger])
def test_complete_agreement_on_one_answer_is_complete_and_says_what_it_does_not_show(
    function: Callable[[Ratings], Estimate],
) -> None:
    result = function(ratings([[7, 7, 7], [7, 7, 7]], scale=(1, 10)))
    assert result.value == pytest.approx(1)
    assert result.low is None
    assert "agree equally well" in result.no_interval_because
    assert "nothing shows" in result.notes[0]


@pytest.mark.parametrize("function", COEFFICIENTS)
def test_without_a_declared_scale_one_answer_is_undefined(
    function: Callable[[Ratings], Estimate],
) -> None:
    assert not function(ratings([[7, 7, 7], [7, 7, 7]])).defined


def test_one_item_has_a_value_and_no_interval() -> None:
    result = gwet_ac1(ratings([[1], [2]], scale=(1, 5), more_raters_than_items=True))
    assert result.value is not None
    assert result.low is None
    assert "only one" in result.no_interval_because
    assert result.method == "Gwet's AC1"


def test_a_continuous_scale_has_nothing_to_agree_on() -> None:
    table = ratings([[0.1, 0.5], [0.2, 0.4]], scale=Scale(0, 1, step=0))
    assert "continuous" in gwet_ac1(table).undefined_because


def test_hundreds_of_different_values_are_not_categories() -> None:
    values = np.random.default_rng(1).normal(size=(2, 300))
    assert "600 different values" in percent_exact(ratings(values)).undefined_because


def test_percents_are_means_over_items_of_agreeing_pairs() -> None:
    # item 1: all three pairs agree; item 2: one of three, the others 3 apart; item 3: 1 apart.
    table = ratings([[4.0, 2, 9], [4.0, 2, 8], [4.0, 5, NAN]], scale=(1, 10))
    assert percent_exact(table).value == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert percent_within_1(table).value == pytest.approx((1 + 1 / 3 + 1) / 3)


def test_half_points_within_one_are_two_steps() -> None:
    table = ratings([[0.5, 1.0, 4.0], [1.5, 2.5, 4.0]], scale=Scale(0.5, 5, step=0.5))
    assert percent_within_1(table).value == pytest.approx(2 / 3)


def test_weights_span_the_declared_scale_and_not_the_used_part() -> None:
    rows = [[4, 5, 4, 5, 5], [5, 5, 4, 4, 5]]
    narrow = gwet_ac2_quadratic(ratings(rows, scale=(4, 5))).value
    wide = gwet_ac2_quadratic(ratings(rows, scale=(1, 10))).value
    assert narrow is not None
    assert wide is not None
    assert wide > 0.9 > narrow


def test_clusters_of_one_item_change_nothing() -> None:
    rows = from_counts(FLEISS_1971)
    alone = gwet_ac1(ratings(rows, scale=(1, 5)))
    clustered = gwet_ac1(ratings(rows, scale=(1, 5), clusters=np.arange(30)))
    assert clustered.standard_error == pytest.approx(alone.standard_error)
    assert (alone.n_clusters, clustered.n_clusters) == (None, 30)


@pytest.mark.parametrize("function", COEFFICIENTS + PERCENTS)
def test_items_copied_within_their_cluster_add_no_precision(
    function: Callable[[Ratings], Estimate],
) -> None:
    rows = from_counts(FLEISS_1971)
    once = function(ratings(rows, scale=(1, 5)))
    twice = ratings(np.hstack([rows, rows]), scale=(1, 5), clusters=np.tile(np.arange(30), 2))
    copied = function(twice)
    assert copied.value == pytest.approx(once.value)
    assert copied.standard_error == pytest.approx(once.standard_error)
    assert copied.low == pytest.approx(once.low)
    assert copied.n_clusters == 30


def test_an_interval_ends_at_one() -> None:
    almost = np.tile([1.0, 2, 3, 4, 5], (3, 4))
    almost[0, 0] = 2
    result = fleiss(ratings(almost, scale=(1, 5)))
    assert result.high == 1
    assert result.low is not None
    assert result.low < 1


def test_linearised_errors_match_the_spread_over_resampled_items() -> None:
    generator = np.random.default_rng(5)
    truth = generator.normal(size=300)
    noisy = np.clip(np.round(3 + truth + generator.normal(size=(4, 300))), 1, 5)
    noisy[generator.random(noisy.shape) < 0.3] = NAN
    draws = [generator.integers(300, size=300) for _ in range(300)]
    for function in (gwet_ac2_quadratic, fleiss, conger):
        values = [function(ratings(noisy[:, draw], scale=(1, 5))).value for draw in draws]
        spread = np.std([value for value in values if value is not None])
        error = function(ratings(noisy, scale=(1, 5))).standard_error
        assert error == pytest.approx(float(spread), rel=0.15)


tables = st.tuples(st.integers(2, 4), st.integers(4, 8)).flatmap(
    lambda shape: st.lists(
        st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def same(one: Estimate, two: Estimate) -> None:
    assert one.undefined_because == two.undefined_because
    if one.value is not None:
        assert two.value == pytest.approx(one.value, abs=1e-9)
        assert one.standard_error == pytest.approx(two.standard_error, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(tables, st.integers(0, 1000))
def test_relabelling_raters_and_items_changes_nothing(
    rows: list[list[float | None]], seed: int
) -> None:
    values = np.array(rows, dtype=float)
    generator = np.random.default_rng(seed)
    mixed = generator.permutation(generator.permutation(values).T).T
    for function in COEFFICIENTS + PERCENTS:
        same(function(ratings(values, scale=(1, 5))), function(ratings(mixed, scale=(1, 5))))


@settings(max_examples=40, deadline=None)
@given(tables)
def test_a_reversed_scale_changes_nothing(rows: list[list[float | None]]) -> None:
    values = np.array(rows, dtype=float)
    for function in COEFFICIENTS + PERCENTS:
        same(function(ratings(values, scale=(1, 5))), function(ratings(6 - values, scale=(1, 5))))


@settings(max_examples=40, deadline=None)
@given(tables)
def test_swapped_categories_change_nothing_where_answers_have_no_order(
    rows: list[list[float | None]],
) -> None:
    values = np.array(rows, dtype=float)
    swapped = np.array([NAN, 3, 5, 1, 2, 4])[np.where(np.isnan(values), 0, values).astype(int)]
    for function in (gwet_ac1, brennan_prediger, fleiss, conger, percent_exact):
        same(function(ratings(values, scale=(1, 5))), function(ratings(swapped, scale=(1, 5))))


@settings(max_examples=40, deadline=None)
@given(tables)
def test_a_design_copied_once_keeps_its_value(rows: list[list[float | None]]) -> None:
    values = np.array(rows, dtype=float)
    for function in COEFFICIENTS + PERCENTS:
        once = function(ratings(values, scale=(1, 5)))
        twice = function(ratings(np.hstack([values, values]), scale=(1, 5)))
        assert once.undefined_because == twice.undefined_because
        if once.value is not None:
            assert twice.value == pytest.approx(once.value, abs=1e-9)
