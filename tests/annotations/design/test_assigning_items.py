"""Every item has its raters, and every rater his share of everything, whatever the numbers are."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import DesignError, DesignItem, assign_items, within_rater_pairs
from tests.annotations.design.designs import crossed, raters_per_item, seeds, spread_of


@given(st.integers(0, 40), st.integers(1, 3), st.integers(1, 7), st.data(), seeds)
def test_every_item_has_its_raters_and_loads_differ_by_at_most_one(
    stimuli: int, sources: int, raters: int, data: st.DataObject, seed: int
) -> None:
    overlap = data.draw(st.integers(1, raters))
    items = crossed(stimuli, sources)
    given_items = assign_items(items, range(raters), overlap, seed)
    counts = raters_per_item(given_items)
    assert all(counts[item.key] == overlap for item in items)
    assert all(len(keys) == len(set(keys)) for keys in given_items.values())
    assert spread_of(len(keys) for keys in given_items.values()) <= 1


@given(st.integers(1, 30), st.integers(1, 30), st.integers(2, 6), seeds)
def test_loads_stay_even_over_two_parts(first: int, second: int, raters: int, seed: int) -> None:
    one = assign_items(crossed(first, 2), range(raters), 2, seed)
    loads = {rater: len(keys) for rater, keys in one.items()}
    two = assign_items(crossed(second, 1), range(raters), 2, seed, loads)
    assert spread_of(loads[rater] + len(two[rater]) for rater in range(raters)) <= 1


@given(
    st.integers(1, 25),
    st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 40)), min_size=1, max_size=7),
    st.data(),
    seeds,
)
def test_loads_and_capacities_are_kept_or_the_missing_ones_are_counted(
    stimuli: int, raters: list[tuple[int, int | None]], data: st.DataObject, seed: int
) -> None:
    overlap = data.draw(st.integers(1, len(raters)))
    items = crossed(stimuli, 1)
    loads = {rater: load for rater, (load, _) in enumerate(raters)}
    capacity = {rater: most for rater, (_, most) in enumerate(raters) if most is not None}
    room = [stimuli if most is None else min(stimuli, max(0, most - load)) for load, most in raters]
    missing = overlap * stimuli - sum(room)
    if missing > 0:
        with pytest.raises(DesignError, match=f"{missing} are missing"):
            assign_items(items, range(len(raters)), overlap, seed, loads, capacity=capacity)
        return
    given_items = assign_items(items, range(len(raters)), overlap, seed, loads, capacity=capacity)
    counts = raters_per_item(given_items)
    assert all(counts[item.key] == overlap for item in items)
    assert all(len(set(keys)) == len(keys) <= room[r] for r, keys in given_items.items())
    # Whoever has two more than another was given nothing, or the other could take no more.
    totals = {rater: loads[rater] + len(keys) for rater, keys in given_items.items()}
    for one, other in combinations(totals, 2):
        low, high = sorted((one, other), key=totals.__getitem__)
        if totals[high] - totals[low] > 1:
            assert not given_items[high] or len(given_items[low]) == room[low]


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 7), st.data(), seeds)
def test_all_items_of_a_stimulus_go_to_the_same_raters(
    stimuli: int, sources: int, raters: int, data: st.DataObject, seed: int
) -> None:
    overlap = data.draw(st.integers(1, raters))
    items = crossed(stimuli, sources)
    given_items = assign_items(items, range(raters), overlap, seed, same_raters=True)
    by_stimulus = {
        stimulus: {
            frozenset(r for r, keys in given_items.items() if item.key in keys)
            for item in items
            if item.stimulus == stimulus
        }
        for stimulus in range(stimuli)
    }
    assert all(len(sets) == 1 for sets in by_stimulus.values())
    assert all(len(next(iter(sets))) == overlap for sets in by_stimulus.values())
    assert spread_of(len(keys) for keys in given_items.values()) in (0, sources)
    pairs = sources * (sources - 1) // 2
    assert within_rater_pairs(given_items, items) == stimuli * overlap * pairs


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(2, 5), seeds)
def test_uneven_stimuli_of_the_same_raters_leave_loads_close(
    stimuli: list[int], raters: int, seed: int
) -> None:
    items = [DesignItem(key, stimulus, (key,)) for key, stimulus in enumerate(stimuli)]
    given_items = assign_items(items, range(raters), 2, seed, same_raters=True)
    assert set(raters_per_item(given_items).values()) == {2}
    largest = max(Counter(stimuli).values())
    assert spread_of(len(keys) for keys in given_items.values()) <= largest


def test_pairs_within_a_rater_count_different_responses_to_one_stimulus() -> None:
    items = [
        DesignItem(1, 1, (7,)),
        DesignItem(2, 1, (8,)),
        DesignItem(3, 1, (9,)),
        DesignItem(4, 2, (7,)),
        DesignItem(5, 3, (7, 8)),
        DesignItem(6, 3, (8, 9)),
    ]
    assert within_rater_pairs({0: [1, 2, 3]}, items) == 3
    assert within_rater_pairs({0: [1, 2], 1: [3, 4]}, items) == 1
    assert within_rater_pairs({0: [5], 1: [5, 6]}, items) == 1 + 3


def test_every_two_raters_share_items() -> None:
    given_items = assign_items(crossed(40, 1), range(5), 2, seed=3)
    shared = {
        pair: len(set(given_items[pair[0]]) & set(given_items[pair[1]]))
        for pair in combinations(range(5), 2)
    }
    assert sum(shared.values()) == 40
    assert min(shared.values()) >= 3


@pytest.mark.parametrize("overlap", [0, 3])
def test_impossible_overlap_is_refused(overlap: int) -> None:
    with pytest.raises(DesignError):
        assign_items(crossed(4, 1), [1, 2], overlap, seed=1)


@pytest.mark.parametrize(("stimuli", "sources", "size"), [(2500, 4, 1), (1667, 4, 2)])
def test_ten_thousand_items_are_dealt_to_two_hundred_raters_evenly(
    stimuli: int, sources: int, size: int
) -> None:
    items = crossed(stimuli, sources, size)
    given_items = assign_items(items, range(200), 3, seed=1)
    assert set(raters_per_item(given_items).values()) == {3}
    assert spread_of(len(keys) for keys in given_items.values()) <= 1
    seen = Counter((r, items[key].sources) for r, keys in given_items.items() for key in keys)
    for group in combinations(range(sources), size):
        assert spread_of(seen[rater, group] for rater in range(200)) <= 3
    shared: Counter[tuple[int, int]] = Counter()
    takers: dict[int, list[int]] = {}
    for rater, keys in given_items.items():
        for key in keys:
            takers.setdefault(key, []).append(rater)
    for together in takers.values():
        shared.update(combinations(together, 2))
    # 30,000 shared items over 19,900 pairs of raters: one or two each, hardly ever three.
    counts = [shared[pair] for pair in combinations(range(200), 2)]
    assert min(counts) >= 1
    assert sum(count > 2 for count in counts) < 100
    assert max(counts) <= 4


def test_late_raters_meet_the_others_and_not_only_each_other() -> None:
    loads = {0: 60, 1: 60, 2: 60, 3: 0, 4: 0}
    given_items = assign_items(crossed(100, 1), range(5), 2, seed=4, loads=loads)
    assert {len(given_items[rater]) for rater in (3, 4)} <= {76, 77}
    for late in (3, 4):
        for early in range(3):
            assert len(set(given_items[late]) & set(given_items[early])) >= 3


def test_the_seed_decides_and_nothing_else() -> None:
    items = crossed(12, 2)
    assert assign_items(items, range(3), 2, 5) == assign_items(items, range(3), 2, 5)
    assert assign_items(items, range(3), 2, 5) != assign_items(items, range(3), 2, 6)
    # As it was the first time, on every machine.
    assert assign_items(crossed(3, 2), range(3), 1, 7) == {0: [3, 4], 1: [1, 2], 2: [5, 0]}
