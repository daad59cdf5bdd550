"""The design is balanced whatever the numbers are, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import (
    DesignError,
    DesignItem,
    assign_items,
    counterbalance_sides,
    draw_stimuli,
    order_items,
)

seeds = st.integers(0, 2**63 - 1)


def crossed(stimuli: int, sources: int) -> list[DesignItem]:
    return [
        DesignItem(stimulus * sources + source, stimulus, (source,))
        for stimulus in range(stimuli)
        for source in range(sources)
    ]


@given(st.lists(st.integers(1, 8), min_size=1, max_size=60), st.integers(0, 60), seeds)
def test_dialogues_give_a_second_stimulus_once_all_gave_a_first(
    dialogue_of: list[int], count: int, seed: int
) -> None:
    dialogues = dict(enumerate(dialogue_of))
    drawn = draw_stimuli(dialogues, count, seed)
    assert drawn == draw_stimuli(dialogues, count, seed)
    assert len(set(drawn)) == len(drawn) == min(count, len(dialogues))
    given_by, has = Counter(dialogues[one] for one in drawn), Counter(dialogue_of)
    most = max(given_by.values(), default=0)
    assert all(given_by[dialogue] >= min(has[dialogue], most - 1) for dialogue in has)


@given(st.integers(0, 40), st.integers(1, 3), st.integers(1, 7), st.data(), seeds)
def test_every_item_has_its_raters_and_loads_differ_by_at_most_one(
    stimuli: int, sources: int, raters: int, data: st.DataObject, seed: int
) -> None:
    overlap = data.draw(st.integers(1, raters))
    items = crossed(stimuli, sources)
    given_items = assign_items(items, range(raters), overlap, seed)
    counts = Counter(key for keys in given_items.values() for key in keys)
    assert all(counts[item.key] == overlap for item in items)
    assert all(len(keys) == len(set(keys)) for keys in given_items.values())
    loads = [len(keys) for keys in given_items.values()]
    assert max(loads) - min(loads) <= 1


@given(st.integers(1, 30), st.integers(1, 30), st.integers(2, 6), seeds)
def test_loads_stay_even_over_two_parts(first: int, second: int, raters: int, seed: int) -> None:
    one = assign_items(crossed(first, 2), range(raters), 2, seed)
    loads = {rater: len(keys) for rater, keys in one.items()}
    two = assign_items(crossed(second, 1), range(raters), 2, seed, loads)
    totals = [loads[rater] + len(two[rater]) for rater in range(raters)]
    assert max(totals) - min(totals) <= 1


def test_every_two_raters_share_items() -> None:
    given_items = assign_items(crossed(40, 1), range(5), 2, seed=3)
    shared = {
        pair: len(set(given_items[pair[0]]) & set(given_items[pair[1]]))
        for pair in combinations(range(5), 2)
    }
    assert sum(shared.values()) == 40
    assert min(shared.values()) >= 2


@pytest.mark.parametrize("overlap", [0, 3])
def test_impossible_overlap_is_refused(overlap: int) -> None:
    with pytest.raises(DesignError):
        assign_items(crossed(4, 1), [1, 2], overlap, seed=1)


@given(st.integers(1, 40), st.integers(1, 4), seeds, st.integers(0, 5))
def test_items_of_a_stimulus_are_at_least_half_a_pass_apart(
    stimuli: int, sources: int, seed: int, rater: int
) -> None:
    items = crossed(stimuli, sources)
    order = order_items(items, seed, rater)
    assert sorted(order) == [item.key for item in items]
    last: dict[int, int] = {}
    for place, key in enumerate(order):
        stimulus = items[key].stimulus
        if stimulus in last:
            assert place - last[stimulus] > stimuli // 2
        last[stimulus] = place


@given(st.lists(st.integers(0, 12), max_size=40), seeds)
def test_uneven_numbers_of_items_keep_their_distance(stimuli: list[int], seed: int) -> None:
    items = [DesignItem(key, stimulus, (key,)) for key, stimulus in enumerate(stimuli)]
    counts = Counter(stimuli)
    order = order_items(items, seed, rater=0)
    assert sorted(order) == list(range(len(items)))
    met: Counter[int] = Counter()
    last: dict[int, int] = {}
    for place, key in enumerate(order):
        stimulus = stimuli[key]
        met[stimulus] += 1
        if stimulus in last:
            in_this_pass = sum(count >= met[stimulus] for count in counts.values())
            assert place - last[stimulus] > in_this_pass // 2
        last[stimulus] = place


@given(st.integers(2, 40), seeds)
def test_each_source_comes_first_about_equally_often(stimuli: int, seed: int) -> None:
    items = crossed(stimuli, 2)
    first_pass = order_items(items, seed, rater=1)[:stimuli]
    counts = Counter(items[key].sources[0] for key in first_pass)
    assert abs(counts[0] - counts[1]) <= 2


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


def test_the_seed_decides_and_nothing_else() -> None:
    items = crossed(12, 2)
    pairs = [(0, 1)] * 12
    assert assign_items(items, range(3), 2, 5) == assign_items(items, range(3), 2, 5)
    assert assign_items(items, range(3), 2, 5) != assign_items(items, range(3), 2, 6)
    assert order_items(items, 5, 0) == order_items(list(reversed(items)), 5, 0)
    assert order_items(items, 5, 0) != order_items(items, 5, 1)
    assert counterbalance_sides(pairs, 5, 0) == counterbalance_sides(pairs, 5, 0)
    assert counterbalance_sides(pairs, 5, 0) != counterbalance_sides(pairs, 5, 1)
    assert order_items(crossed(4, 2), 7, 2) == [1, 2, 7, 4, 0, 3, 6, 5]
