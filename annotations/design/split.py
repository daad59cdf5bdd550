"""Edges of a graph with two kinds of node, cut into halves that every node shares evenly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from random import Random
from typing import TypeVar

Left = TypeVar("Left", bound=Hashable)
Right = TypeVar("Right", bound=Hashable)


def even_halves(edges: Sequence[tuple[Left, Right]], random: Random) -> list[bool]:
    """Per edge, its half; at every node the halves differ by at most 1.

    Walks along unused edges begin at nodes with an odd number of them and so end at such nodes;
    the others come back to where they began (Euler). Edges walked from left to right are one half,
    those walked from right to left the other: a walk enters a node as often as it leaves it.
    """
    around: dict[tuple[bool, Hashable], list[int]] = defaultdict(list)
    for edge, (left, right) in enumerate(edges):
        around[False, left].append(edge)
        around[True, right].append(edge)
    nodes = list(around)
    random.shuffle(nodes)
    for node in nodes:
        random.shuffle(around[node])
    degree = {node: len(around[node]) for node in nodes}
    half: dict[int, bool] = {}

    def walk(node: tuple[bool, Hashable]) -> None:
        while degree[node]:
            edge = around[node].pop()
            if edge in half:
                continue
            half[edge] = node[0]
            degree[node] -= 1
            node = (False, edges[edge][0]) if node[0] else (True, edges[edge][1])
            degree[node] -= 1

    for node in nodes:
        if degree[node] % 2:
            walk(node)
    for node in nodes:
        walk(node)
    return [half[edge] for edge in range(len(edges))]
