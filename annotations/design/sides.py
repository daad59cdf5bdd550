"""Which of two responses is shown as "A" to one rater."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random

from annotations.design.items import shuffled


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
