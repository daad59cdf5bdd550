"""Which stimuli are drawn, in which order a rater sees his items, and in which blocks."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import DesignError, DesignItem, block_bounds, draw_stimuli, order_items
from tests.annotations.design.designs import crossed, seeds, spread_of


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


def test_the_seed_decides_the_order_and_nothing_else() -> None:
    items = crossed(12, 2)
    assert order_items(items, 5, 0) == order_items(list(reversed(items)), 5, 0)
    assert order_items(items, 5, 0) != order_items(items, 5, 1)
    assert order_items(crossed(4, 2), 7, 2) == [1, 2, 7, 4, 0, 3, 6, 5]


@given(st.integers(0, 2000), st.integers(1, 60))
def test_blocks_are_of_about_equal_length_and_near_what_was_asked(total: int, size: int) -> None:
    bounds = block_bounds(total, size)
    lengths = [stop - start for start, stop in bounds]
    assert [index for start, stop in bounds for index in range(start, stop)] == list(range(total))
    assert spread_of(lengths) <= 1
    if total >= size:
        assert all(3 * length > 2 * size - 3 and 3 * length < 4 * size + 3 for length in lengths)


@pytest.mark.parametrize(
    ("total", "lengths"),
    [(0, []), (7, [7]), (20, [20]), (25, [25]), (30, [15, 15]), (41, [21, 20]), (50, [17, 17, 16])],
)
def test_no_last_block_is_tiny(total: int, lengths: list[int]) -> None:
    assert [stop - start for start, stop in block_bounds(total, 20)] == lengths


def test_a_block_without_items_is_refused() -> None:
    with pytest.raises(DesignError):
        block_bounds(10, 0)
