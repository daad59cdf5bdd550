"""Who judges what, in which order, on which side: seeded, balanced, and free of the database.

Equal arguments give equal designs on every machine: random.Random seeded with text is stable.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class DesignItem:
    """An item as the design sees it: what it answers, and which sources wrote its candidates."""

    key: int
    stimulus: int
    sources: tuple[int, ...]


class DesignError(ValueError):
    """What was asked for cannot be balanced."""


def draw_stimuli(dialogues: Mapping[int, int], count: int, seed: int) -> list[int]:
    """`dialogues`: stimulus -> its dialogue. A second stimulus of a dialogue is drawn only once
    every dialogue has given one: a later turn shows what the therapist answered to an earlier one,
    which gives a human reply away, and turns of one conversation are no independent sample.
    """
    random = Random(f"{seed}:stimuli")  # noqa: S311
    taken: Counter[int] = Counter()
    turn: dict[int, int] = {}
    for stimulus in shuffled(sorted(dialogues), random):
        turn[stimulus] = taken[dialogues[stimulus]]
        taken[dialogues[stimulus]] += 1
    return sorted(turn, key=turn.__getitem__)[:count]


def assign_items(
    items: Sequence[DesignItem],
    raters: Sequence[int],
    overlap: int,
    seed: int,
    loads: Mapping[int, int] | None = None,
) -> dict[int, list[int]]:
    """Rater -> keys of items. Each item goes to `overlap` raters; loads differ by at most 1.

    `loads` carries on from an earlier part of the same study. Among raters with equal load, those
    who have shared fewer items and seen less of the item's sources come first, so that all raters
    are compared with each other and judge every source about equally often.
    """
    if not 1 <= overlap <= len(raters):
        raise DesignError(f"overlap {overlap} needs at least as many raters, not {len(raters)}")
    random = Random(f"{seed}:assign")  # noqa: S311
    load = Counter({rater: (loads or {}).get(rater, 0) for rater in raters})
    shared: Counter[frozenset[int]] = Counter()
    seen: Counter[tuple[int, int]] = Counter()
    given: dict[int, list[int]] = {rater: [] for rater in raters}
    for item in shuffled(items, random):
        chosen: list[int] = []
        for _ in range(overlap):
            free = [rater for rater in raters if rater not in chosen]
            rater = min(
                shuffled(free, random),
                key=lambda r: (
                    load[r],
                    sum(shared[frozenset((r, other))] for other in chosen),
                    sum(seen[r, source] for source in item.sources),
                ),
            )
            chosen.append(rater)
        for rater in chosen:
            load[rater] += 1
            given[rater].append(item.key)
            seen.update((rater, source) for source in item.sources)
        shared.update(frozenset(pair) for pair in combinations(chosen, 2))
    return given


def order_items(items: Sequence[DesignItem], seed: int, rater: int) -> list[int]:
    """Keys in the order one rater sees them, items of one stimulus spaced apart.

    The work is a series of passes, each with at most one item of a stimulus. Stimuli keep the
    same half of every pass, so between two items of a stimulus lies at least half a pass. Which
    source comes in which pass rotates over stimuli.
    """
    random = Random(f"{seed}:order:{rater}")  # noqa: S311
    queues: dict[int, list[DesignItem]] = defaultdict(list)
    for item in sorted(items, key=lambda item: (item.sources, item.key)):
        queues[item.stimulus].append(item)
    stimuli = shuffled(sorted(queues), random)
    stimuli.sort(key=lambda stimulus: -len(queues[stimulus]))
    half = {stimulus: index % 2 for index, stimulus in enumerate(stimuli)}
    for turn, stimulus in enumerate(stimuli):
        queue = queues[stimulus]
        # Of every two stimuli the halves differ, so the rotation has to change every other time.
        shift = (turn // 2) % len(queue)
        queues[stimulus] = queue[shift:] + queue[:shift]
    order: list[int] = []
    for number in range(max((len(queue) for queue in queues.values()), default=0)):
        for side in (0, 1):
            present = [s for s in stimuli if half[s] == side and len(queues[s]) > number]
            order.extend(queues[s][number].key for s in shuffled(present, random))
    return order


def counterbalance_sides(pairs: Sequence[tuple[int, int]], seed: int, rater: int) -> list[bool]:
    """Per pair of sources: whether the second one is shown as "A".

    Within the rater each source is "A" and "B" equally often, give or take one, over all pairs
    and against each other source.
    """
    random = Random(f"{seed}:sides:{rater}")  # noqa: S311
    by_sources: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        low, high = sorted(pair)
        by_sources[low, high].append(index)
    first: dict[int, int] = {}
    left_over: dict[tuple[int, int], int] = {}
    for sources in sorted(by_sources):
        indexes = shuffled(by_sources[sources], random)
        half = len(indexes) // 2
        first.update(dict.fromkeys(indexes[:half], sources[0]))
        first.update(dict.fromkeys(indexes[half : 2 * half], sources[1]))
        if len(indexes) % 2:
            left_over[sources] = indexes[-1]
    for start, end in orient_evenly(left_over, random):
        first[left_over[min(start, end), max(start, end)]] = start
    return [first[index] != pair[0] for index, pair in enumerate(pairs)]


def orient_evenly(edges: Iterable[tuple[int, int]], random: Random) -> list[tuple[int, int]]:
    """Each edge as (start, end), with starts and ends of every node differing by at most 1.

    Nodes of odd degree are joined to an extra node; then every walk along unused edges ends where
    it began (Euler), and leaves a node as often as it enters.
    """
    extra = None
    neighbours: dict[int | None, set[int | None]] = defaultdict(set)
    for one, other in edges:
        neighbours[one].add(other)
        neighbours[other].add(one)
    for odd in [n for n in neighbours if len(neighbours[n]) % 2]:
        neighbours[odd].add(extra)
        neighbours[extra].add(odd)
    nodes = shuffled(sorted(n for n in neighbours if n is not None), random)
    oriented: list[tuple[int, int]] = []
    for start in nodes:
        node: int | None = start
        while neighbours[node]:
            following = random.choice(sorted(neighbours[node], key=lambda n: (n is None, n or 0)))
            neighbours[node].remove(following)
            neighbours[following].remove(node)
            if node is not None and following is not None:
                oriented.append((node, following))
            node = following
    return oriented


def shuffled(values: Iterable[T], random: Random) -> list[T]:
    order = list(values)
    random.shuffle(order)
    return order
