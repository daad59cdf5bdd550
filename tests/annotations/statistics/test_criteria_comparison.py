from __future__ import annotations

import numpy as np
import pytest

from annotations.statistics.alpha import alphas
from annotations.statistics.criteria_comparison import compare_criteria
from annotations.statistics.ratings import Ratings, RatingsError, ratings
from annotations.statistics.reliability_diff import reliability_diff


def scores(seed: int, items: int = 40) -> Ratings:
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=items)
    table = 5 + 1.5 * quality + rng.normal(size=(4, items))
    return ratings(np.clip(np.round(table), 1, 10), scale=(1, 10))


def test_alphas_and_differences_are_those_that_are_computed_one_by_one() -> None:
    tables = [scores(seed) for seed in range(3)]
    found, differences = compare_criteria(tables, "ordinal", resamples=200, seed=5)
    assert found == alphas(tables, "ordinal", resamples=200, seed=5)
    alone = reliability_diff(tables[0], tables[1], "ordinal", resamples=200, seed=5)
    assert differences[0, 1] == alone
    assert set(differences) == {(0, 1), (0, 2), (1, 2)}


def test_a_criterion_without_agreement_to_speak_of_leaves_the_others_theirs() -> None:
    constant = ratings(np.full((4, 40), 7.0), scale=(1, 10))
    tables = [scores(1), constant]
    (first, second), differences = compare_criteria(tables, "ordinal", resamples=100)
    assert first.low is not None
    assert second.value is None
    assert "the second alpha is undefined" in differences[0, 1].undefined_because


def test_criteria_of_different_items_are_refused() -> None:
    with pytest.raises(RatingsError, match="30 items"):
        compare_criteria([scores(1), scores(2, items=30)], "ordinal")
