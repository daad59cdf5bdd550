from __future__ import annotations

import numpy as np
import pytest

from tools.coverage_of_variance_intervals import (
    DESIGNS,
    ITEM_SD,
    RATER_SDS,
    Design,
    coverage,
    drawn,
    figures,
)


def test_figures_of_known_variances() -> None:
    found = figures(np.array([[2.0, 1.0, 1.0], [3.0, 4.0, 1.0]]))
    assert found == pytest.approx(np.array([[0.5, 0.375], [2 / 3, 0.75], [1, 2]]))


def test_drawn_tables_vary_as_declared() -> None:
    scores = drawn(np.random.default_rng(1), (300, 400), 0.5)
    assert scores.mean(axis=0).std() == pytest.approx(ITEM_SD, rel=0.15)
    assert scores.mean(axis=1).std() == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("design", DESIGNS)
def test_who_rates_what_is_raters_by_items(design: Design) -> None:
    asked = design.asked(np.random.default_rng(1))
    assert asked.shape[0] < asked.shape[1]
    assert asked.any(axis=1).all()


def test_intervals_cover_where_raters_hardly_differ_and_the_same_every_time() -> None:
    found = coverage(DESIGNS[1], RATER_SDS[1], 20)
    assert (found > 0.75).all()
    assert found.tolist() == coverage(DESIGNS[1], RATER_SDS[1], 20).tolist()
