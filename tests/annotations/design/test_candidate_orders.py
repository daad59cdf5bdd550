"""Sides and places are balanced: for each rater, for each pair, for each item, and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import (
    DesignError,
    DesignItem,
    counterbalance_order,
    counterbalance_sides,
    counterbalance_study,
)
from annotations.design.candidate_order import williams_square
from tests.annotations.design.designs import crossed, seeds, spread_of, work_of

Order = tuple[int, ...]


def leads(orders: Sequence[Order]) -> Counter[tuple[int, int]]:
    """(one, other), one below other: how much more often `one` stands before than behind."""
    lead: Counter[tuple[int, int]] = Counter()
    for order in orders:
        for before, behind in combinations(order, 2):
            lead[min(before, behind), max(before, behind)] += 1 if before < behind else -1
    return lead


def places(orders: Sequence[Order]) -> Counter[tuple[int, int]]:
    return Counter((source, place) for order in orders for place, source in enumerate(order))


def by_item(
    work: Mapping[int, Sequence[DesignItem]], orders: Mapping[int, Sequence[Order]]
) -> dict[int, list[Order]]:
    found: dict[int, list[Order]] = {}
    for rater, items in work.items():
        for item, order in zip(items, orders[rater], strict=True):
            found.setdefault(item.key, []).append(order)
    return found


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda p: p[0] != p[1])),
    seeds,
)
def test_sides_are_counterbalanced_within_a_rater(pairs: list[tuple[int, int]], seed: int) -> None:
    swaps = counterbalance_sides(pairs, seed, rater=1)
    lead: Counter[int] = Counter()
    against: Counter[tuple[int, int]] = Counter()
    for (one, other), swap in zip(pairs, swaps, strict=True):
        left, right = (other, one) if swap else (one, other)
        lead[left] += 1
        lead[right] -= 1
        against[left, right] += 1
    assert all(abs(difference) <= 1 for difference in lead.values())
    assert all(abs(against[a, b] - against[b, a]) <= 1 for a, b in against)
    shown = [
        (other, one) if swap else (one, other)
        for (one, other), swap in zip(pairs, swaps, strict=True)
    ]
    assert counterbalance_order(pairs, seed, 1) == shown


@pytest.mark.parametrize("size", range(2, 9))
def test_a_williams_square_balances_places_precedence_and_neighbours(size: int) -> None:
    rows = williams_square(size)
    both = rows + [row[::-1] for row in rows]
    assert set(places(rows).values()) == {1}
    assert len(places(rows)) == size**2
    assert set(leads(both).values()) <= {0}
    neighbours = Counter(pair for row in both for pair in pairwise(row))
    assert neighbours == dict.fromkeys(permutations(range(size), 2), 2)
    if size % 2 == 0:
        assert set(leads(rows).values()) <= {0}


groups_of_one_rater = st.integers(3, 6).flatmap(
    lambda n: st.lists(
        st.integers(2, n).flatmap(lambda size: st.permutations(range(n)).map(lambda p: p[:size])),
        max_size=40,
    )
)


@given(groups_of_one_rater, st.integers(0, 7), seeds)
def test_within_a_rater_each_source_stands_at_each_place_equally_often(
    groups: list[list[int]], rater: int, seed: int
) -> None:
    given_groups = [tuple(group) for group in groups]
    orders = counterbalance_order(given_groups, seed, rater)
    assert [sorted(order) for order in orders] == [sorted(group) for group in given_groups]
    assert orders == counterbalance_order(given_groups, seed, rater)
    for group in {tuple(sorted(group)) for group in given_groups}:
        same = [order for order in orders if tuple(sorted(order)) == group]
        counts = places(same)
        for source in group:
            assert spread_of(counts[source, place] for place in range(len(group))) <= 1


@pytest.mark.parametrize("sources", [3, 4, 5, 6])
@pytest.mark.parametrize("items", [1, 7, 20])
def test_over_raters_each_source_precedes_each_other_equally_often(
    sources: int, items: int
) -> None:
    groups = [tuple(range(sources))] * items
    orders = [order for r in range(8) for order in counterbalance_order(groups, seed=3, rater=r)]
    assert set(leads(orders).values()) <= {0}


@given(st.integers(1, 12), st.integers(2, 5), st.integers(1, 6), st.data(), seeds)
def test_sides_are_even_per_item_per_pair_and_per_rater(
    stimuli: int, sources: int, raters: int, data: st.DataObject, seed: int
) -> None:
    overlap = data.draw(st.integers(1, raters))
    work = work_of(crossed(stimuli, sources, 2), raters, overlap, seed)
    orders = counterbalance_study(work, seed)
    assert orders == counterbalance_study(work, seed)
    for rater, items in work.items():
        assert [tuple(sorted(o)) for o in orders[rater]] == [item.sources for item in items]
        assert all(abs(lead) <= 1 for lead in leads(orders[rater]).values())
    for seen in by_item(work, orders).values():
        assert all(abs(lead) <= 1 for lead in leads(seen).values())
    every = [order for mine in orders.values() for order in mine]
    if overlap % 2 == 0:
        assert all(lead == 0 for lead in leads(every).values())


@pytest.mark.parametrize(("raters", "overlap"), [(10, 2), (12, 3), (30, 4), (40, 3)])
def test_in_studies_of_usual_size_sources_stand_on_both_sides_for_each_rater(
    raters: int, overlap: int
) -> None:
    work = work_of(crossed(100, 4, 2), raters, overlap, seed=2)
    orders = counterbalance_study(work, seed=2)
    differences = [
        abs(places(orders[rater])[source, 0] - places(orders[rater])[source, 1])
        for rater in work
        for source in range(4)
    ]
    assert max(differences) <= 2
    assert sum(difference > 1 for difference in differences) <= len(differences) / 8
    every = [order for mine in orders.values() for order in mine]
    assert all(abs(lead) <= len(every) / 100 for lead in leads(every).values())


@pytest.mark.parametrize(("sources", "size"), [(3, 3), (4, 4), (5, 3)])
def test_larger_groups_are_balanced_over_the_raters_of_an_item_too(sources: int, size: int) -> None:
    work = work_of(crossed(60, sources, size), 6, 3, seed=5)
    orders = counterbalance_study(work, seed=5)
    alone = {
        rater: counterbalance_order([item.sources for item in items], 5, rater)
        for rater, items in work.items()
    }

    def doubled(found: Mapping[int, Sequence[Order]]) -> int:
        """How often two raters of an item see a source at the same place."""
        return sum(
            count * (count - 1) // 2
            for seen in by_item(work, found).values()
            for count in places(seen).values()
        )

    assert doubled(orders) < 0.75 * doubled(alone)
    for rater, items in work.items():
        for group in {item.sources for item in items}:
            counts = places([o for o in orders[rater] if tuple(sorted(o)) == group])
            for source in group:
                assert spread_of(counts[source, place] for place in range(size)) <= 1
    every = places([order for mine in orders.values() for order in mine])
    for source in range(sources):
        assert spread_of(every[source, place] for place in range(size)) <= 4


def test_single_responses_and_mixed_sizes_keep_their_own() -> None:
    items = [DesignItem(1, 1, (4,)), DesignItem(2, 1, (4, 5)), DesignItem(3, 2, (6, 4, 5))]
    orders = counterbalance_study({0: items, 1: items[::-1], 2: []}, seed=1)
    assert orders[0][0] == orders[1][2] == (4,)
    assert {orders[0][1], orders[1][1]} == {(4, 5), (5, 4)}
    assert sorted(orders[0][2]) == sorted(orders[1][0]) == [4, 5, 6]
    assert orders[0][2] != orders[1][0]
    assert orders[2] == []


def test_a_source_against_itself_is_refused() -> None:
    with pytest.raises(DesignError):
        counterbalance_order([(1, 2), (3, 3)], seed=1, rater=0)
    with pytest.raises(DesignError):
        counterbalance_study({0: [DesignItem(1, 1, (2, 2, 3))]}, seed=1)


def test_the_seed_and_the_rater_decide() -> None:
    pairs, threes = [(0, 1)] * 12, [(0, 1, 2)] * 12
    assert counterbalance_sides(pairs, 5, 0) == counterbalance_sides(pairs, 5, 0)
    assert counterbalance_sides(pairs, 5, 0) != counterbalance_sides(pairs, 5, 1)
    assert counterbalance_order(threes, 5, 0) != counterbalance_order(threes, 6, 0)
    assert counterbalance_order(threes, 5, 0) != counterbalance_order(threes, 5, 2)
    work = work_of(crossed(10, 3, 2), 4, 2, seed=1)
    assert counterbalance_study(work, 1) != counterbalance_study(work, 2)
