from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.icc import icc_3_1
from annotations.statistics.icc_incomplete import crossed_iccs, fit_table, icc_a1, icc_c1
from annotations.statistics.ratings import ratings
from annotations.statistics.reml import NotEstimableError
from annotations.statistics.severity import severity
from annotations.statistics.variance_draws import (
    effective_ratings,
    interval_words,
    residual_freedom,
    variance_draws,
)
from tests.annotations.statistics.tables import NAN, SHROUT_FLEISS, simulated


def barely_linked() -> NDArray[np.float64]:
    """Four raters, each with six items alone and one in common with the next rater."""
    values = np.full((4, 27), NAN)
    scores = simulated(4, 27, seed=3, sd=(1.5, 0.5, 1))
    for rater in range(4):
        own = [*range(6 * rater, 6 * rater + 6), *{24 + rater, 23 + rater} & {24, 25, 26}]
        values[rater, own] = scores[rater, own]
    return values


@pytest.mark.parametrize("seed", [0, 34])
def test_raters_who_hardly_differ_leave_narrow_intervals(seed: int) -> None:
    """The logarithm of such a rater variance is known to within hundreds of powers of ten."""
    table = ratings(simulated(4, 40, seed=seed, sd=(1.8, 0, 1)))
    assert 0 < fit_table(table).variances.rater < 0.001
    absolute, mean, consistency = crossed_iccs(table)
    for one in (absolute, mean):
        assert one.low is not None
        assert one.high is not None
        assert one.low > 0.4
        assert one.high - one.low < 0.35
    assert absolute.low == pytest.approx(consistency.low, abs=0.05)
    assert absolute.high == pytest.approx(consistency.high, abs=0.05)
    spread = severity(table)
    assert spread.low == 0
    assert 0.1 < spread.high < 1  # type: ignore[operator]


def test_no_more_spread_between_raters_than_the_scale_has_room_for() -> None:
    generator = np.random.default_rng(2)
    values = np.clip(np.round(3 + generator.normal(size=(2, 30)) + [[-1.0], [1.0]]), 1, 5)
    free, bounded = severity(ratings(values)), severity(ratings(values, scale=(1, 5)))
    assert free.high > 4  # type: ignore[operator]
    assert bounded.high == 4
    assert bounded.low == free.low


@pytest.mark.parametrize(
    ("shape", "deviations"),
    [
        ((3, 40), (1.5, 0.0, 1.0)),
        ((3, 40), (1.5, 0.1, 1.0)),
        ((3, 40), (1.5, 1.0, 1.0)),
        ((8, 30), (1.5, 0.3, 1.0)),
    ],
)
def test_intervals_cover_what_is_true(
    shape: tuple[int, int], deviations: tuple[float, float, float]
) -> None:
    """Eight raters give half of the ratings. At least 95 % less three binomial errors."""
    tables, covered = 50, np.zeros(3)
    item, rater, error = np.square(deviations)
    truth = (item / (item + rater + error), item / (item + error), deviations[1])
    for seed in range(tables):
        missing = 0.5 if shape[0] == 8 else 0.0
        table = ratings(simulated(*shape, seed=100 + seed, missing=missing, sd=deviations))
        drawn = variance_draws(fit_table(table), table, seed=1, draws=2_000)
        figures = (
            drawn[:, 0] / drawn.sum(axis=1),
            drawn[:, 0] / (drawn[:, 0] + drawn[:, 2]),
            np.sqrt(drawn[:, 1]),
        )
        for place, (figure, true) in enumerate(zip(figures, truth, strict=True)):
            low, high = np.quantile(figure, [0.025, 0.975])
            covered[place] += low <= true <= high
    assert (covered / tables > 0.95 - 3 * (0.95 * 0.05 / tables) ** 0.5).all()


def test_consistency_of_a_complete_table_has_the_interval_of_the_f_distribution() -> None:
    table = ratings(SHROUT_FLEISS)
    drawn, exact = icc_c1(table, draws=200_000), icc_3_1(table)
    assert drawn.low == pytest.approx(exact.low, abs=0.005)
    assert drawn.high == pytest.approx(exact.high, abs=0.005)


def test_the_method_says_where_the_interval_is_approximate() -> None:
    values = SHROUT_FLEISS.copy()
    assert "; generalised confidence interval (Weerahandi, 1993)" in icc_a1(ratings(values)).method
    values[0, 0] = NAN
    assert "approximate generalised" in icc_a1(ratings(values)).method
    level = SHROUT_FLEISS - SHROUT_FLEISS.mean(axis=1, keepdims=True)
    assert "approximate generalised" in severity(ratings(level)).method


def test_someone_who_rated_nothing_changes_nothing() -> None:
    table = ratings(SHROUT_FLEISS)
    wider = ratings(np.vstack([np.full(6, NAN), SHROUT_FLEISS]))
    one, two = (variance_draws(fit_table(t), t, seed=1, draws=50) for t in (table, wider))
    assert two == pytest.approx(one, rel=1e-6)
    assert "approximate" not in interval_words(fit_table(wider), wider, seed=1)


def test_without_residual_degrees_of_freedom_there_is_a_reason() -> None:
    table = ratings(barely_linked())
    assert residual_freedom(table.given) == 0
    with pytest.raises(NotEstimableError, match="too few ratings share"):
        variance_draws(fit_table(table), table, seed=1)
    for result in (icc_a1(table), severity(table)):
        assert result.value is not None
        assert "too few ratings share" in result.no_interval_because


def test_groups_without_a_common_rater_keep_their_degrees_of_freedom() -> None:
    apart = np.kron(np.eye(3, dtype=bool), np.ones((2, 5), dtype=bool))
    assert residual_freedom(apart) == 3 * (10 - 5 - 2 + 1)
    assert residual_freedom(np.ones((4, 30), dtype=bool)) == 3 * 29


@pytest.mark.parametrize("ratio", [0.0, 1.0, 1000.0])
def test_raters_of_a_complete_table_have_the_ratings_that_they_gave(ratio: float) -> None:
    assert effective_ratings(np.ones((4, 30), dtype=bool), ratio) == pytest.approx(30)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 10))
def test_effective_ratings_are_those_of_generalised_least_squares(seed: int, ratio: float) -> None:
    asked = np.random.default_rng(seed).random((5, 12)) < 0.4
    asked[:, 0] = asked[0] = True
    rater, item = np.nonzero(asked)
    x, z = np.eye(5)[rater], np.eye(12)[item]
    weight = np.linalg.inv(ratio * z @ z.T + np.eye(rater.size))
    covariance = np.linalg.inv(x.T @ weight @ x)
    between = np.eye(5) - 1 / 5
    mean = np.trace(between @ covariance @ between) / 4
    assert effective_ratings(asked, ratio) == pytest.approx(1 / mean)
