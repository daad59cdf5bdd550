"""May a judge stand in for people: alpha beside that of people, alternative annotator test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from annotations.statistics.alpha import alpha_value
from annotations.statistics.alternative_annotator import Closeness, judge_alternative_annotator
from annotations.statistics.judge_alpha import judge_alpha
from annotations.statistics.ratings import Ratings, ratings
from tests.annotations.statistics.golden import entries, expected, needs_golden

ENTRY = "alt_test_video"
NAN = float("nan")


def study(
    items: int = 200, people: int = 4, noise: float = 1.0, seed: int = 0
) -> tuple[Ratings, NDArray[np.float64]]:
    """People with errors of SD 1, and a judge with errors of SD `noise`."""
    generator = np.random.default_rng(seed)
    truth = 5 + 1.5 * generator.normal(size=items)
    scores = truth + generator.normal(size=(people, items))
    judge = truth + noise * generator.normal(size=items)
    return ratings(np.clip(np.round(scores), 1, 10)), np.clip(np.round(judge), 1, 10)


def row(found: Any, who: str) -> Any:
    return next(row for row in found.rows if row["who"] == who)


@needs_golden
@pytest.mark.parametrize("closeness", ["neg_rmse", "accuracy"])
def test_alternative_annotator_test_as_the_authors_compute_it(closeness: Closeness) -> None:
    table = np.array(entries()[ENTRY]["data"]["ratings_item_x_rater"], dtype=float).T
    found = judge_alternative_annotator(
        ratings(table[:3]), table[3], closeness=closeness, min_items=20
    )
    value, tolerance = expected(ENTRY, f"winning_rate_{closeness}")
    assert found.value == pytest.approx(value, abs=tolerance)
    value, tolerance = expected(ENTRY, f"p_values_one_sided_{closeness}")
    assert [row["p"] for row in found.rows] == pytest.approx(value, abs=tolerance)
    value, tolerance = expected(ENTRY, f"advantage_probability_{closeness}")
    advantage = np.mean([row["judge_advantage"] for row in found.rows])
    assert advantage == pytest.approx(value, abs=tolerance)


def test_a_good_judge_wins_and_a_poor_one_does_not() -> None:
    good = judge_alternative_annotator(*study(noise=0.5))
    assert good.value == 1
    poor = judge_alternative_annotator(*study(noise=4.0))
    assert poor.value == 0
    for found in (good, poor):
        for tested in found.rows:
            assert tested["judge_wins"] == (tested["p_by"] <= 0.05)
            assert tested["p_by"] >= tested["p"]
            assert tested["judge_advantage"] + tested["person_advantage"] >= 1


def test_a_larger_allowance_never_turns_a_win_into_a_loss() -> None:
    people, judge = study(noise=1.4)
    rates = []
    for epsilon in (0.0, 0.1, 0.2, 0.4):
        found = judge_alternative_annotator(people, judge, epsilon=epsilon)
        rates.append(found.value)
    assert rates == sorted(rates)  # type: ignore[type-var]


def test_a_judge_who_is_always_as_close_wins_without_variation() -> None:
    scores = np.tile(np.arange(1, 6), 8)
    found = judge_alternative_annotator(ratings([scores] * 3), scores)
    assert found.value == 1
    assert [row["p"] for row in found.rows] == [0, 0, 0]


def test_the_test_needs_three_people_with_thirty_items() -> None:
    people, judge = study(items=29)
    found = judge_alternative_annotator(people, judge)
    assert found.value is None
    assert "needs 3 people with 30 items" in found.undefined_because
    people, judge = study(people=2)
    assert "there are 2" in judge_alternative_annotator(people, judge).undefined_because


def test_a_person_with_few_items_is_left_out_and_named() -> None:
    people, judge = study()
    values = people.values.copy()
    values[0, 10:] = np.nan
    found = judge_alternative_annotator(ratings(values), judge)
    assert [row["rater"] for row in found.rows] == ["rater 2", "rater 3", "rater 4"]
    assert "rater 1" in found.notes[-1]


def test_alpha_of_the_judge_is_over_pairs_of_judge_and_person() -> None:
    people = ratings([[1.0, 2.0, 4.0, NAN], [2.0, 2.0, 5.0, 3.0]], raters=["ada", "rui"])
    judge = [1, 3, 5, 3]
    found = judge_alpha(people, judge, "interval", resamples=0)
    pairs = ratings([[1, 3, 5, 1, 3, 5], [1, 2, 4, 2, 2, 5]])
    assert found.value == pytest.approx(alpha_value(pairs, "interval"))
    among = ratings([[1, 2, 4], [2, 2, 5]])
    assert row(found, "people")["alpha"] == pytest.approx(alpha_value(among, "interval"))
    assert found.n_items == 3
    assert row(found, "ada")["alpha"] is None


def test_a_judge_like_one_more_person_has_their_alpha() -> None:
    found = judge_alpha(*study(items=4000), "ordinal", resamples=200)
    difference = row(found, "difference")
    assert difference["low"] - 0.01 < 0 < difference["high"] + 0.01
    assert abs(difference["alpha"]) < 0.03
    assert found.low is not None
    assert found.value is not None
    assert found.low < found.value


def test_a_poor_judge_has_a_lower_alpha_than_people() -> None:
    found = judge_alpha(*study(noise=3.0))
    assert row(found, "difference")["high"] < 0
    assert row(found, "rater 1")["alpha"] == pytest.approx(found.value, abs=0.15)


def test_alpha_of_the_judge_ignores_the_order_of_people_and_items() -> None:
    people, judge = study(items=50)
    one = judge_alpha(people, judge, resamples=0)
    turned = ratings(people.values[::-1, ::-1])
    assert judge_alpha(turned, judge[::-1], resamples=0).value == pytest.approx(one.value)


def test_the_same_seed_gives_the_same_digits_on_any_number_of_threads() -> None:
    people, judge = study(items=40)
    one = judge_alpha(people, judge, resamples=100, seed=2)
    assert judge_alpha(people, judge, resamples=100, seed=2, threads=3) == one


def test_clusters_are_resampled_whole() -> None:
    people, judge = study(items=40)
    found = judge_alpha(ratings(people.values, clusters=np.arange(40) // 5), judge)
    assert found.n_clusters == 8
    assert "clusters of items" in found.method


def test_alpha_is_undefined_where_people_and_judge_have_no_items_in_common() -> None:
    people = ratings([[1, 2, NAN], [NAN, NAN, 3]])
    found = judge_alpha(people, [1, 2, 3])
    assert found.value is None
    assert "two people" in found.undefined_because


def test_alpha_is_undefined_when_every_score_is_the_same() -> None:
    found = judge_alpha(ratings([[3, 3, 3], [3, 3, 3]]), [3, 3, 3])
    assert found.value is None
    assert found.undefined_because


def test_people_who_never_vary_have_no_alpha_beside_the_judge() -> None:
    found = judge_alpha(ratings([[3] * 5, [3] * 5]), [1, 2, 3, 4, 5])
    assert found.value is not None
    assert row(found, "people")["alpha"] is None
    assert row(found, "difference")["low"] is None
    assert "People among themselves" in found.notes[0]
