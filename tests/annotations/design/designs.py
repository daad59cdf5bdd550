"""Small designs to deal out and count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from hypothesis import strategies as st

from annotations.design import DesignItem, assign_items, order_items

seeds = st.integers(0, 2**63 - 1)


def crossed(stimuli: int, sources: int, size: int = 1) -> list[DesignItem]:
    """Every group of `size` sources for every stimulus."""
    groups = [(s, group) for s in range(stimuli) for group in combinations(range(sources), size)]
    return [DesignItem(key, stimulus, group) for key, (stimulus, group) in enumerate(groups)]


def work_of(
    items: Sequence[DesignItem], raters: int, overlap: int, seed: int
) -> dict[int, list[DesignItem]]:
    """Rater -> his items in the order he sees them."""
    by_key = {item.key: item for item in items}
    given = assign_items(items, range(raters), overlap, seed)
    return {
        rater: [by_key[key] for key in order_items([by_key[k] for k in keys], seed, rater)]
        for rater, keys in given.items()
    }


def raters_per_item(given: Mapping[int, Iterable[int]]) -> Counter[int]:
    return Counter(key for keys in given.values() for key in keys)


def spread_of(counts: Iterable[int]) -> int:
    numbers = list(counts)
    return max(numbers) - min(numbers) if numbers else 0
