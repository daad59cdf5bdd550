"""What a table of comparisons refuses, and with which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.statistics.comparisons import ComparisonsError, comparisons

MODELS = ("base", "tuned", "gold")


def test_strength_is_reduced_to_its_sign() -> None:
    data = comparisons([0, 0, 1, 1], [1, 2, 2, 0], [-2, 0, 1, 2], models=MODELS)
    assert data.outcome.tolist() == [-1, 0, 1, 1]


def test_ids_of_any_kind_become_numbers() -> None:
    data = comparisons([0, 1], [1, 2], [0, 1], models=MODELS, stimuli=["b", "a"], raters=[7, 7])
    assert data.stimuli is not None
    assert data.raters is not None
    assert data.stimuli.tolist() == [1, 0]
    assert data.raters.tolist() == [0, 0]
    assert data.counts() == {"n_items": 2, "n_raters": 1, "n_ratings": 2}


def test_no_comparisons_are_a_table_too() -> None:
    assert len(comparisons([], [], [], models=MODELS)) == 0


@pytest.mark.parametrize(
    ("first", "second", "outcome", "words"),
    [
        ([0], [0], [1], "Comparison 1 sets base against itself"),
        ([0, 3], [1, 1], [1, 1], "no model 3"),
        ([-1], [1], [1], "no model -1"),
        ([0], [1], [3], "between -2"),
        ([0], [1], [float("nan")], "leave comparisons without an answer out"),
        ([0], [1], [None], "leave comparisons without an answer out"),
        ([0], [1], [0.5], "whole numbers"),
        ([0], [1], ["first"], "whole numbers"),
        ([0], [1], [True], "whole numbers"),
        (["base"], ["tuned"], [1], "whole numbers"),
        ([0, 1], [1], [1], "2 entries for 1 outcomes"),
        ([0], [1], [[1]], "not 2 axes"),
    ],
)
def test_comparisons_refuse_what_they_cannot_be(
    first: Any, second: Any, outcome: Any, words: str
) -> None:
    with pytest.raises(ComparisonsError, match=words):
        comparisons(first, second, outcome, models=MODELS)


def test_comparisons_refuse_models_of_one_name() -> None:
    with pytest.raises(ComparisonsError, match="same name"):
        comparisons([0], [1], [1], models=["base", "base"])


@pytest.mark.parametrize("stimuli", [[1], [1.0, float("nan")], ["a", None]])
def test_comparisons_refuse_stimuli_that_are_missing(stimuli: Any) -> None:
    with pytest.raises(ComparisonsError, match="stimulus"):
        comparisons([0, 1], [1, 0], [1, 1], models=MODELS, stimuli=np.array(stimuli, dtype=object))


def test_comparisons_refuse_a_side_that_is_not_true_or_false() -> None:
    with pytest.raises(ComparisonsError, match="first_shown"):
        comparisons([0], [1], [1], models=MODELS, first_shown=[1])


def test_clusters_that_are_not_known_are_refused() -> None:
    data = comparisons([0], [1], [1], models=MODELS)
    with pytest.raises(ComparisonsError, match="which ballot"):
        data.clusters("ballot")
