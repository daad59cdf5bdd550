"""Work that changes hands while a study runs: raters drop out, skip, or join late.

Open slots go to raters along augmenting paths, each to the least loaded rater that can be reached
by passing slots on. That makes loads as even as they can be (Harvey, Ladner, Lovász & Tamir, 2006,
Semi-matchings for bipartite graphs and load balancing).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from random import Random

from annotations.design.items import DesignError, shuffled

Slot = tuple[int, int]
"""An item, and which of its places for raters."""
MOST_NAMED = 10


def rebalance(
    open_slots: Iterable[Slot],
    raters: Sequence[int],
    seen: Mapping[int, Collection[int]],
    loads: Mapping[int, int],
    seed: int,
) -> dict[Slot, int]:
    """Open slot -> its new rater. `seen`: rater -> items that he has or had in any role, which he
    does not get again; `loads`: rater -> what he has still to do, of which the largest and the
    smallest come as close as these items allow.

    Raises DesignError naming the items that too few raters can take.
    """
    random = Random(f"{seed}:rebalance")  # noqa: S311
    slots: dict[int, list[Slot]] = defaultdict(list)
    for slot in sorted(set(open_slots)):
        slots[slot[0]].append(slot)
    order = shuffled(raters, random)
    known = {rater: set(seen.get(rater, ())) for rater in order}
    able = {item: [rater for rater in order if item not in known[rater]] for item in slots}
    check_takers({item: len(places) - len(able[item]) for item, places in slots.items()})
    sharing = Sharing(able, {rater: loads.get(rater, 0) for rater in order})
    for item in shuffled((item for item, places in slots.items() for _ in places), random):
        sharing.hand_out(item)
    return {
        slot: rater
        for item, places in slots.items()
        for slot, rater in zip(places, sharing.takers_of(item), strict=True)
    }


def check_takers(short: Mapping[int, int]) -> None:
    """`short`: item -> by how many raters its slots outnumber those who can take them."""
    items = sorted(item for item, missing in short.items() if missing > 0)
    if items:
        named = ", ".join(str(item) for item in items[:MOST_NAMED])
        more = f" and {len(items) - MOST_NAMED:,} more" if len(items) > MOST_NAMED else ""
        raise DesignError(
            f"Every rater has already had these items, or too few are left who have not: {named}"
            f"{more}. Invite another rater, or close these items with the answers they have."
        )


class Sharing:
    """Who holds which items; grows by one item at a time."""

    def __init__(self, able: Mapping[int, Sequence[int]], loads: Mapping[int, int]) -> None:
        self.able = able
        self.load = dict(loads)
        self.held: dict[int, dict[int, None]] = {rater: {} for rater in loads}
        """As an ordered set, so that the same arguments give the same result."""

    def takers_of(self, item: int) -> list[int]:
        return [rater for rater in self.able[item] if item in self.held[rater]]

    def hand_out(self, item: int) -> None:
        came_by = self._reach(item)
        # Of equals the one reached first: the fewest slots are passed on.
        rater = min(came_by, key=lambda one: self.load[one])
        self.load[rater] += 1
        while True:
            passed, giver = came_by[rater]
            self.held[rater][passed] = None
            if giver is None:
                return
            del self.held[giver][passed]
            rater = giver

    def _reach(self, item: int) -> dict[int, tuple[int, int | None]]:
        """Rater -> the item that he would take, and from whom (None: it is the new one)."""
        least = min(self.load.values())
        came_by: dict[int, tuple[int, int | None]] = {}
        waiting: deque[tuple[int, int | None]] = deque([(item, None)])
        while waiting:
            passed, giver = waiting.popleft()
            for rater in self.able[passed]:
                if rater in came_by or passed in self.held[rater]:
                    continue
                came_by[rater] = passed, giver
                if self.load[rater] == least:
                    return came_by
                waiting.extend((other, rater) for other in self.held[rater])
        return came_by


def shift_to_newcomers(
    unstarted: Mapping[int, Sequence[int]],
    loads: Mapping[int, int],
    newcomers: Sequence[int],
    seed: int,
    seen: Mapping[int, Collection[int]] | None = None,
) -> dict[tuple[int, int], int]:
    """(rater, item) -> the newcomer who takes it over, so that loads come within 1 of each other.

    `unstarted`: rater -> items that he has not opened; nothing else is moved, and nothing between
    those who were there before. `loads`: rater -> all that he has still to do. No newcomer gets an
    item twice, or one of his `seen`.
    """
    random = Random(f"{seed}:newcomers")  # noqa: S311
    known = {newcomer: set((seen or {}).get(newcomer, ())) for newcomer in newcomers}
    donors = {rater: items for rater, items in unstarted.items() if rater not in known}
    every = {item for items in donors.values() for item in items}
    takers = {item: sum(item not in had for had in known.values()) for item in every}
    giver_of: dict[Slot, int] = {}
    places: Counter[int] = Counter()
    for rater, item in give_up(donors, loads, newcomers, takers, random):
        giver_of[item, places[item]] = rater
        places[item] += 1
    taken = rebalance(giver_of, newcomers, known, loads, seed)
    return {(rater, slot[0]): taken[slot] for slot, rater in giver_of.items()}


def give_up(
    donors: Mapping[int, Sequence[int]],
    loads: Mapping[int, int],
    newcomers: Sequence[int],
    takers: Mapping[int, int],
    random: Random,
) -> list[tuple[int, int]]:
    """(rater, item), always from the most loaded while a newcomer has at least two fewer.

    Of his items the rater gives the one that was given least so far, and none that more newcomers
    would have to take than there are for it (`takers`).
    """
    kept = {rater: shuffled(items, random) for rater, items in sorted(donors.items())}
    most = [
        (-loads.get(rater, len(items)), random.random(), rater) for rater, items in kept.items()
    ]
    fewest = [(loads.get(newcomer, 0), random.random()) for newcomer in newcomers]
    heapq.heapify(most)
    heapq.heapify(fewest)
    given: Counter[int] = Counter()
    moved: list[tuple[int, int]] = []
    while most and fewest and -most[0][0] - fewest[0][0] >= 2:
        load, lot, rater = most[0]
        free = [item for item in kept[rater] if given[item] < takers[item]]
        if not free:
            heapq.heappop(most)
            continue
        item = min(free, key=given.__getitem__)
        kept[rater].remove(item)
        given[item] += 1
        moved.append((rater, item))
        heapq.heapreplace(most, (load + 1, lot, rater))
        heapq.heapreplace(fewest, (fewest[0][0] + 1, fewest[0][1]))
    return moved
