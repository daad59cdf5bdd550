"""In which order the candidates of an item stand: A, B, C and so on.

Orders of three or more come from Williams squares (Williams, 1949, Experimental designs balanced
for the estimation of residual effects of treatments): each source once at each place and, over a
square and its mirror image, before each other source as often as behind it. Which row of the square
an item gets is decided by what the rater, the item and the study have seen so far.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from annotations.design.items import DesignError, DesignItem, shuffled
from annotations.design.sides import counterbalance_sides
from annotations.design.sides_over_raters import sides_over_raters

Order = tuple[int, ...]
ITEM_WEIGHT = 4
"""Of raters of one item against all items of one rater: they are few, so each counts more."""


def counterbalance_order(groups: Sequence[Order], seed: int, rater: int) -> list[Order]:
    """Per group of sources, in which order one rater sees them.

    Over the groups of the rater that hold the same sources, each of them stands at each place
    equally often, give or take one. Raters 0 and 1, 2 and 3, ... get mirror images where they can,
    so that over raters each source stands before each other one equally often. Two sources are
    dealt by `counterbalance_sides`. Raises DesignError for a source that is named twice.
    """
    check_different(groups)
    orders: list[Order] = list(groups)
    pairs = [index for index, group in enumerate(groups) if len(group) == 2]
    swaps = counterbalance_sides([(groups[i][0], groups[i][1]) for i in pairs], seed, rater)
    for index, swap in zip(pairs, swaps, strict=True):
        orders[index] = groups[index][::-1] if swap else groups[index]
    random = Random(f"{seed}:orders:{rater // 2}")  # noqa: S311
    own, dealt = Ledger(), DealtRows(Squares(seed), (rater + rater // 2) % 2)
    for index in shuffled((i for i, group in enumerate(groups) if len(group) > 2), random):
        rows = dealt.open_rows(tuple(sorted(groups[index])))
        orders[index] = dealt.take(min(shuffled(rows, random), key=own.surplus))
        own.add(orders[index])
    return orders


def counterbalance_study(
    work: Mapping[int, Sequence[DesignItem]], seed: int
) -> dict[int, list[Order]]:
    """`work`: rater -> his items. Rater -> the order of sources in each of these items.

    As `counterbalance_order` for each rater, and also over the raters of an item: each source
    stands at each place, and before each other source, as equally often as their number allows.
    Of two sources the sides differ by at most 1 per item, per rater and pair, and per pair in all.
    """
    for items in work.values():
        check_different([item.sources for item in items])
    swapped = sides_over_raters(
        {
            rater: [item for item in items if len(item.sources) == 2]
            for rater, items in work.items()
        },
        seed,
    )
    random = Random(f"{seed}:orders")  # noqa: S311
    squares, study = Squares(seed), Ledger()
    by_item: dict[int, Ledger] = defaultdict(Ledger)
    orders: dict[int, list[Order]] = {}
    for rater, items in work.items():
        own, dealt, found = Ledger(), DealtRows(squares), {}
        for item in shuffled(items, random):
            if len(item.sources) == 2:
                found[item.key] = item.sources[:: -1 if swapped[rater, item.key] else 1]
            elif len(item.sources) > 2:
                ledgers = ((by_item[item.key], ITEM_WEIGHT), (own, 1), (study, 1))
                rows = dealt.open_rows(tuple(sorted(item.sources)))
                found[item.key] = dealt.take(cheapest(shuffled(rows, random), ledgers))
                for ledger, _ in ledgers:
                    ledger.add(found[item.key])
        orders[rater] = [found.get(item.key, item.sources) for item in items]
    return orders


def check_different(groups: Iterable[Order]) -> None:
    for group in groups:
        if len(set(group)) != len(group):
            raise DesignError(f"A source stands twice in one item: {group}.")


def cheapest(rows: Sequence[Order], ledgers: Sequence[tuple[Ledger, int]]) -> Order:
    return min(rows, key=lambda row: sum(w * ledger.surplus(row) for ledger, w in ledgers))


class Ledger:
    """How often each source stood at each place and before each other one."""

    def __init__(self) -> None:
        self.places: Counter[tuple[int, int]] = Counter()
        self.lead: Counter[tuple[int, int]] = Counter()

    def add(self, order: Order) -> None:
        for place, source in enumerate(order):
            self.places[place, source] += 1
            for later in order[place + 1 :]:
                self.lead[source, later] += 1
                self.lead[later, source] -= 1

    def surplus(self, order: Order) -> int:
        """Larger for an order whose places and precedences were used more often."""
        places, lead, size = self.places, self.lead, len(order)
        used = sum(places[place, source] for place, source in enumerate(order))
        ahead = sum(lead[order[i], order[j]] for i in range(size) for j in range(i + 1, size))
        return 2 * used + ahead


class Squares:
    """Per set of sources one Williams square, the same for all raters, and its mirror image."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.known: dict[Order, tuple[list[Order], list[Order]]] = {}

    def of(self, sources: Order) -> tuple[list[Order], list[Order]]:
        if sources not in self.known:
            names = shuffled(sources, Random(f"{self.seed}:square:{sources}"))  # noqa: S311
            rows = [tuple(names[i] for i in row) for row in williams_square(len(sources))]
            self.known[sources] = rows, [row[::-1] for row in rows]
        return self.known[sources]


class DealtRows:
    """What one rater has had of each set's square and its mirror image, which take turns.

    `first` 0 or 1 says which of them begins; None leaves it to the first row taken.
    """

    def __init__(self, squares: Squares, first: int | None = None) -> None:
        self.squares = squares
        self.first = first
        self.left: dict[Order, list[Order]] = {}
        self.next: dict[Order, int | None] = {}

    def open_rows(self, sources: Order) -> list[Order]:
        if self.left.get(sources):
            return self.left[sources]
        both, turn = self.squares.of(sources), self.next.get(sources, self.first)
        return [*both[0], *both[1]] if turn is None else both[turn]

    def take(self, row: Order) -> Order:
        sources = tuple(sorted(row))
        if not self.left.get(sources):
            both, turn = self.squares.of(sources), self.next.get(sources, self.first)
            if turn is None:
                turn = 0 if row in both[0] else 1
            self.left[sources] = list(both[turn])
            # Of an odd size, a square and its mirror image differ; together they are balanced.
            self.next[sources] = 1 - turn
        self.left[sources].remove(row)
        return row


def williams_square(size: int) -> list[Order]:
    """Rows of 0 ... size - 1. The first goes 0, 1, size - 1, 2, size - 2, ...; the others add 1.

    Of an even size, each neighbourhood of two in either order comes once; of an odd size, once in
    the square or its mirror image and once in the other.
    """
    first = [0] + [(step + 1) // 2 if step % 2 else size - step // 2 for step in range(1, size)]
    return [tuple((start + add) % size for start in first) for add in range(size)]
