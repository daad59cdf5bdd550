"""Where not all models are shown at once, each two of them meet equally often."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import DesignError, balanced_groups
from tests.annotations.design.designs import seeds, spread_of


@given(st.integers(2, 7), st.integers(0, 50), st.data(), seeds)
def test_sources_and_pairs_of_sources_are_shown_equally_often(
    count: int, stimuli: int, data: st.DataObject, seed: int
) -> None:
    size = data.draw(st.integers(1, count))
    sources = [10 * number for number in range(count)]
    groups = balanced_groups(sources, size, range(stimuli), seed)
    assert groups == balanced_groups(sources[::-1], size, reversed(range(stimuli)), seed)
    assert list(groups) == list(range(stimuli))
    every = [group for some in groups.values() for group in some]
    assert len(every) == stimuli
    assert all(len(set(group)) == size and set(group) <= set(sources) for group in every)
    shown = Counter(source for group in every for source in group)
    met = Counter(pair for group in every for pair in combinations(group, 2))
    assert spread_of(shown[source] for source in sources) <= 2
    assert spread_of(met[pair] for pair in combinations(sources, 2)) <= 3


@pytest.mark.parametrize(("sources", "size", "stimuli"), [(4, 2, 60), (5, 3, 40), (10, 3, 1000)])
def test_in_studies_of_usual_size_they_differ_by_very_little(
    sources: int, size: int, stimuli: int
) -> None:
    groups = balanced_groups(range(sources), size, range(stimuli), seed=1)
    every = [group for some in groups.values() for group in some]
    shown = Counter(source for group in every for source in group)
    met = Counter(pair for group in every for pair in combinations(group, 2))
    assert spread_of(shown[source] for source in range(sources)) <= 2
    assert spread_of(met[pair] for pair in combinations(range(sources), 2)) <= 2


@given(st.integers(2, 6), st.integers(1, 12), st.data(), seeds)
def test_a_stimulus_has_no_group_twice(
    count: int, stimuli: int, data: st.DataObject, seed: int
) -> None:
    size = data.draw(st.integers(1, count))
    each = data.draw(st.integers(1, comb(count, size)))
    groups = balanced_groups(range(count), size, range(stimuli), seed, per_stimulus=each)
    assert all(len(set(some)) == len(some) == each for some in groups.values())


def test_every_group_comes_once_where_all_are_asked_for() -> None:
    groups = balanced_groups([1, 2, 3, 4], 2, [7], seed=1, per_stimulus=6)
    assert sorted(groups[7]) == list(combinations([1, 2, 3, 4], 2))


@pytest.mark.parametrize(
    ("sources", "size", "per_stimulus"), [(3, 4, 1), (3, 0, 1), (4, 2, 7), (40, 20, 1)]
)
def test_impossible_groups_are_refused(sources: int, size: int, per_stimulus: int) -> None:
    with pytest.raises(DesignError):
        balanced_groups(range(sources), size, [1], seed=1, per_stimulus=per_stimulus)


def test_the_seed_decides_the_groups() -> None:
    one = balanced_groups(range(5), 3, range(20), seed=1)
    assert one != balanced_groups(range(5), 3, range(20), seed=2)
