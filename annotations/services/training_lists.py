"""The items of training and of each attempt: drawn by seed, fresh where they can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from annotations.design import DesignItem, counterbalance_study
from annotations.models import (
    Assignment,
    Candidate,
    Gate,
    GateAttempt,
    Item,
    ReferenceAnswer,
    Study,
    StudyRater,
)

Pool, Role, Track = Item.Pool, Assignment.Role, Assignment.Track
SEEDS = {Track.TRAINING: 20_000, Track.GATE: 30_000}
"""Added to the study's seed, so that no two lists draw the same lots."""


@dataclass(frozen=True)
class Panel:
    """The panel's items of a study that have an answer, as the design sees them."""

    pools: Mapping[tuple[int, str], Sequence[int]]
    """(Part, pool) -> items in the panel's order."""
    design: Mapping[int, DesignItem]
    responses: Mapping[tuple[int, int], int]
    """(Item, run) -> response."""


def load_panel(study: Study) -> Panel:
    answered = ReferenceAnswer.objects.filter(item__part__study=study).values("item")
    rows = (
        Candidate.objects.filter(item__part__study=study, item__in=answered)
        .exclude(item__pool=Pool.STUDY)
        .order_by("item__position", "item", "response__run")
        .values_list(
            "item", "item__part", "item__pool", "item__stimulus", "response__run", "response"
        )
    )
    pools: dict[tuple[int, str], list[int]] = defaultdict(list)
    runs: dict[int, list[int]] = defaultdict(list)
    stimuli: dict[int, int] = {}
    responses: dict[tuple[int, int], int] = {}
    for item, part, pool, stimulus, run, response in rows:
        if item not in stimuli:
            pools[part, pool].append(item)
        stimuli[item], responses[item, run] = stimulus, response
        runs[item].append(run)
    design = {item: DesignItem(item, stimuli[item], tuple(runs[item])) for item in stimuli}
    return Panel(pools, design, responses)


def begin_training(
    study: Study, panel: Panel, gates: Sequence[Gate], raters: Sequence[StudyRater], attempt: int
) -> None:
    """`attempt`: the one that failed before, 0 at first. Items that a rater has not seen, or where
    there are none the same again, in the panel's order: it may lead from easy to hard."""
    seen = seen_items(raters)
    chosen: dict[int, list[int]] = {}
    for rater in raters:
        chosen[rater.pk] = []
        for gate in gates:
            pool = panel.pools.get((gate.part_id, Pool.TRAINING), ())
            fresh = [item for item in pool if item not in seen[rater.pk]]
            random = Random(f"{study.seed}:training:{gate.part_id}:{rater.pk}:{attempt}")  # noqa: S311
            among = fresh or list(pool)
            drawn = set(random.sample(among, min(gate.training_items, len(among))))
            chosen[rater.pk] += [item for item in pool if item in drawn]
    write_lists(study, panel, chosen, Track.TRAINING, attempt)


def begin_attempt(
    study: Study, panel: Panel, gates: Sequence[Gate], raters: Sequence[StudyRater], number: int
) -> None:
    """Fresh items for each rater and attempt; each gate counts its own attempts."""
    seen = seen_items(raters)
    chosen: dict[int, list[int]] = {}
    for rater in raters:
        chosen[rater.pk] = []
        for gate in gates:
            pool = panel.pools.get((gate.part_id, Pool.REFERENCE), ())
            random = Random(f"{study.seed}:gate:{gate.part_id}:{rater.pk}:{number}")  # noqa: S311
            order = random.sample(pool, len(pool))
            # The launch makes sure that there are enough fresh ones; they come first.
            order.sort(key=seen[rater.pk].__contains__)
            chosen[rater.pk] += order[: gate.items]
    GateAttempt.objects.bulk_create(
        GateAttempt(rater=rater, gate=gate, number=number) for rater in raters for gate in gates
    )
    write_lists(study, panel, chosen, Track.GATE, number)


def seen_items(raters: Sequence[StudyRater]) -> dict[int, set[int]]:
    """Also those hidden among work that is still to come."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = Assignment.objects.filter(rater__in=raters).exclude(item__pool=Pool.STUDY)
    for rater, item in rows.values_list("rater", "item"):
        found[rater].add(item)
    return found


def write_lists(
    study: Study,
    panel: Panel,
    chosen: Mapping[int, Sequence[int]],
    track: Assignment.Track,
    attempt: int,
) -> None:
    """One list per rater, counted from 1."""
    designed = {rater: [panel.design[item] for item in items] for rater, items in chosen.items()}
    orders = counterbalance_study(designed, study.seed + SEEDS[track] + attempt)
    part_of = {item: part for (part, _), items in panel.pools.items() for item in items}
    criteria = criteria_orders(study, chosen) if study.rotate_criteria else {}
    Assignment.objects.bulk_create(
        (
            Assignment(
                item_id=item,
                rater_id=rater,
                track=track,
                attempt=attempt,
                position=position,
                role=Role.TRAINING if track == Track.TRAINING else Role.GATE,
                display_order=[panel.responses[item, run] for run in order],
                criteria_order=criteria.get((rater, part_of[item]), []),
            )
            for rater, items in chosen.items()
            for position, (item, order) in enumerate(
                zip(items, orders[rater], strict=True), start=1
            )
        ),
        batch_size=2000,
    )


def criteria_orders(study: Study, raters: Iterable[int]) -> dict[tuple[int, int], list[str]]:
    """(Rater, part) -> the order of criteria in the rater's work: it is the same from the start."""
    work = Assignment.objects.filter(rater__in=raters, track=Track.WORK, item__part__study=study)
    rows = work.exclude(criteria_order=[]).order_by("rater", "item__part")
    return {
        (rater, part): order
        for rater, part, order in rows.distinct("rater", "item__part").values_list(
            "rater", "item__part", "criteria_order"
        )
    }
