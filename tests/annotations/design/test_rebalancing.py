"""Work changes hands without anybody getting an item twice, and loads come as close as they can."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import DesignError, assign_items, rebalance, shift_to_newcomers
from tests.annotations.design.designs import crossed, seeds, spread_of

slots_of_few = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 2)), min_size=1, max_size=6, unique=True
)


def best_squares(
    slots: list[tuple[int, int]], seen: dict[int, set[int]], loads: dict[int, int]
) -> int | None:
    """The least sum of squared loads over every way to hand the slots out; None without any."""
    found = []
    for raters in product(loads, repeat=len(slots)):
        taken = {(item, rater) for (item, _), rater in zip(slots, raters, strict=True)}
        if len(taken) == len(slots) and all(item not in seen[rater] for item, rater in taken):
            counts = Counter(raters)
            found.append(sum((loads[rater] + counts[rater]) ** 2 for rater in loads))
    return min(found, default=None)


@given(
    slots_of_few,
    st.lists(
        st.tuples(st.integers(0, 4), st.sets(st.integers(1, 4), max_size=3)),
        min_size=1,
        max_size=4,
    ),
    seeds,
)
def test_no_way_to_hand_out_open_slots_leaves_loads_more_even(
    slots: list[tuple[int, int]], raters: list[tuple[int, set[int]]], seed: int
) -> None:
    loads = {rater: load for rater, (load, _) in enumerate(raters)}
    seen = {rater: items for rater, (_, items) in enumerate(raters)}
    best = best_squares(slots, seen, loads)
    if best is None:
        with pytest.raises(DesignError):
            rebalance(slots, list(loads), seen, loads, seed)
        return
    taken = rebalance(slots, list(loads), seen, loads, seed)
    assert taken == rebalance(slots[::-1], list(loads), seen, loads, seed)
    assert sorted(taken) == sorted(slots)
    assert len({(item, rater) for (item, _), rater in taken.items()}) == len(slots)
    assert all(item not in seen[rater] for (item, _), rater in taken.items())
    counts = Counter(taken.values())
    assert sum((loads[rater] + counts[rater]) ** 2 for rater in loads) == best


def test_a_raters_work_goes_to_the_others_evenly_when_he_drops_out() -> None:
    given_items = assign_items(crossed(200, 2), range(12), 3, seed=1)
    stays = [rater for rater in given_items if rater != 5]
    slots = [(key, 1) for key in given_items[5][10:]]
    loads = {rater: len(given_items[rater]) - 40 for rater in stays}
    taken = rebalance(slots, stays, given_items, loads, seed=1)
    assert all(key not in given_items[rater] for (key, _), rater in taken.items())
    counts = Counter(taken.values())
    assert spread_of(loads[rater] + counts[rater] for rater in stays) <= 1


def test_items_that_nobody_can_take_are_named() -> None:
    seen = {1: {10, 11}, 2: {10}}
    with pytest.raises(DesignError, match=r": 10\. Invite another rater"):
        rebalance([(10, 1), (11, 1)], [1, 2], seen, {}, seed=1)
    with pytest.raises(DesignError, match=": 11, 12"):
        rebalance([(11, 1), (11, 2), (12, 1), (12, 2), (12, 3)], [1, 2], seen, {}, seed=1)
    assert rebalance([(11, 1)], [1, 2], seen, {2: 100}, seed=1) == {(11, 1): 2}
    with pytest.raises(DesignError, match="and 5 more"):
        rebalance([(key, 1) for key in range(15)], [], {}, {}, seed=1)


@given(
    st.integers(5, 60),
    st.integers(2, 6),
    st.integers(1, 4),
    st.data(),
    seeds,
)
def test_newcomers_take_over_until_loads_are_within_one(
    stimuli: int, raters: int, joining: int, data: st.DataObject, seed: int
) -> None:
    overlap = data.draw(st.integers(1, min(raters, 3)))
    given_items = assign_items(crossed(stimuli, 1), range(raters), overlap, seed)
    opened = {
        rater: data.draw(st.integers(0, len(given_items[rater]) // 4)) for rater in given_items
    }
    unstarted = {rater: keys[opened[rater] :] for rater, keys in given_items.items()}
    loads = {rater: len(keys) for rater, keys in unstarted.items()}
    newcomers = [100 + number for number in range(joining)]
    moves = shift_to_newcomers(unstarted, loads, newcomers, seed)
    assert moves == shift_to_newcomers(unstarted, loads, newcomers, seed)
    assert all(item in unstarted[rater] for rater, item in moves)
    assert set(moves.values()) <= set(newcomers)
    taken = {(item, newcomer) for (_, item), newcomer in moves.items()}
    assert len(taken) == len(moves)
    left = Counter(loads)
    for (rater, _), newcomer in moves.items():
        left[rater] -= 1
        left[newcomer] += 1
    totals = {person: left[person] for person in [*unstarted, *newcomers]}
    fewest = min(totals[newcomer] for newcomer in newcomers)
    assert max(totals[newcomer] for newcomer in newcomers) - fewest <= 1
    # Nobody stays two ahead of a newcomer, unless each newcomer has all that is still his.
    for rater, keys in unstarted.items():
        if totals[rater] - fewest > 1:
            kept = [item for item in keys if (rater, item) not in moves]
            assert all((item, newcomer) in taken for item in kept for newcomer in newcomers)
        elif any(giver == rater for giver, _ in moves):
            assert totals[rater] >= fewest


def test_nothing_moves_where_nobody_has_two_more_than_a_newcomer() -> None:
    assert shift_to_newcomers({1: [5, 6]}, {1: 2, 9: 1}, [9], seed=1) == {}
    assert shift_to_newcomers({1: [5]}, {1: 8}, [], seed=1) == {}
    assert len(shift_to_newcomers({1: [5, 6]}, {1: 8}, [9], seed=1)) == 2


def test_a_newcomer_gets_nothing_that_he_has_met_elsewhere() -> None:
    moves = shift_to_newcomers({1: [5, 6, 7, 8]}, {1: 4}, [9], seed=1, seen={9: {5, 6, 7}})
    assert moves == {(1, 8): 9}
