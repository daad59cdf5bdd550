"""What comes between a rater's own items: some of them again, and hidden reference items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from annotations.design.items import DesignError, shuffled

Role = Literal["independent", "repeat", "reference"]


@dataclass(frozen=True)
class Planned:
    key: int
    role: Role = "independent"


def place_repeats(
    order: Sequence[int | Planned], share: float, seed: int, rater: int, gap: int = 20
) -> list[Planned]:
    """The order with a share of its independent items coming again, for self-consistency.

    Between an item and its repeat lie at least `gap` others, and never none. Repeats are spread
    over all places where that can be kept, the end included; where there are fewer such places
    than repeats asked for, each gets one. Raises DesignError.
    """
    if not 0 <= share <= 1:
        raise DesignError(f"The share of items that come again lies from 0 to 1, not at {share:g}.")
    if gap < 0:
        raise DesignError(f"The distance of a repeat is 0 items or more, not {gap}.")
    planned = as_planned(order)
    random = Random(f"{seed}:repeats:{rater}")  # noqa: S311
    own = [place for place, entry in enumerate(planned) if entry.role == "independent"]
    # A repeat after place p can be of any item at p - gap or before.
    apart = max(gap, 1)
    places = [place for place in range(len(planned)) if own and place - apart >= own[0]]
    count = min(round(share * len(own)), len(places))
    after: dict[int, int] = {}
    waiting = set(own)
    for place in spread(places, count, random):
        free = sorted(one for one in waiting if one <= place - apart)
        if not free:
            continue
        chosen = random.choice(free)
        waiting.remove(chosen)
        after[place] = planned[chosen].key
    return merged(planned, {place: Planned(key, "repeat") for place, key in after.items()})


def place_reference(
    order: Sequence[int | Planned],
    reference_items: Sequence[int],
    rate: float,
    seed: int,
    rater: int,
) -> list[Planned]:
    """The order with hidden items of the reference panel: `rate` of them per independent item.

    They are spread evenly, not regularly. No rater meets one twice, nor one that is in his order;
    over raters 0, 1, 2, ... each is used equally often. Where the panel has too few, each comes
    once. Raises DesignError.
    """
    if not 0 <= rate <= 1:
        raise DesignError(
            f"The rate of reference items lies from 0 to 1 for each own item, not at {rate:g}."
        )
    planned = as_planned(order)
    random = Random(f"{seed}:reference:{rater}")  # noqa: S311
    met = {entry.key for entry in planned}
    # One queue for all raters, in which each begins where the one before is likely to end.
    queue = shuffled(sorted(set(reference_items)), Random(f"{seed}:reference"))  # noqa: S311
    count = round(rate * sum(entry.role == "independent" for entry in planned))
    start = rater * count % len(queue) if queue else 0
    fresh = [key for key in queue[start:] + queue[:start] if key not in met]
    keys = shuffled(fresh[:count], random)
    places = spread(range(len(planned)), len(keys), random)
    return merged(
        planned,
        {place: Planned(key, "reference") for place, key in zip(places, keys, strict=True)},
    )


def as_planned(order: Sequence[int | Planned]) -> list[Planned]:
    return [entry if isinstance(entry, Planned) else Planned(entry) for entry in order]


def spread(places: Sequence[int], count: int, random: Random) -> list[int]:
    """`count` of the places, ascending: one in the middle half of each of as many stretches."""
    chosen = []
    for number in range(count):
        start, stop = (len(places) * edge // count for edge in (number, number + 1))
        margin = (stop - start) // 4
        chosen.append(places[random.randrange(start + margin, stop - margin)])
    return chosen


def merged(planned: Sequence[Planned], after: dict[int, Planned]) -> list[Planned]:
    result: list[Planned] = []
    for place, entry in enumerate(planned):
        result.append(entry)
        if place in after:
            result.append(after[place])
    return result
