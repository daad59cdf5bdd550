"""In which order a rater sees his items, and what he can compare within himself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import comb
from random import Random

from annotations.design.items import DesignError, DesignItem, shuffled


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


def within_rater_pairs(given: Mapping[int, Iterable[int]], items: Iterable[DesignItem]) -> int:
    """Pairs of different responses to one stimulus that one rater sees, over all raters.

    These compare models without the raters' own severity. `given`: rater -> keys of items.
    """
    by_key = {item.key: item for item in items}
    pairs = 0
    for keys in given.values():
        met: dict[int, set[int]] = defaultdict(set)
        for key in keys:
            met[by_key[key].stimulus].update(by_key[key].sources)
        pairs += sum(comb(len(sources), 2) for sources in met.values())
    return pairs


def block_bounds(total: int, block_size: int) -> list[tuple[int, int]]:
    """(start, stop) of blocks of about equal length, as close to `block_size` as that allows.

    41 items in blocks of 20 are 21 + 20: nobody comes back for a block of one.
    Raises DesignError.
    """
    if block_size < 1:
        raise DesignError(f"A block holds at least 1 item, not {block_size}.")
    if total < 1:
        return []
    count = min(
        {max(1, total // block_size), -(-total // block_size)},
        key=lambda blocks: (abs(total - block_size * blocks) / blocks, -blocks),
    )
    bounds = [total * number // count for number in range(count + 1)]
    # The longer ones first: whoever tires meets the shorter blocks at the end.
    starts = [total - stop for stop in reversed(bounds)]
    return list(pairwise(starts))
