from __future__ import annotations

import numpy as np
import pytest

from annotations.statistics.alpha import alpha_value
from tools.coverage_of_intervals import (
    CLUSTERED,
    DESIGNS,
    Design,
    as_ratings,
    coverage,
    ordinal_alphas,
    same_raters,
    tally,
)


@pytest.mark.parametrize("design", [*DESIGNS, CLUSTERED])
def test_its_alpha_of_counts_is_that_of_the_engine(design: Design) -> None:
    values = design.table(np.random.default_rng(4))
    found = ordinal_alphas(tally(values[None]))
    assert found == pytest.approx([alpha_value(as_ratings(values), "ordinal")], abs=1e-12)


def test_resampled_items_cover_and_resampled_ratings_do_not() -> None:
    found = coverage(DESIGNS[3], 40, same_raters)
    assert found["BCa"] > 0.8
    assert found["percentile"] > 0.8
    assert found["an item's ratings redrawn"] < 0.5
    assert found["raters redrawn"] < 0.8


def test_the_same_figures_every_time() -> None:
    assert coverage(DESIGNS[0], 5, same_raters) == coverage(DESIGNS[0], 5, same_raters)
