"""What to expect before the data: widths of intervals, calibration, and numbers of answers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from annotations.statistics.alpha import alpha_value
from annotations.statistics.alpha_intervals import alpha_jackknife, jackknife_variance
from annotations.statistics.planned_studies import (
    alphas_with_errors,
    calibrated,
    cuts_of_scale,
    population_alpha,
    simulated_alphas,
    simulated_counts,
)
from annotations.statistics.planner import (
    CLUSTERS_NOTE,
    ITEMS,
    RATERS,
    SHARE_NOTE,
    Plan,
    design_effect,
    planner,
    planner_from_pilot,
    win_rate_power,
)
from annotations.statistics.ratings import Ratings, RatingsError, ratings
from tests.annotations.statistics.tables import NAN, ONE_RATER_CONSTANT, simulated

REFERENCE = {30: 0.43, 50: 0.33, 100: 0.24, 300: 0.14}
"""Expected width at an alpha of .48 with 3 raters per item, by number of items."""


def widths(plan: Plan) -> dict[tuple[int, int], float]:
    return {(row["raters"], row["items"]): row["width"] for row in plan.rows}


def pilot(items: int = 60, *, clusters: Any = None, **shape: Any) -> Ratings:
    scores = np.clip(np.round(simulated(3, items, sd=(1.2, 0.6, 1.2), **shape)), 1, 10)
    return ratings(scores, scale=(1, 10), clusters=clusters)


@pytest.mark.parametrize("high", [5, 10])
def test_widths_are_those_of_the_reference(high: int) -> None:
    found = widths(planner(alpha=0.48, scale=(1, high), raters=[3], items=list(REFERENCE)))
    assert {items: found[3, items] for items in REFERENCE} == pytest.approx(REFERENCE, abs=0.02)


def test_widths_are_as_wide_as_alpha_spreads_over_studies() -> None:
    model = calibrated(0.6, raters=3, rater_share=0.2, cuts=cuts_of_scale(7))
    generator = np.random.default_rng(4)
    alphas, errors = simulated_alphas(model, raters=3, items=80, studies=4000, generator=generator)
    spread = np.ptp(np.quantile(alphas, [0.025, 0.975]))
    assert 2 * ndtri(0.975) * errors.mean() == pytest.approx(spread, rel=0.05)


def test_the_default_grid_has_every_combination_and_narrows_with_items_and_raters() -> None:
    found = widths(planner(alpha=0.6, scale=(1, 10)))
    assert set(found) == {(raters, items) for raters in RATERS for items in ITEMS}
    for raters in RATERS:
        line = [found[raters, items] for items in ITEMS]
        assert line == sorted(line, reverse=True)
    for items in ITEMS:
        line = [found[raters, items] for raters in RATERS]
        assert line == sorted(line, reverse=True)


@pytest.mark.parametrize("alpha", [0.05, 0.48, 0.9])
@pytest.mark.parametrize(("raters", "high"), [(2, 2), (3, 10), (8, 101)])
def test_simulated_studies_have_the_assumed_alpha(alpha: float, raters: int, high: int) -> None:
    model = calibrated(alpha, raters=raters, rater_share=0.3, cuts=cuts_of_scale(high))
    assert population_alpha(model, raters) == pytest.approx(alpha, abs=1e-9)
    assert model.item + model.rater + model.residual == pytest.approx(1)
    alphas, _ = simulated_alphas(
        model, raters=raters, items=4000, studies=12, generator=np.random.default_rng(3)
    )
    assert alphas.mean() == pytest.approx(alpha, abs=0.01)


def test_alpha_of_a_simulated_study_is_that_of_its_table() -> None:
    model = calibrated(0.5, raters=4, rater_share=0.2, cuts=cuts_of_scale(7))
    counts = simulated_counts(model, 4, 300, 3, np.random.default_rng(2))
    alphas, errors = alphas_with_errors(counts, 4)
    for study, alpha, error in zip(counts, alphas, errors, strict=True):
        scores = [np.repeat(np.arange(7), item.astype(int)) for item in study]
        table = ratings(np.array(scores).T)
        assert alpha == pytest.approx(alpha_value(table, "ordinal"), abs=1e-12)
        jackknife = math.sqrt(jackknife_variance(alpha_jackknife(table, "ordinal")))
        assert error == pytest.approx(jackknife, rel=0.02)


def test_rows_hold_expected_ends_around_the_assumed_alpha() -> None:
    (row,) = planner(alpha=0.48, scale=(1, 10), raters=[3], items=[100]).rows
    assert row["low"] == pytest.approx(0.36, abs=0.02)
    assert row["high"] == pytest.approx(0.60, abs=0.02)
    assert row["width"] == pytest.approx(row["high"] - row["low"])
    assert row["undefined_studies"] == 0


def test_a_higher_confidence_widens() -> None:
    asked: dict[str, Any] = {"alpha": 0.5, "scale": (1, 5), "raters": [3], "items": [100]}
    usual, sure = (widths(planner(**asked, confidence=c))[3, 100] for c in (0.95, 0.99))
    assert sure / usual == pytest.approx(ndtri(0.995) / ndtri(0.975))


def test_the_same_seed_gives_the_same_row_whatever_else_is_asked() -> None:
    whole = planner(alpha=0.5, scale=(1, 5), simulations=50, seed=7)
    alone = planner(alpha=0.5, scale=(1, 5), raters=[3], items=[100], simulations=50, seed=7)
    assert alone.rows[0] in whole.rows
    other = planner(alpha=0.5, scale=(1, 5), raters=[3], items=[100], simulations=50, seed=8)
    assert other.rows != alone.rows


def test_a_width_is_undefined_where_people_would_mostly_agree_on_everything() -> None:
    (row,) = planner(alpha=0.999, scale=(1, 2), raters=[2], items=[10]).rows
    assert row["width"] is row["low"] is row["high"] is None
    assert row["undefined_studies"] > 0.5


def test_a_plan_is_plain_values_and_says_its_method() -> None:
    plan = planner(alpha=0.5, scale=(1, 5), raters=[2], items=[30], simulations=20, seed=1)
    read = json.loads(json.dumps(plan.as_json()))
    assert read["rows"] == [dict(row) for row in plan.rows]
    assert (read["alpha"], read["seed"], read["simulations"]) == (0.5, 1, 20)
    assert "infinitesimal jackknife" in read["method"]
    assert "20 simulated studies" in read["method"]


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        ({"alpha": 0.0}, "such as 0.5"),
        ({"alpha": 1.0}, "such as 0.5"),
        ({"alpha": NAN}, "such as 0.5"),
        ({"alpha": 1 - 1e-12, "scale": (0, 100)}, "between 0.01 and 0.99"),
        ({"raters": [1, 2]}, "2 or more"),
        ({"raters": []}, "2 or more"),
        ({"items": []}, "10 items or more"),
        ({"items": [0]}, "10 items or more"),
        ({"scale": (5, 5)}, "such as 1 and 10"),
        ({"scale": (1, math.inf)}, "such as 1 and 10"),
        ({"confidence": 95}, "give 0.95"),
        ({"simulations": 0}, "simulate 2 or more"),
    ],
)
def test_what_cannot_be_planned_with_is_refused_with_a_remedy(
    wrong: dict[str, Any], remedy: str
) -> None:
    usual: dict[str, Any] = {"alpha": 0.5, "scale": (1, 10)}
    with pytest.raises(RatingsError, match=remedy):
        planner(**(usual | wrong))


def test_a_pilot_brings_its_own_alpha() -> None:
    table = pilot()
    plan = planner_from_pilot(table, raters=[3], items=[100])
    assert plan.alpha == alpha_value(table, "ordinal")
    assert plan.alpha is not None
    (assumed,) = planner(alpha=plan.alpha, scale=(1, 10), raters=[3], items=[100]).rows
    assert plan.rows[0]["width"] == pytest.approx(assumed["width"], abs=0.02)
    assert "a pilot of 60 items with two ratings" in plan.method


def test_the_width_planned_from_a_pilot_is_the_width_of_its_own_interval() -> None:
    table = pilot(200)
    plan = planner_from_pilot(table, raters=[3], items=[200])
    error = math.sqrt(jackknife_variance(alpha_jackknife(table, "ordinal")))
    assert plan.rows[0]["width"] == pytest.approx(2 * ndtri(0.975) * error, rel=0.15)


def test_a_pilot_with_missing_ratings_continuous_scores_or_sessions_is_planned_from() -> None:
    assert planner_from_pilot(pilot(missing=0.2), items=[100]).rows
    scores = ratings(simulated(3, 40, sd=(1, 0.3, 1)))
    assert planner_from_pilot(scores, raters=[3], items=[100]).rows
    grouped = planner_from_pilot(pilot(clusters=np.arange(60) // 3), raters=[3], items=[100])
    assert grouped.notes == (CLUSTERS_NOTE,)


def test_a_pilot_that_cannot_tell_raters_from_error_says_so() -> None:
    apart = np.full((8, 4), NAN)  # everybody rates one item
    apart[np.arange(8), np.arange(8) // 2] = [1, 2, 3, 3, 4, 5, 5, 5]
    plan = planner_from_pilot(ratings(apart, more_raters_than_items=True), raters=[2], items=[50])
    assert plan.notes == (SHARE_NOTE,)
    assert plan.rows


@pytest.mark.parametrize(
    ("scores", "because"),
    [
        ([[4, 4, 4], [4, 4, 4]], "every rating is the same"),
        ([[1, NAN, 3], [NAN, 2, NAN]], "no item has ratings from two raters"),
        ([[1, 2, 3, 4], [4, 3, 2, 1]], "no better than chance"),
        ([[1, 2, 3, 4], [1, 2, 3, 4]], "agree perfectly"),
    ],
)
def test_a_degenerate_pilot_gives_a_reason_and_no_rows(scores: Any, because: str) -> None:
    plan = planner_from_pilot(ratings(scores))
    assert because in plan.undefined_because
    assert plan.rows == ()


def test_the_pilot_of_nearly_constant_raters_is_not_a_crash() -> None:
    plan = planner_from_pilot(ratings(ONE_RATER_CONSTANT, scale=(1, 5)), raters=[3], items=[50])
    assert plan.undefined_because or plan.rows[0]["width"] > 0


def test_bad_questions_to_a_pilot_are_refused() -> None:
    with pytest.raises(RatingsError, match="2 or more"):
        planner_from_pilot(pilot(), raters=[1])


def test_194_decided_answers_tell_60_from_50_percent() -> None:
    found = win_rate_power(0.6)
    assert int(found) == found.non_ties == found.independent == 194
    assert int(win_rate_power(0.4)) == 194
    assert int(win_rate_power(0.6, design_effect=2)) == 388
    assert int(win_rate_power(0.6, design_effect=1.5)) == 291
    assert "sign test" in found.method


def test_the_number_of_answers_has_the_power_that_was_asked_for() -> None:
    found = win_rate_power(0.65, power=0.9)
    wins = np.random.default_rng(5).binomial(found.non_ties, 0.65, size=40_000)
    z = np.abs(wins / found.non_ties - 0.5) / (0.5 / math.sqrt(found.non_ties))
    assert (z > ndtri(0.975)).mean() == pytest.approx(0.9, abs=0.02)


def test_smaller_differences_and_more_power_need_more_answers() -> None:
    assert int(win_rate_power(0.55)) > int(win_rate_power(0.6)) > int(win_rate_power(0.9))
    assert int(win_rate_power(0.6, power=0.9)) > 194
    assert int(win_rate_power(0.6, significance=0.01)) > 194


def test_design_effect_is_1_for_answers_that_stand_alone() -> None:
    assert design_effect(1, 0.4) == design_effect(20, 0) == 1
    assert design_effect(5, 0.1) == pytest.approx(1.4)


@pytest.mark.parametrize(
    ("p", "wrong", "remedy"),
    [
        (0.5, {}, "such as 0.6"),
        (60, {}, "0.6 for 60 %"),
        (0.6, {"power": 1}, "0.8 is usual"),
        (0.6, {"significance": 0}, "0.05 is usual"),
        (0.6, {"design_effect": 0.5}, "1 where every answer stands alone"),
    ],
)
def test_a_power_that_cannot_be_is_refused_with_a_remedy(
    p: float, wrong: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(RatingsError, match=remedy):
        win_rate_power(p, **wrong)


@pytest.mark.parametrize(("size", "icc"), [(0, 0.1), (5, -0.1), (5, 1.1), (NAN, 0.1)])
def test_a_design_effect_that_cannot_be_is_refused(size: float, icc: float) -> None:
    with pytest.raises(RatingsError, match=r"give how many answers|is common"):
        design_effect(size, icc)
