from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from annotations.statistics.multinomial import FEW, draw_counts

SIZES = [FEW - 1, FEW]
"""Either side of where the way of drawing changes."""


def drawn(count: int, rows: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    generator = np.random.default_rng(seed)
    blocks = [draw_counts(generator, count, 32) for _ in range(rows // 32)]
    return np.concatenate(blocks).astype(np.int64)


@pytest.mark.parametrize("count", [1, 2, 3, 40, *SIZES, 20_000])
def test_each_resample_has_as_many_draws_as_there_are_units(count: int) -> None:
    counts = draw_counts(np.random.default_rng(1), count, 5)
    assert counts.shape == (5, count)
    assert (counts.sum(axis=1) == count).all()


@pytest.mark.parametrize("count", SIZES)
def test_how_often_a_unit_comes_is_binomial(count: int) -> None:
    """Pearson's chi-squared over counts of 0 to 7, 7 degrees of freedom, beyond 99.99 %: 29.9."""
    counts = drawn(count, 640)
    found = np.bincount(counts.ravel(), minlength=12)[:8]
    wanted = binom.pmf(np.arange(8), count, 1 / count) * counts.size
    assert ((found - wanted) ** 2 / wanted).sum() < 29.9


@pytest.mark.parametrize("count", SIZES)
def test_every_unit_comes_as_often_as_any_other(count: int) -> None:
    means = drawn(count, 640).mean(axis=0)
    spread = 640 * ((means - 1) ** 2).mean() / (1 - 1 / count)
    assert spread == pytest.approx(1, abs=5 * np.sqrt(2 / count))
    assert means.max() < 1 + 6 / np.sqrt(640)


@pytest.mark.parametrize("count", SIZES)
def test_sums_over_half_of_the_units_vary_as_binomial_ones(count: int) -> None:
    """Where the Poisson counts fall short of N would show here, if the rest were not drawn so."""
    sums = drawn(count, 3200)[:, : count // 2].sum(axis=1)
    share = (count // 2) / count
    assert sums.var() == pytest.approx(count * share * (1 - share), rel=5 * np.sqrt(2 / 3200))
    assert sums.mean() == pytest.approx(count * share, abs=5 * np.sqrt(count / 4 / 3200))


@pytest.mark.parametrize("count", SIZES)
def test_the_seed_makes_the_digits(count: int) -> None:
    one, two, other = drawn(count, 32, seed=4), drawn(count, 32, seed=4), drawn(count, 32, seed=5)
    assert (one == two).all()
    assert (one != other).any()
