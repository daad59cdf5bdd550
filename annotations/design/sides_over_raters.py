"""Which of two responses is shown as "A", balanced over raters and items at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from annotations.design.items import DesignItem
from annotations.design.split import even_halves

MOST_ROUNDS = 20


@dataclass(frozen=True)
class Slot:
    rater: int
    item: int
    low: int
    high: int

    @property
    def pair(self) -> tuple[int, int]:
        return self.low, self.high


def sides_over_raters(
    work: Mapping[int, Sequence[DesignItem]], seed: int
) -> dict[tuple[int, int], bool]:
    """`work`: rater -> his items of two sources. (rater, key) -> whether the item's second source
    is shown as "A".

    Sides differ by at most 1 over the raters of an item, over a rater's items with the same two
    sources, and, as far as an even number of raters per item leaves a choice, over all of these
    two. Each source stands on either side about equally often for each rater: within 2 in nearly
    all designs, because the first rules may leave no better choice.
    """
    random = Random(f"{seed}:sides")  # noqa: S311
    slots = [
        Slot(rater, item.key, *sorted(item.sources))
        for rater, items in work.items()
        for item in items
    ]
    sides = Sides(slots, first_halves(slots, random))
    sides.even_out_sources(random)
    second = {item.key: item.sources[1] for items in work.values() for item in items}
    return {
        (slot.rater, slot.item): (slot.low if sign > 0 else slot.high) == second[slot.item]
        for slot, sign in zip(slots, sides.sign, strict=True)
    }


def first_halves(slots: Sequence[Slot], random: Random) -> list[int]:
    """Per slot 1 where its lower source is "A", else -1; even per item, per rater and pair.

    Items with an odd number of raters are joined to a node of their pair, which evens the pair.
    """
    raters_of = Counter(slot.item for slot in slots)
    edges: list[tuple[Hashable, int]] = [((slot.rater, slot.pair), slot.item) for slot in slots]
    pair_of = {slot.item: slot.pair for slot in slots}
    edges += [(pair, item) for item, pair in pair_of.items() if raters_of[item] % 2]
    return [1 if half else -1 for half in even_halves(edges, random)[: len(slots)]]


class Sides:
    """Signs of the slots and their sums; +1 puts the lower source first."""

    def __init__(self, slots: Sequence[Slot], sign: list[int]) -> None:
        self.slots, self.sign = slots, sign
        self.of_item: Counter[int] = Counter()
        self.of_pair: Counter[tuple[int, int]] = Counter()
        self.of_rater_pair: Counter[tuple[int, tuple[int, int]]] = Counter()
        self.of_source: Counter[tuple[int, int]] = Counter()
        """(rater, source): how much more often first than second."""
        self.members: dict[int, list[int]] = defaultdict(list)
        for number, slot in enumerate(slots):
            self.members[slot.item].append(number)
            self._count(slot, sign[number])

    def even_out_sources(self, random: Random) -> None:
        """Turns slots round, alone or two of an item, while that evens a rater's sources and
        leaves every item and every rater's pair within 1."""
        for _ in range(MOST_ROUNDS):
            turned = [
                self._improve(n) for n in random.sample(range(len(self.slots)), len(self.slots))
            ]
            if not any(turned):
                return

    def _improve(self, number: int) -> bool:
        gain = self._gain(number)
        if gain is None or gain <= 0:
            return False
        slot, sign = self.slots[number], self.sign[number]
        # Alone, a slot of an item with one more of this sign; the pair's own sum may cost more.
        if self.of_item[slot.item] == sign and gain > 4 - 4 * sign * self.of_pair[slot.pair]:
            self._turn(number)
            return True
        for other in self.members[slot.item]:
            other_gain = self._gain(other) if self.sign[other] == -sign else None
            if other_gain is not None and gain + other_gain > 0:
                self._turn(number)
                self._turn(other)
                return True
        return False

    def _gain(self, number: int) -> int | None:
        """By how much turning the slot lowers the squares of its rater's sums by source; None
        where it would unbalance his pair."""
        slot, sign = self.slots[number], self.sign[number]
        if self.of_rater_pair[slot.rater, slot.pair] != sign:
            return None
        ahead = self.of_source[slot.rater, slot.low] - self.of_source[slot.rater, slot.high]
        return 4 * sign * ahead - 8

    def _turn(self, number: int) -> None:
        self.sign[number] = -self.sign[number]
        self._count(self.slots[number], 2 * self.sign[number])

    def _count(self, slot: Slot, sign: int) -> None:
        self.of_item[slot.item] += sign
        self.of_pair[slot.pair] += sign
        self.of_rater_pair[slot.rater, slot.pair] += sign
        self.of_source[slot.rater, slot.low] += sign
        self.of_source[slot.rater, slot.high] -= sign
