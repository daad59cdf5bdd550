"""Which sources are shown together where there are too many to show all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb
from random import Random

import numpy as np

from annotations.design.items import DesignError, shuffled

Group = tuple[int, ...]
MOST_GROUPS = 20_000


def balanced_groups(
    sources: Sequence[int], size: int, stimuli: Iterable[int], seed: int, per_stimulus: int = 1
) -> dict[int, list[Group]]:
    """Stimulus -> its groups of `size` sources: each two sources meet equally often, and each
    source is shown equally often, as far as numbers allow.

    The next group is the one whose pairs have met least, then the one whose sources were shown
    least. A stimulus gets no group twice. Raises DesignError.
    """
    pool = sorted(set(sources))
    check_size(len(pool), size, per_stimulus)
    random = Random(f"{seed}:groups:{size}")  # noqa: S311
    groups = np.array(shuffled(combinations(range(len(pool)), size), random), dtype=np.int64)
    inner = np.array(list(combinations(range(size), 2)), dtype=np.int64).reshape(-1, 2)
    met = np.zeros((len(pool), len(pool)), dtype=np.int64)
    shown = np.zeros(len(pool), dtype=np.int64)
    found: dict[int, list[Group]] = {}
    for stimulus in shuffled(sorted(set(stimuli)), random):
        taken: list[int] = []
        for _ in range(per_stimulus):
            pairs = met[groups[:, inner[:, 0]], groups[:, inner[:, 1]]].sum(axis=1)
            cost = pairs * (2 * size) + shown[groups].sum(axis=1) * 2
            cost[taken] = np.iinfo(np.int64).max
            # Lots, and not the first of the cheapest: no group follows another by rule.
            best = random.choice(np.flatnonzero(cost == cost.min()).tolist())
            taken.append(best)
            group = groups[best]
            shown[group] += 1
            met[group[inner[:, 0]], group[inner[:, 1]]] += 1
        found[stimulus] = [tuple(pool[i] for i in groups[number].tolist()) for number in taken]
    return dict(sorted(found.items()))


def check_size(sources: int, size: int, per_stimulus: int) -> None:
    if not 1 <= size <= sources:
        raise DesignError(
            f"Groups of {size} cannot be made of {sources} models: choose a size from 1 to "
            f"{sources}."
        )
    if comb(sources, size) > MOST_GROUPS:
        raise DesignError(
            f"{sources} models make {comb(sources, size):,} different groups of {size}: compare "
            "fewer models, or smaller groups."
        )
    if not 1 <= per_stimulus <= comb(sources, size):
        raise DesignError(
            f"{sources} models make {comb(sources, size):,} groups of {size}, so a client turn "
            f"cannot have {per_stimulus} different ones."
        )
