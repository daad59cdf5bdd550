"""Which unopened items go from raters with much to do to those who have little."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from annotations.design import shift_to_newcomers
from annotations.models import Study
from annotations.selectors.work import bundles_held, had_items, parts_by_pk, places_of_items

Unopened = Mapping[int, Sequence[tuple[int, UUID]]]
"""Rater -> (item, assignment), in his order."""
Bundle = list[tuple[int, UUID]]


def planned_shift(
    study: Study, donors: Unopened, loads: Mapping[int, int], to: Sequence[int]
) -> dict[UUID, int]:
    """Assignment -> its new rater, so that what these have to do comes close to the others'."""
    load, planned = dict(loads), dict[UUID, int]()
    had = defaultdict(set, had_items(to, {item for rows in donors.values() for item, _ in rows}))
    for size, bundles in bundles_by_size(study, donors):
        unstarted: dict[int, list[int]] = defaultdict(list)
        for rater, key in bundles:
            unstarted[rater].append(key)
        items = {key: [item for item, _ in bundle] for (_, key), bundle in bundles.items()}
        seen = {
            pk: {key for key, those in items.items() if had[pk].intersection(those)} for pk in to
        }
        scaled = {rater: count // size for rater, count in load.items()}
        shifted = shift_to_newcomers(unstarted, scaled, to, study.seed, seen)
        for (rater, key), newcomer in shifted.items():
            planned |= {pk: newcomer for _, pk in bundles[rater, key]}
            had[newcomer].update(items[key])
            load[rater] -= size
            load[newcomer] += size
    return planned


def bundles_by_size(
    study: Study, donors: Unopened
) -> list[tuple[int, dict[tuple[int, int], Bundle]]]:
    """The largest first: (rater, number of the item or client turn) -> what moves together.

    Where all responses to a client turn have the same raters, they move only if the rater has
    looked at none of them.
    """
    same = {pk for pk, part in parts_by_pk(study).items() if part.same_raters}
    where = places_of_items({item for rows in donors.values() for item, _ in rows})
    numbers: dict[tuple[int, ...], int] = {}
    bundles: dict[tuple[int, int], Bundle] = defaultdict(list)
    turn_of: dict[tuple[int, int], tuple[int, int, int]] = {}
    for rater, rows in donors.items():
        for item, pk in rows:
            part, stimulus = where[item]
            what = (part, stimulus) if part in same else (item,)
            key = rater, numbers.setdefault(what, len(numbers))
            bundles[key].append((item, pk))
            if part in same:
                turn_of[key] = rater, part, stimulus
    whole = bundles_held(study, same)
    by_size: dict[int, dict[tuple[int, int], Bundle]] = defaultdict(dict)
    for key, bundle in bundles.items():
        if key not in turn_of or whole[turn_of[key]] == len(bundle):
            by_size[len(bundle)][key] = bundle
    return [(size, by_size[size]) for size in sorted(by_size, reverse=True)]


def taken_from_others(
    study: Study, donors: Unopened, loads: Mapping[int, int], to: int, count: int
) -> dict[UUID, int]:
    """Assignment -> `to`: at most `count`, each from whoever then has the most, his last ones."""
    had = had_items([to], {item for rows in donors.values() for item, _ in rows}).get(to, set())
    left = {rater: list(rows) for rater, rows in donors.items()}
    most = [(-loads.get(rater, 0), rater) for rater in left]
    heapq.heapify(most)
    planned: dict[UUID, int] = {}
    while most and len(planned) < count:
        load, rater = heapq.heappop(most)
        found = last_not_in(left[rater], had)
        if found is None:
            continue
        item, pk = found
        had.add(item)
        planned[pk] = to
        heapq.heappush(most, (load + 1, rater))
    return planned


def last_not_in(rows: Bundle, had: Collection[int]) -> tuple[int, UUID] | None:
    while rows:
        item, pk = rows.pop()
        if item not in had:
            return item, pk
    return None
