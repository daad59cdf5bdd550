"""Items that come again, at a distance, and hidden items of the reference panel in between."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.design import DesignError, Planned, place_reference, place_repeats
from tests.annotations.design.designs import seeds, spread_of

orders = st.lists(st.integers(0, 999), unique=True, max_size=80)


@given(orders, st.floats(0, 1), st.integers(0, 30), st.integers(0, 5), seeds)
def test_repeats_come_once_each_and_at_a_distance(
    order: list[int], share: float, gap: int, rater: int, seed: int
) -> None:
    planned = place_repeats(order, share, seed, rater, gap)
    assert planned == place_repeats(order, share, seed, rater, gap)
    assert [entry.key for entry in planned if entry.role == "independent"] == order
    repeats = [entry.key for entry in planned if entry.role == "repeat"]
    assert len(set(repeats)) == len(repeats)
    assert len(repeats) == min(round(share * len(order)), max(0, len(order) - max(gap, 1)))
    for key in repeats:
        first = planned.index(Planned(key, "independent"))
        again = planned.index(Planned(key, "repeat"))
        assert again - first > max(gap, 1)


def test_repeats_are_spread_over_the_work_to_its_last_part() -> None:
    planned = [place_repeats(range(100), 0.1, 1, rater, gap=20) for rater in range(30)]
    places = [place for one in planned for place, entry in enumerate(one) if entry.role == "repeat"]
    assert len(places) == 300
    assert min(places) <= 30
    assert max(places) >= 105
    middle = sum(45 <= place < 75 for place in places)
    assert 80 <= middle <= 140
    keys = Counter(e.key // 25 for one in planned for e in one if e.role == "repeat")
    assert set(keys) >= {0, 1, 2}


@given(
    orders,
    st.lists(st.integers(0, 1200), max_size=30),
    st.floats(0, 1),
    st.integers(0, 9),
    seeds,
)
def test_reference_items_come_at_their_rate_and_never_twice(
    order: list[int], panel: list[int], rate: float, rater: int, seed: int
) -> None:
    planned = place_reference(order, panel, rate, seed, rater)
    assert planned == place_reference(order, panel, rate, seed, rater)
    assert [entry.key for entry in planned if entry.role == "independent"] == order
    hidden = [entry.key for entry in planned if entry.role == "reference"]
    assert len(set(hidden)) == len(hidden)
    assert set(hidden) <= set(panel) - set(order)
    assert len(hidden) == min(round(rate * len(order)), len(set(panel) - set(order)))


def test_reference_items_are_spread_evenly_but_not_regularly() -> None:
    planned = place_reference(range(100), range(1000, 1050), 0.1, seed=3, rater=1)
    places = [place for place, entry in enumerate(planned) if entry.role == "reference"]
    distances = [after - before for before, after in pairwise(places)]
    assert len(places) == 10
    assert min(distances) >= 5
    assert max(distances) <= 17
    assert len(set(distances)) > 2


def test_over_raters_each_reference_item_is_used_equally_often() -> None:
    panel = range(1000, 1024)
    used = Counter(
        entry.key
        for rater in range(30)
        for entry in place_reference(range(50), panel, 0.1, seed=3, rater=rater)
        if entry.role == "reference"
    )
    assert sum(used.values()) == 150
    assert spread_of(used[key] for key in panel) <= 1


@given(orders, st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 20), seeds)
def test_both_can_be_combined_in_either_order(
    order: list[int], share: float, rate: float, gap: int, seed: int
) -> None:
    panel = range(2000, 2050)
    one = place_reference(place_repeats(order, share, seed, 0, gap), panel, rate, seed, 0)
    two = place_repeats(place_reference(order, panel, rate, seed, 0), share, seed, 0, gap)
    for planned in (one, two):
        assert [entry.key for entry in planned if entry.role == "independent"] == order
        assert sum(e.role == "reference" for e in planned) == round(rate * len(order))
        assert all(e.key >= 2000 for e in planned if e.role == "reference")
        places = {(e.key, e.role): place for place, e in enumerate(planned)}
        assert len(places) == len(planned)
        for entry in planned:
            if entry.role == "repeat":
                first = places[entry.key, "independent"]
                assert places[entry.key, "repeat"] - first > max(gap, 1)


@pytest.mark.parametrize(("share", "gap"), [(-0.1, 5), (1.1, 5), (0.1, -1), (float("nan"), 5)])
def test_impossible_repeats_are_refused(share: float, gap: int) -> None:
    with pytest.raises(DesignError):
        place_repeats(range(10), share, 1, 1, gap)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_impossible_rates_are_refused(rate: float) -> None:
    with pytest.raises(DesignError):
        place_reference(range(10), [11], rate, 1, 1)
