"""Which raters judge which items.

Items are dealt one after the other. Beforehand each rater gets a quota, as even as loads and
capacities allow; an item then goes to raters who are not ahead of their pace, and among these to
those who have shared fewer items with each other and seen less of its sources. Quotas are met to
the item because whoever needs every item that is left gets the next one (Gale, 1957; Ryser, 1957:
quotas that are no larger than the number of items and add up can always be met).

All sums are of whole numbers, so that no machine rounds its way to another design.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, groupby
from random import Random

import numpy as np
from numpy.typing import NDArray

from annotations.design.items import DesignError, DesignItem, shuffled

Ints = NDArray[np.int64]
Unit = tuple[DesignItem, ...]
"""Items that go to the same raters."""
SLACK = 1
"""Units that a rater may be behind another's pace and still be passed over for a better match."""
SHARED_WEIGHT = 2
"""Of an item already shared with a co-rater, against one of the same sources already seen."""
TIE_ROWS = 499
"""A prime, so that the same rows of lots do not meet the same sources again and again."""
NEVER = np.iinfo(np.int64).max // 4


def assign_items(
    items: Sequence[DesignItem],
    raters: Sequence[int],
    overlap: int,
    seed: int,
    loads: Mapping[int, int] | None = None,
    *,
    capacity: Mapping[int, int] | None = None,
    same_raters: bool = False,
) -> dict[int, list[int]]:
    """Rater -> keys of items. Each item goes to `overlap` raters; loads differ by at most 1.

    `loads` carries on from an earlier part of the same study. `capacity` is the most that a rater
    takes in all, `loads` included; who is not named takes any number. With `same_raters` all items
    of a stimulus go to the same raters, and loads differ by at most the items of one stimulus.
    Raises DesignError where the raters cannot take it all.
    """
    if not 1 <= overlap <= len(raters):
        raise DesignError(f"overlap {overlap} needs at least as many raters, not {len(raters)}")
    random = Random(f"{seed}:assign")  # noqa: S311
    dealer = Dealer(items, raters, overlap, random)
    load = {rater: (loads or {}).get(rater, 0) for rater in raters}
    units = sorted(grouped(items, same_raters), key=len, reverse=True)
    # The largest first, so that small ones even out what large ones leave uneven.
    for size, some in groupby(units, key=len):
        alike = list(some)
        room = {
            rater: min(len(alike), units_of(capacity, rater, load[rater], size, len(alike)))
            for rater in raters
        }
        check_room(room, len(alike), overlap, size)
        quota = even_quotas(load, room, overlap * len(alike), size, random)
        dealer.deal(shuffled(alike, random), quota)
        for rater, count in quota.items():
            load[rater] += count * size
    return dealer.given


def grouped(items: Sequence[DesignItem], same_raters: bool) -> Iterable[Unit]:
    if not same_raters:
        return ((item,) for item in items)
    units: dict[int, list[DesignItem]] = defaultdict(list)
    for item in items:
        units[item.stimulus].append(item)
    return map(tuple, units.values())


def units_of(
    capacity: Mapping[int, int] | None, rater: int, load: int, size: int, otherwise: int
) -> int:
    if capacity is None or rater not in capacity:
        return otherwise
    return max(0, capacity[rater] - load) // size


def check_room(room: Mapping[int, int], units: int, overlap: int, size: int) -> None:
    asked, possible = overlap * units * size, sum(room.values()) * size
    if asked > possible:
        raise DesignError(
            f"{units * size:,} items with {overlap} raters each are {asked:,} assignments, but the "
            f"raters can take {possible:,} of them: {asked - possible:,} are missing. Invite more "
            "raters, raise the most that a rater takes, or ask for fewer raters per item."
        )


def even_quotas(
    load: Mapping[int, int], room: Mapping[int, int], units: int, size: int, random: Random
) -> dict[int, int]:
    """Each unit goes to whoever has least; who has no room left drops out."""
    quota = dict.fromkeys(room, 0)
    waiting = [(load[rater], random.random(), rater) for rater in room if room[rater]]
    heapq.heapify(waiting)
    for _ in range(units):
        least, _, rater = heapq.heappop(waiting)
        quota[rater] += 1
        if quota[rater] < room[rater]:
            heapq.heappush(waiting, (least + size, random.random(), rater))
    return quota


class Dealer:
    """Who has been given what so far, as whole numbers in arrays over raters."""

    def __init__(
        self, items: Sequence[DesignItem], raters: Sequence[int], overlap: int, random: Random
    ) -> None:
        counts = Counter(feature for item in items for feature in features_of(item))
        self.column = {feature: number for number, feature in enumerate(counts)}
        self.frequency = np.array(list(counts.values()), dtype=np.int64)
        self.raters, self.overlap, self.total = list(raters), overlap, len(items)
        self.given: dict[int, list[int]] = {rater: [] for rater in raters}
        self.shared = np.zeros((len(raters), len(raters)), dtype=np.int64)
        self.seen = np.zeros((len(raters), len(counts)), dtype=np.int64)
        self.done = np.zeros(len(raters), dtype=np.int64)
        span = max(1, self.total // 2)
        self.lots = np.array(
            [[random.randrange(span) for _ in raters] for _ in range(min(TIE_ROWS, 4 * len(items)))]
        )
        self.drawn = 0

    def deal(self, units: Sequence[Unit], quotas: Mapping[int, int]) -> None:
        quota = np.array([quotas[rater] for rater in self.raters], dtype=np.int64)
        left = quota.copy()
        for number, unit in enumerate(units):
            columns, counts = self._features(unit)
            behind = left * len(units) - quota * (len(units) - number)
            behind[left >= len(units) - number] = NEVER  # they need every unit that is left
            behind[left == 0] = -NEVER
            chosen = self._choose(behind, self._surplus(columns, counts), SLACK * len(units))
            left[chosen] -= 1
            self._give(unit, chosen, columns, counts)

    def _features(self, unit: Unit) -> tuple[Ints, Ints]:
        counts = Counter(self.column[feature] for item in unit for feature in features_of(item))
        return (
            np.fromiter(counts.keys(), dtype=np.int64, count=len(counts)),
            np.fromiter(counts.values(), dtype=np.int64, count=len(counts)),
        )

    def _surplus(self, columns: Ints, counts: Ints) -> Ints:
        """Seen of these sources beyond a rater's share of all he has seen, times `total`."""
        expected = self.done[:, None] * self.frequency[columns]
        return np.asarray(((self.seen[:, columns] * self.total - expected) * counts).sum(axis=1))

    def _choose(self, behind: Ints, cost: Ints, slack: int) -> list[int]:
        chosen: list[int] = []
        for _ in range(self.overlap):
            lots = self.lots[self.drawn % len(self.lots)]
            self.drawn += 1
            rater = int(np.where(behind >= behind.max() - slack, cost + lots, NEVER).argmin())
            chosen.append(rater)
            behind[rater] = -NEVER
            cost = cost + self.shared[rater] * (SHARED_WEIGHT * self.total)
        return chosen

    def _give(self, unit: Unit, chosen: Sequence[int], columns: Ints, counts: Ints) -> None:
        for rater in chosen:
            self.given[self.raters[rater]].extend(item.key for item in unit)
            self.seen[rater, columns] += counts
            self.done[rater] += len(unit)
        for one, other in combinations(chosen, 2):
            self.shared[one, other] += 1
            self.shared[other, one] += 1


def features_of(item: DesignItem) -> list[tuple[int, ...]]:
    """The sources and the pairs of sources that raters should see equally often."""
    sources = sorted(item.sources)
    return [*combinations(sources, 1), *combinations(sources, 2)]
