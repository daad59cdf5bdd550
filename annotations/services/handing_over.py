"""Open places become assignments of their new raters, at the end of what these have to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from annotations.design import DesignItem, counterbalance_order, order_items, rebalance
from annotations.models import Assignment, Candidate, Study, StudyPart, StudyRater
from annotations.selectors.planned_study import criteria_orders as planned_criteria_orders
from annotations.selectors.work import (
    OpenSlot,
    criteria_orders_of,
    had_items,
    last_positions,
    parts_by_pk,
)

Slot = tuple[int, int]
Bundle = list[OpenSlot]
"""Places that go to one rater together."""


def takers_for(
    study: Study, places: Sequence[OpenSlot], loads: Mapping[int, int]
) -> tuple[dict[Slot, int], list[OpenSlot]]:
    """(item, slot) -> its new rater, and the places for which nobody is left who has not had the
    item. `loads`: rater -> what he has still to do."""
    had = defaultdict(set, had_items(loads, {place.item for place in places}))
    load, taken, left = dict(loads), dict[Slot, int](), list[OpenSlot]()
    for bundles in bundles_by_size(places, together(parts_by_pk(study))):
        size = len(next(iter(bundles.values())))
        items = {key: [place.item for place in bundle] for (key, _), bundle in bundles.items()}
        blocked = {
            rater: {key for key, those in items.items() if had[rater].intersection(those)}
            for rater in load
        }
        free = takeable(bundles, blocked)
        left += [place for slot, bundle in bundles.items() if slot not in free for place in bundle]
        scaled = {rater: count // size for rater, count in load.items()}
        dealt = rebalance(free, sorted(load), blocked, scaled, study.seed) if free else {}
        for slot, rater in dealt.items():
            taken |= {(place.item, place.slot): rater for place in bundles[slot]}
            had[rater].update(place.item for place in bundles[slot])
            load[rater] += size
    return taken, left


def together(parts: Mapping[int, StudyPart]) -> set[int]:
    """Parts in which all responses to one client turn have the same raters."""
    return {pk for pk, part in parts.items() if part.same_raters}


def bundles_by_size(
    places: Iterable[OpenSlot], same_raters: Collection[int]
) -> list[dict[Slot, Bundle]]:
    """Bundles of equal size, the largest first; each has the number of its item or client turn,
    and which of its places for raters it is."""
    numbers: dict[tuple[int, ...], int] = {}
    nth: Counter[int] = Counter()
    bundles: dict[Slot, Bundle] = defaultdict(list)
    for place in places:
        what = (place.part, place.stimulus) if place.part in same_raters else (place.item,)
        number = numbers.setdefault(what, len(numbers))
        bundles[number, nth[place.item]].append(place)
        nth[place.item] += 1
    by_size: dict[int, dict[Slot, Bundle]] = defaultdict(dict)
    for slot, bundle in bundles.items():
        by_size[len(bundle)][slot] = bundle
    return [by_size[size] for size in sorted(by_size, reverse=True)]


def takeable(bundles: Mapping[Slot, Bundle], blocked: Mapping[int, Collection[int]]) -> list[Slot]:
    """Of each item no more places than there are raters who have not had it."""
    barred = Counter(key for keys in blocked.values() for key in keys)
    given: Counter[int] = Counter()
    free = []
    for slot in sorted(bundles):
        if given[slot[0]] < len(blocked) - barred[slot[0]]:
            given[slot[0]] += 1
            free.append(slot)
    return free


def give_items(
    study: Study, taken: Mapping[Slot, int], role: Assignment.Role = Assignment.Role.INDEPENDENT
) -> list[Assignment]:
    """(item, slot) -> its rater; only independent answers have a slot. Their raters' rows stay
    locked, so that no two give out the same position."""
    raters = StudyRater.objects.filter(pk__in=set(taken.values())).order_by("pk")
    receiving = list(raters.select_for_update(no_key=True))
    parts, shown = parts_by_pk(study), design_items(key for key, _ in taken)
    orders = criteria_orders_of(study, [rater.pk for rater in receiving])
    last = last_positions(rater.pk for rater in receiving)
    work: dict[int, dict[int, int]] = defaultdict(dict)
    for (item, slot), rater_pk in taken.items():
        work[rater_pk][item] = slot
    made = []
    for rater in receiving:
        start, place = last.get(rater.pk, 0), place_number(rater)
        seed = study.seed + start
        keys = order_items([shown[item][0] for item in work[rater.pk]], seed, place)
        order = counterbalance_order([shown[item][0].sources for item in keys], seed, place)
        for position, (item, sources) in enumerate(zip(keys, order, strict=True), start + 1):
            part = parts[shown[item][2]]
            made.append(
                Assignment(
                    item_id=item,
                    rater=rater,
                    role=role,
                    position=position,
                    slot=work[rater.pk][item] if role == Assignment.Role.INDEPENDENT else None,
                    display_order=[shown[item][1][source] for source in sources],
                    criteria_order=orders.get((rater.pk, part.pk))
                    or new_criteria_order(study, part, place),
                )
            )
    return Assignment.objects.bulk_create(made, batch_size=1000)


def design_items(items: Iterable[int]) -> dict[int, tuple[DesignItem, dict[int, int], int]]:
    """Item -> as the design sees it, the response of each source, and its part."""
    rows = Candidate.objects.filter(item__in=set(items)).order_by("pk")
    found: dict[int, tuple[int, int, dict[int, int]]] = {}
    for item, part, stimulus, response, run in rows.values_list(
        "item_id", "item__part_id", "item__stimulus_id", "response_id", "response__run_id"
    ):
        found.setdefault(item, (part, stimulus, {}))[2][run] = response
    return {
        item: (DesignItem(item, stimulus, tuple(sources)), sources, part)
        for item, (part, stimulus, sources) in found.items()
    }


def place_number(rater: StudyRater) -> int:
    """Of "R07" 6: neighbours in number get mirrored orders."""
    digits = "".join(sign for sign in rater.pseudonym if sign.isdecimal())
    return int(digits or 1) - 1


def new_criteria_order(study: Study, part: StudyPart, place: int) -> list[str]:
    """Empty where the study does not rotate them."""
    if not study.rotate_criteria:
        return []
    return planned_criteria_orders(part, place + 1, study.seed)[place]
