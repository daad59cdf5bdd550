from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.alpha import alpha_value
from annotations.statistics.alpha_levels import LEVELS, Level
from annotations.statistics.item_disagreement import item_disagreement
from tests.annotations.statistics.random_tables import as_ratings, simulated, tables

NAN = float("nan")


def test_by_hand() -> None:
    """Ratings 1 1, 1 3, 2 2 and a lonely 9: 0, 4 and 0 is the squared distance within the items;
    over all pairs of the six ratings it is computed here."""
    values = np.array([[1, 1, 2, 9], [1, 3, 2, NAN]])
    scores = np.array([1, 1, 1, 3, 2, 2])
    by_chance = ((scores[:, None] - scores) ** 2).sum() / 30
    result = item_disagreement(as_ratings(values, items=["a", "b", "c", "d"]), "interval")
    assert result.rows == (
        {"item": "b", "disagreement": pytest.approx(4 / by_chance), "n_ratings": 2},
        {"item": "a", "disagreement": 0, "n_ratings": 2},
        {"item": "c", "disagreement": 0, "n_ratings": 2},
    )


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(tables(), tables(scores=300, most_items=30)),
    st.sampled_from(LEVELS),
)
def test_the_mean_over_ratings_is_one_less_alpha(values: NDArray[np.float64], level: Level) -> None:
    value = alpha_value(as_ratings(values), level)
    assume(value is not None)
    assert value is not None
    result = item_disagreement(as_ratings(values), level)
    ratings = [row["n_ratings"] for row in result.rows]
    mean = np.average([row["disagreement"] for row in result.rows], weights=ratings)
    assert result.value == pytest.approx(1 - value, abs=1e-12)
    assert mean == pytest.approx(1 - value, abs=1e-10)


def test_the_highest_come_first_and_as_many_as_asked_for() -> None:
    table = as_ratings(simulated(4, 50, missing=0.3))
    every = [row["disagreement"] for row in item_disagreement(table, "ordinal").rows]
    assert every == sorted(every, reverse=True)
    ten = item_disagreement(table, "ordinal", most=10)
    assert [row["disagreement"] for row in ten.rows] == every[:10]


def test_items_where_all_agree_have_none() -> None:
    values = np.array([[1.0, 2, 5], [1, 3, 5], [1, 2, 5]])
    rows = {
        r["item"]: r["disagreement"] for r in item_disagreement(as_ratings(values), "ordinal").rows
    }
    assert rows["item 1"] == rows["item 3"] == 0
    assert rows["item 2"] > 0


def test_undefined_has_a_reason() -> None:
    result = item_disagreement(as_ratings(np.full((2, 3), 4.0)), "ordinal")
    assert "every rating is the same" in result.undefined_because
