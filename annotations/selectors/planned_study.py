"""The design that a launch would freeze: who judges what, in which order, on which side.

Nothing is written here. The design report shows the very design that the launch then stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from annotations.design import (
    DesignItem,
    Planned,
    assign_items,
    balanced_groups,
    counterbalance_study,
    order_items,
    place_reference,
    place_repeats,
)
from annotations.design.sequence import Role
from annotations.models import Candidate, Criterion, Item, Study, StudyPart
from annotations.selectors.gate_rules import reference_stimuli
from annotations.selectors.study_material import Material, Reply, material_for

EXTRA_SEED = 10_000
"""Added where the sides of repeats and reference items are drawn, apart from those of the study."""


@dataclass(frozen=True)
class PartItem:
    key: int
    """Counts through the study, from 0; of a part the reference items come last."""
    replies: tuple[Reply, ...]
    reference: int | None = None
    """The item of the reference panel that exists already."""

    @property
    def stimulus(self) -> int:
        return self.replies[0].stimulus


@dataclass(frozen=True)
class Step:
    """One item in a rater's work."""

    item: int
    """Key of the PartItem."""
    role: Role
    order: tuple[Reply, ...]
    """As shown: the first is "A"."""


@dataclass(frozen=True)
class PartPlan:
    part: StudyPart
    items: Sequence[PartItem]
    work: Mapping[int, Sequence[Step]]
    """Place of the rater -> the rater's items of this part, in order."""


def plan_study(study: Study, raters: int) -> list[PartPlan]:
    """`raters`: how many there are; they stand in the design by their place, from 0.

    Raises DomainError where nothing can be designed.
    """
    parts = list(study.parts.select_related("gate", "instrument").order_by("position"))
    reserved = reference_stimuli(study)
    material = {unit: material_for(study, unit, reserved) for unit in {p.unit for p in parts}}
    loads = dict.fromkeys(range(raters), 0)
    planned, key = [], 0
    for part in parts:
        items = own_items(study, part, material[part.unit], key)
        planned.append(plan_part(study, part, items, loads))
        key += len(planned[-1].items)
    return planned


def plan_part(
    study: Study, part: StudyPart, items: Sequence[PartItem], loads: dict[int, int]
) -> PartPlan:
    """`loads` counts each rater's own items so far, and is carried on."""
    seed = study.seed + part.position
    reference = reference_items(part, items[-1].key + 1)
    by_key = {item.key: design_item(item) for item in (*items, *reference)}
    given = assign_items(
        [by_key[item.key] for item in items],
        list(loads),
        study.overlap,
        seed,
        loads,
        same_raters=part.same_raters,
    )
    hidden = part.gate.hidden_share if reference and hasattr(part, "gate") else 0.0
    panel = [item.key for item in reference] if hidden else []
    sequence: dict[int, list[Planned]] = {}
    for place, keys in given.items():
        loads[place] += len(keys)
        order = order_items([by_key[key] for key in keys], seed, place)
        again = place_repeats(order, study.repeat_share, seed, place, gap=study.block_size)
        sequence[place] = place_reference(again, panel, hidden, seed, place)
    shown = sides(sequence, by_key, seed)
    both = (*items, *reference)
    return PartPlan(part, both, with_replies(sequence, shown, both))


def with_replies(
    sequence: Mapping[int, Sequence[Planned]],
    shown: Mapping[int, Mapping[tuple[int, str], tuple[int, ...]]],
    items: Iterable[PartItem],
) -> dict[int, list[Step]]:
    replies = {item.key: {reply.run: reply for reply in item.replies} for item in items}
    return {
        place: [
            Step(
                step.key,
                step.role,
                tuple(replies[step.key][run] for run in shown[place][step.key, step.role]),
            )
            for step in steps
        ]
        for place, steps in sequence.items()
    }


def sides(
    sequence: Mapping[int, Sequence[Planned]], by_key: Mapping[int, DesignItem], seed: int
) -> dict[int, dict[tuple[int, str], tuple[int, ...]]]:
    """Per rater and (item, role) the runs in the order shown. What comes besides the study's own
    items is counterbalanced on its own, and changes nothing about these."""
    found: dict[int, dict[tuple[int, str], tuple[int, ...]]] = {place: {} for place in sequence}
    for own, number in ((True, seed), (False, seed + EXTRA_SEED)):
        steps = {
            place: [step for step in planned if (step.role == "independent") == own]
            for place, planned in sequence.items()
        }
        items = {place: [by_key[step.key] for step in some] for place, some in steps.items()}
        for place, orders in counterbalance_study(items, number).items():
            for step, order in zip(steps[place], orders, strict=True):
                found[place][step.key, step.role] = order
    return found


def design_item(item: PartItem) -> DesignItem:
    return DesignItem(item.key, item.stimulus, tuple(reply.run for reply in item.replies))


def own_items(study: Study, part: StudyPart, material: Material, first_key: int) -> list[PartItem]:
    groups = candidate_groups(part, material, study.seed + part.position)
    return [PartItem(key, tuple(group)) for key, group in enumerate(groups, start=first_key)]


def candidate_groups(part: StudyPart, material: Material, seed: int) -> Iterable[Sequence[Reply]]:
    """What is shown at once: one reply for scores, each two for a choice; of the best and of
    rankings all, or evenly crossed groups of as many as the part says."""
    if part.design == StudyPart.Design.ABSOLUTE:
        return [(reply,) for replies in material.values() for reply in replies]
    if part.design == StudyPart.Design.PAIRWISE:
        return [pair for replies in material.values() for pair in combinations(replies, 2)]
    runs = [reply.run for reply in next(iter(material.values()), ())]
    if not part.candidates or part.candidates >= len(runs):
        return list(material.values())
    chosen = balanced_groups(runs, part.candidates, material, seed)
    return [
        [reply for reply in replies if reply.run in group]
        for key, replies in material.items()
        for group in chosen[key]
    ]


def reference_items(part: StudyPart, first_key: int) -> list[PartItem]:
    """The panel's items that may come unannounced among a rater's work."""
    rows = (
        Candidate.objects.filter(item__part=part, item__pool=Item.Pool.REFERENCE)
        .order_by("item__position", "response_id")
        .values_list("item_id", "response_id", "response__run_id", "response__stimulus_id")
    )
    replies: dict[int, list[Reply]] = {}
    for item, *row in rows:
        replies.setdefault(item, []).append(Reply(*row))
    return [
        PartItem(key, tuple(some), reference=item)
        for key, (item, some) in enumerate(replies.items(), start=first_key)
    ]


def criteria_orders(part: StudyPart, raters: int, seed: int) -> list[list[str]]:
    """Per rater the criteria from another starting place; each place equally often.

    A follow-up stays behind the criterion it depends on.
    """
    groups = grouped_criteria(part.instrument.criteria.all())
    starts = [place % max(1, len(groups)) for place in range(raters)]
    Random(f"{seed}:criteria").shuffle(starts)  # noqa: S311
    return [
        [slug for group in (*groups[start:], *groups[:start]) for slug in group] for start in starts
    ]


def grouped_criteria(criteria: Iterable[Criterion]) -> list[list[str]]:
    groups: list[list[str]] = []
    group_of: dict[str, list[str]] = {}
    for criterion in criteria:
        group = group_of.get(criterion.only_if.get("criterion", ""))
        if group is None:
            group = []
            groups.append(group)
        group.append(criterion.slug)
        group_of[criterion.slug] = group
    return groups
