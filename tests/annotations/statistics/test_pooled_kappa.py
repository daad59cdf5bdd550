from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.statistics.kappa import cohen_kappa
from annotations.statistics.pooled_kappa import Answers, pooled_kappa
from annotations.statistics.ratings import ratings
from annotations.statistics.weights import Weighting


def answers(
    one: Sequence[int],
    other: Sequence[int],
    low: int = 0,
    high: int = 2,
    weighting: Weighting = "unweighted",
    items: Sequence[int] | None = None,
) -> Answers:
    return Answers(
        np.array(one, dtype=np.float64),
        np.array(other, dtype=np.float64),
        np.array(range(len(one)) if items is None else items, dtype=np.int64),
        low,
        high,
        weighting,
    )


def from_counts(counts: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    pairs = [
        (row, column)
        for row, line in enumerate(counts)
        for column, times in enumerate(line)
        for _ in range(times)
    ]
    one, other = zip(*pairs, strict=True)
    return list(one), list(other)


def test_on_a_hundred_items_a_kappa_of_039_spans_024_to_054() -> None:
    """What a qualification has to say aloud. Best of three, chosen 50, 28 and 22 times."""
    one, other = from_counts([[36, 8, 6], [8, 15, 5], [6, 5, 11]])
    found = pooled_kappa([answers(one, other)])
    assert found.value == pytest.approx(0.39, abs=0.006)
    assert found.low == pytest.approx(0.24, abs=0.01)
    assert found.high == pytest.approx(0.54, abs=0.01)


@pytest.mark.parametrize("weighting", ["unweighted", "quadratic"])
@given(data=st.data())
def test_of_one_table_it_is_cohens_kappa(weighting: Weighting, data: Any) -> None:
    size = data.draw(st.integers(2, 25))
    scores = st.lists(st.integers(1, 5), min_size=size, max_size=size)
    one, other = data.draw(scores), data.draw(scores)
    items = data.draw(st.lists(st.integers(0, 6), min_size=size, max_size=size))
    table = ratings([one, other], scale=(1, 5), clusters=items, more_raters_than_items=True)
    expected = cohen_kappa(table, weighting=weighting)
    found = pooled_kappa([answers(one, other, 1, 5, weighting, items)])
    if expected.value is None:
        assert found.undefined_because == expected.undefined_because
        return
    assert found.value == pytest.approx(expected.value, abs=1e-9)
    assert (found.low is None) == (expected.low is None)
    if expected.low is not None and found.low is not None:
        assert found.low == pytest.approx(max(expected.low, -1), abs=1e-9)
        assert found.high == pytest.approx(expected.high, abs=1e-9)


def test_tables_of_different_scales_are_averaged_before_kappa_is_taken() -> None:
    """0.8 and 0.6 observed, 0.5 and 0.5 expected, ten answers each: (0.7 - 0.5) / 0.5."""
    yes_no = from_counts([[4, 1], [1, 4]])
    other_yes_no = from_counts([[3, 2], [2, 3]])
    found = pooled_kappa([answers(*yes_no, high=1), answers(*other_yes_no, high=1)])
    assert found.value == pytest.approx(0.4)


def test_the_interval_over_two_scales_is_the_one_that_resampling_items_gives() -> None:
    generator = np.random.default_rng(4)
    items = np.repeat(np.arange(80), 2)
    truth = generator.integers(0, 3, 160)
    said = np.where(generator.random(160) < 0.6, truth, generator.integers(0, 3, 160))
    scores = generator.integers(1, 8, 80)
    rated = np.clip(scores + generator.integers(-2, 3, 80), 1, 7)

    def kappa_of(chosen: np.ndarray[Any, Any]) -> float:
        both = np.concatenate([np.flatnonzero(items == item) for item in chosen])
        found = pooled_kappa(
            [
                answers(truth[both].tolist(), said[both].tolist()),
                answers(scores[chosen].tolist(), rated[chosen].tolist(), 1, 7, "quadratic"),
            ]
        )
        assert found.value is not None
        return found.value

    found = pooled_kappa(
        [
            answers(truth.tolist(), said.tolist(), items=items.tolist()),
            answers(scores.tolist(), rated.tolist(), 1, 7, "quadratic"),
        ]
    )
    resampled = [kappa_of(generator.integers(0, 80, 80)) for _ in range(400)]
    assert found.standard_error == pytest.approx(np.std(resampled), rel=0.15)


def test_where_all_answers_are_the_same_there_is_no_kappa() -> None:
    found = pooled_kappa([answers([1, 1, 1], [1, 1, 1])])
    assert found.value is None
    assert "every rating is the same" in found.undefined_because


def test_a_scale_on_which_all_answers_are_the_same_does_not_hide_the_other_one() -> None:
    steady = answers([1, 1, 1, 1], [1, 1, 1, 1])
    telling = answers([0, 0, 1, 1], [0, 1, 1, 1], high=1)
    assert pooled_kappa([steady, telling]).value == pytest.approx(0.5)


def test_full_agreement_has_no_interval_and_one_item_has_none_either() -> None:
    full = pooled_kappa([answers([0, 1, 2], [0, 1, 2])])
    assert (full.value, full.low) == (1.0, None)
    assert full.no_interval_because
    single = pooled_kappa([answers([0, 1, 2], [0, 2, 2], items=[5, 5, 5])])
    assert single.low is None
    assert single.no_interval_because == "there is only one item"


def test_without_a_pair_there_is_no_kappa() -> None:
    assert pooled_kappa([]).value is None
    assert pooled_kappa([answers([], [])]).undefined_because == "no question has both answers"
