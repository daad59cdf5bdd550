"""Do raters put responses into the same order: tau and W against scipy and worked examples."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, kendalltau

from annotations.statistics.rank_agreement import (
    Rankings,
    item_taus,
    kendall_tau,
    kendall_w,
    pairwise_tau,
    tau_of_two,
)
from annotations.statistics.ratings import RatingsError


def rankings(
    rows: list[tuple[int, int, list[float]]], clusters: list[int] | None = None
) -> Rankings:
    """(rater, item, ranks) each."""
    return Rankings(
        np.array([row[2] for row in rows], dtype=float),
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        None if clusters is None else np.array(clusters),
    )


def drawn(items: int, raters: int, size: int, seed: int = 1, ties: bool = False) -> Rankings:
    generator = np.random.default_rng(seed)
    rows = []
    for item in range(items):
        quality = generator.normal(size=size)
        for rater in range(raters):
            seen = quality + generator.normal(size=size)
            ranks = np.round(seen) if ties else seen.argsort().argsort()
            rows.append((rater, item, ranks.astype(float).tolist()))
    return rankings(rows)


@pytest.mark.parametrize("ties", [False, True])
def test_tau_is_the_mean_of_scipys_over_pairs_and_then_items(ties: bool) -> None:
    table = drawn(12, 3, 4, ties=ties)
    expected = []
    for item in range(12):
        own = table.ranks[table.item == item]
        found = [kendalltau(a, b).statistic for a, b in combinations(own, 2)]
        known = [tau for tau in found if np.isfinite(tau)]
        expected.append(np.mean(known) if known else np.nan)
    np.testing.assert_allclose(item_taus(table), expected, atol=1e-12)
    assert kendall_tau(table).value == pytest.approx(float(np.nanmean(expected)), abs=1e-12)


def test_w_is_friedmans_statistic_over_its_largest_value() -> None:
    for ties in (False, True):
        table = drawn(1, 5, 4, seed=3, ties=ties)
        chi2 = friedmanchisquare(*table.ranks.T).statistic
        assert kendall_w(table).value == pytest.approx(chi2 / (5 * 3), abs=1e-12)


def test_same_order_is_1_and_reversed_order_minus_1() -> None:
    same = rankings([(0, 0, [1, 2, 3]), (1, 0, [1, 2, 3])])
    assert kendall_tau(same).value == 1
    assert kendall_w(same).value == 1
    turned = rankings([(0, 0, [1, 2, 3]), (1, 0, [3, 2, 1])])
    assert kendall_tau(turned).value == -1
    assert kendall_w(turned).value == 0


def test_responses_that_were_not_there_count_nothing() -> None:
    three = rankings([(0, 0, [1, 2, 3]), (1, 0, [2, 1, 3])])
    padded = rankings([(0, 0, [1, 2, 3, np.nan]), (1, 0, [2, 1, 3, np.nan])])
    assert kendall_tau(padded).value == kendall_tau(three).value
    assert kendall_w(padded).value == kendall_w(three).value


def test_undefined_says_why() -> None:
    alone = rankings([(0, 0, [1, 2, 3]), (0, 1, [1, 2, 3])])
    tied = rankings([(0, 0, [1, 1, 1]), (1, 0, [1, 1, 1])])
    nothing = Rankings(np.zeros((0, 3)), np.zeros(0, int), np.zeros(0, int), None)
    for table, because in (
        (alone, "no item was ranked by two raters"),
        (nothing, "no item was ranked by two raters"),
        (tied, "every ranking puts all responses in one place"),
    ):
        for found in (kendall_tau(table), kendall_w(table)):
            assert found.value is None
            assert found.undefined_because == because


def test_intervals_resample_items_or_their_clusters() -> None:
    table = drawn(40, 3, 4)
    alone = kendall_tau(table, resamples=400, seed=2)
    assert alone.low is not None
    assert alone.value is not None
    assert alone.high is not None
    assert alone.low < alone.value < alone.high
    assert kendall_tau(table, resamples=400, seed=2) == alone
    grouped = Rankings(table.ranks, table.rater, table.item, np.repeat(np.arange(8), 5))
    assert kendall_tau(grouped, resamples=400, seed=2).n_clusters == 8
    one = Rankings(table.ranks, table.rater, table.item, np.zeros(40, dtype=np.int64))
    assert kendall_tau(one).no_interval_because == "there is only one of the clusters of items"
    agreed = rankings([(r, i, [1, 2, 3]) for i in range(5) for r in range(2)])
    assert kendall_tau(agreed).no_interval_because == "all items have the same value"


def test_two_rankings_row_by_row() -> None:
    one = np.array([[1.0, 2, 3], [1, 1, 1]])
    two = np.array([[1.0, 3, 2], [1, 2, 3]])
    found = tau_of_two(one, two)
    assert found[0] == pytest.approx(1 / 3)
    assert np.isnan(found[1])


def test_pairs_of_raters_are_averaged_over_the_items_they_share() -> None:
    table = drawn(15, 3, 4)
    found = pairwise_tau(table, ("R1", "R2", "R3"))
    (first, *_) = found.rows
    of_two = np.isin(table.rater, (0, 1))
    one, two = table.ranks[table.rater == 0], table.ranks[table.rater == 1]
    assert (first["rater_one"], first["rater_two"], first["n_items"]) == ("R1", "R2", 15)
    assert first["tau"] == pytest.approx(float(tau_of_two(one, two).mean()))
    alone = Rankings(table.ranks[of_two], table.rater[of_two], table.item[of_two], None)
    assert first["tau"] == pytest.approx(kendall_tau(alone).value)
    few = pairwise_tau(drawn(4, 2, 3), ("R1", "R2"))
    assert few.undefined_because == "no two raters ranked 10 items in common"
    nobody = pairwise_tau(rankings([(0, 0, [1, 2])]), ("R1", "R2"))
    assert nobody.undefined_because == "no item was ranked by two raters"


def test_a_table_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RatingsError):
        Rankings(np.zeros((2, 3)), np.zeros(1, int), np.zeros(2, int), None)
    with pytest.raises(RatingsError):
        Rankings(np.zeros((2, 3)), np.zeros(2, int), np.array([0, 4]), np.zeros(2, int))
