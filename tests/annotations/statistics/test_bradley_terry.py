"""Maxima of the Bradley-Terry family: published fits, invariants, where there is no maximum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.bradley_terry import Family, Fits, cells, fit, win_tie_loss
from annotations.statistics.comparisons import Comparisons, comparisons
from annotations.statistics.connected import maximum_exists, why_no_maximum
from tests.annotations.statistics.comparison_tables import from_counts, simulated
from tests.annotations.statistics.golden import entries, expected, needs_golden

FAMILIES: tuple[Family, ...] = ("bt_davidson", "bt_rao_kupper", "bt_half_tie")
Array = NDArray[np.float64]


def fitted(family: Family, data: Comparisons, order_effect: bool = False) -> Fits:
    table = cells(data, data.clusters("comparison"), order_effect)
    assert why_no_maximum(family, table, data.models) == ""
    return fit(family, table, table.total)


def why_not(
    family: Family, rows: list[tuple[int, int, int, int, int]], models: str = "ABCD"
) -> str:
    data = from_counts(rows, models)
    table = cells(data, data.clusters("comparison"), False)
    return why_no_maximum(family, table, data.models)


def baseball() -> Comparisons:
    data = entries()["baseball_1987"]["data"]
    place = data["teams"].index
    rows = [(place(home), place(away), w, lost, 0) for home, away, w, lost in data["rows"]]
    games = sum(row[2] + row[3] for row in rows)
    return from_counts(rows, data["teams"], first_shown=np.ones(games, dtype=bool))


def errors(found: Fits) -> Array:
    """Standard errors against the first model, then of what is not an ability."""
    covariance, models = found.covariance[0], found.theta.shape[1]
    variance = np.diag(covariance)
    against = variance[0] + variance[1:models] - 2 * covariance[0, 1:models]
    found_errors: Array = np.sqrt(np.concatenate([against, variance[models:]]))
    return found_errors


@needs_golden
def test_baseball_1987_without_home_effect() -> None:
    found = fitted("bt_half_tie", baseball())
    value, tolerance = expected("baseball_1987", "log_abilities")
    assert np.allclose(found.theta[0] - found.theta[0, 0], value, rtol=0, atol=tolerance)
    value, tolerance = expected("baseball_1987", "standard_errors_vs_reference")
    assert np.allclose(errors(found), value, rtol=0, atol=tolerance)
    value, tolerance = expected("baseball_1987", "log_likelihood_bernoulli")
    assert found.log_likelihood[0] == pytest.approx(value, abs=tolerance)


@needs_golden
def test_baseball_1987_with_home_effect() -> None:
    found = fitted("bt_half_tie", baseball(), order_effect=True)
    estimates = np.append(found.theta[0] - found.theta[0, 0], found.order_effect)
    value, tolerance = expected("baseball_1987", "with_home_effect_log_abilities_then_home")
    assert np.allclose(estimates, value, rtol=0, atol=tolerance)
    value, tolerance = expected("baseball_1987", "with_home_effect_se")
    assert np.allclose(errors(found), value, rtol=0, atol=tolerance)
    value, tolerance = expected("baseball_1987", "home_effect_lr_chi2")
    without = fitted("bt_half_tie", baseball())
    chi2 = 2 * (found.log_likelihood - without.log_likelihood)
    assert chi2[0] == pytest.approx(value, abs=tolerance)


@needs_golden
@pytest.mark.parametrize("family", FAMILIES)
def test_springall_1973(family: Family) -> None:
    rows = [(i - 1, j - 1, w, lost, t) for i, j, w, lost, t in springall_rows()]
    found = fitted(family, from_counts(rows, "123456789"))
    name = {"bt_davidson": "davidson", "bt_rao_kupper": "rao_kupper"}.get(family, "half_tie_bt")
    value, tolerance = expected("springall_1973", f"{name}_log_abilities")
    assert np.allclose(found.theta[0] - found.theta[0, 0], value, rtol=0, atol=tolerance)
    if family == "bt_half_tie":
        return
    value, tolerance = expected("springall_1973", f"{name}_loglik")
    assert found.log_likelihood[0] == pytest.approx(value, abs=tolerance)
    tie = np.log(found.tie[0]) if family == "bt_davidson" else found.tie[0]
    value, tolerance = expected(
        "springall_1973", f"{name}_{'log_nu' if family == 'bt_davidson' else 'theta'}"
    )
    assert tie == pytest.approx(value, abs=tolerance)


def springall_rows() -> list[list[int]]:
    rows: list[list[int]] = entries()["springall_1973"]["data"]["rows"]
    return rows


def test_statistics_journals_of_stigler_1994() -> None:
    """Citation patterns in the journals of statistics and probability; abilities as in Turner &
    Firth (2012), Bradley-Terry models in R, section 2, against Biometrika."""
    cited = [(0, 1, 730, 33, 0), (0, 2, 498, 320, 0), (0, 3, 221, 284, 0), (1, 2, 68, 813, 0)]
    cited += [(1, 3, 17, 276, 0), (2, 3, 142, 325, 0)]
    found = fitted("bt_half_tie", from_counts(cited, ["Biometrika", "CST", "JASA", "JRSS-B"]))
    assert found.theta[0, 1:] - found.theta[0, 0] == pytest.approx(
        [-2.9491, -0.4796, 0.2690], abs=5e-5
    )
    assert errors(found) == pytest.approx([0.1025, 0.0606, 0.0708], abs=5e-5)


def test_two_models_have_the_closed_form() -> None:
    found = fitted("bt_davidson", from_counts([(0, 1, 18, 8, 6)], "AB"))
    assert found.theta[0, 0] - found.theta[0, 1] == pytest.approx(np.log(18 / 8))
    assert found.tie[0] == pytest.approx(6 / np.sqrt(18 * 8))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("order_effect", [False, True])
def test_a_maximum_is_one(family: Family, order_effect: bool) -> None:
    data = simulated(np.array([0.5, 0.0, -0.5]), 200)
    found = fitted(family, data, order_effect)
    best = likelihood_by_hand(family, data, found.parameters[0], order_effect)
    assert found.log_likelihood[0] == pytest.approx(best)
    generator = np.random.default_rng(0)
    for _ in range(30):
        near = found.parameters[0] + generator.normal(size=found.parameters.shape[1]) * 0.05
        assert likelihood_by_hand(family, data, near, order_effect) < best


def likelihood_by_hand(
    family: Family, data: Comparisons, parameters: Array, order_effect: bool
) -> float:
    assert data.first_shown is not None
    models = len(data.models)
    difference = parameters[data.first] - parameters[data.second]
    if order_effect:
        difference = difference + np.where(data.first_shown, 1, -1) * parameters[-1]
    tie = 0.0 if family == "bt_half_tie" else float(np.exp(parameters[models]))
    win, tied, loss = win_tie_loss(family, difference, tie)
    if family == "bt_half_tie":
        half = (data.outcome == 0) / 2
        won, lost = (data.outcome < 0) + half, (data.outcome > 0) + half
        return float((won * np.log(win) + lost * np.log(loss)).sum())
    chosen = np.choose(data.outcome + 1, [win, tied, loss])
    return float(np.log(chosen).sum())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("order_effect", [0.0, 0.4])
def test_known_abilities_are_recovered(family: Family, order_effect: float) -> None:
    theta = np.array([0.8, 0.2, -0.2, -0.8])
    tie = {"bt_davidson": 0.7, "bt_rao_kupper": 1.8, "bt_half_tie": 0.0}[family]
    data = simulated(theta, 40_000, family=family, tie=tie, order_effect=order_effect)
    found = fitted(family, data, order_effect=True)
    assert np.allclose(found.theta[0], theta, atol=0.06)
    assert found.order_effect[0] == pytest.approx(order_effect, abs=0.05)
    if family != "bt_half_tie":
        assert found.tie[0] == pytest.approx(tie, abs=0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_sum_to_one_and_mirror(family: Family) -> None:
    difference = np.linspace(-40, 40, 81)
    win, tie, loss = win_tie_loss(family, difference, 1.6)
    assert np.allclose(win + tie + loss, 1)
    assert np.allclose(win, loss[::-1])
    assert (np.diff(win) >= 0).all()
    assert tie.argmax() in ({0, 40} if family == "bt_half_tie" else {40})


@pytest.mark.parametrize("family", ["bt_davidson", "bt_rao_kupper"])
def test_without_ties_it_is_the_plain_model(family: Family) -> None:
    data = from_counts([(0, 1, 5, 3, 0), (1, 2, 4, 4, 0), (0, 2, 6, 1, 0)], "ABC")
    found, plain = fitted(family, data), fitted("bt_half_tie", data)
    assert np.allclose(found.theta, plain.theta)
    assert found.tie[0] == (0 if family == "bt_davidson" else 1)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(FAMILIES))
def test_relabelled_and_turned_and_repeated_comparisons_change_nothing(
    seed: int, family: Family
) -> None:
    data = simulated(np.array([0.4, 0.1, -0.5]), 150, seed=seed)
    found = fitted(family, data)
    order = np.random.default_rng(seed).permutation(3)
    renamed = comparisons(order[data.first], order[data.second], data.outcome, models="xyz")
    assert np.allclose(fitted(family, renamed).theta[0][order], found.theta[0], atol=1e-7)
    turned = comparisons(data.second, data.first, -data.outcome, models="xyz")
    assert np.allclose(fitted(family, turned).theta, found.theta, atol=1e-7)
    twice = comparisons(
        *(np.tile(x, 2) for x in (data.first, data.second, data.outcome)), models="xyz"
    )
    assert np.allclose(fitted(family, twice).theta, found.theta, atol=1e-7)
    assert found.theta.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_never_lost_is_named(family: Family) -> None:
    because = why_not(family, [(0, 1, 5, 0, 0), (1, 2, 2, 3, 1), (1, 3, 2, 3, 1), (2, 3, 1, 1, 0)])
    assert because == ("A never lost to, or tied with, B, C and D: A is not linked with B, C and D")


@pytest.mark.parametrize("family", FAMILIES)
def test_two_groups_never_compared_are_named(family: Family) -> None:
    because = why_not(family, [(0, 1, 5, 2, 0), (2, 3, 2, 3, 1)])
    assert because == (
        "they were never compared with each other: A and B are not linked with C and D"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_without_comparisons_is_named(family: Family) -> None:
    assert why_not(family, [(0, 1, 5, 2, 0), (1, 2, 2, 3, 1)]) == (
        "D was never compared with any other model"
    )
    assert why_not(family, []) == "A, B, C and D were never compared with any other model"


def test_ties_alone_fit_half_ties_only() -> None:
    rows = [(0, 1, 0, 0, 5), (1, 2, 0, 0, 3)]
    assert why_not("bt_half_tie", rows, "ABC") == ""
    assert why_not("bt_davidson", rows, "ABC") == "every answer was a tie"
    assert why_not("bt_rao_kupper", rows, "ABC") == "every answer was a tie"


def test_a_tie_links_only_where_some_walk_has_more_wins_than_ties() -> None:
    one_way = [(0, 1, 5, 0, 3)]
    assert why_not("bt_half_tie", one_way, "AB") == ""
    assert "cannot be told from the share of ties" in why_not("bt_davidson", one_way, "AB")
    assert "cannot be told from the share of ties" in why_not("bt_rao_kupper", one_way, "AB")
    # C beats D and D beats C, which bounds the share of ties; then the tie of A and B is a link.
    linked = [(0, 1, 5, 0, 3), (1, 2, 1, 1, 0)]
    for family in FAMILIES:
        assert why_not(family, linked, "ABC") == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=9, max_size=9), st.sampled_from(FAMILIES[:2]))
def test_a_maximum_exists_exactly_where_no_direction_improves_every_answer(
    counts: list[int], family: Family
) -> None:
    """Against a linear programme over the directions (abilities, tie parameter)."""
    table_rows = np.array(counts).reshape(3, 3)
    pairs = [(0, 1), (0, 2), (1, 2)]
    rows = [
        (a, b, int(w), int(lost), int(t))
        for (a, b), (w, t, lost) in zip(pairs, table_rows, strict=True)
    ]
    data = from_counts(rows, "ABC")
    table = cells(data, data.clusters("comparison"), False)
    if not len(data) or not table_rows[:, 1].any():
        return
    exists = bool(maximum_exists(family, table, table.total)[0])
    assert exists == no_direction(rows)


def no_direction(rows: list[tuple[int, int, int, int, int]]) -> bool:
    from scipy.optimize import linprog

    constraints, spans = [], []
    for a, b, wins, losses, ties in rows:
        line = np.zeros(4)
        line[a], line[b] = 1, -1
        tie = np.array([0, 0, 0, 1.0])
        if wins:
            constraints += [tie - line, -line]
        if losses:
            constraints += [tie + line, line]
        if ties:
            constraints += [line - tie, -line - tie]
        if wins or losses or ties:
            spans.append(line)
    # Any feasible direction that is not level: its largest coordinate in a box is not zero.
    # The models that were compared with nobody make a direction of their own.
    for goal in [*np.eye(4)[:3], *-np.eye(4)[:3], np.eye(4)[3], -np.eye(4)[3]]:
        found = linprog(
            -goal,
            A_ub=np.array(constraints),
            b_ub=np.zeros(len(constraints)),
            A_eq=[[1, 1, 1, 0]],
            b_eq=[0],
            bounds=[(-1, 1)] * 4,
        )
        if -found.fun > 1e-7:
            return False
    return True


def test_a_side_that_explains_everything_is_said() -> None:
    data = from_counts([(0, 1, 4, 0, 0), (1, 0, 4, 0, 0)], "AB", first_shown=np.ones(8, dtype=bool))
    table = cells(data, data.clusters("comparison"), True)
    assert why_no_maximum("bt_davidson", table, data.models) == (
        "the side on which a response stood explains every decided answer"
    )
    without = cells(data, data.clusters("comparison"), False)
    assert why_no_maximum("bt_davidson", without, data.models) == ""
