"""Who has what still to do: what reassignment goes by, and what its pages say beforehand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from annotations.models import (
    Assignment,
    Gate,
    GateAttempt,
    Item,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.people import people_in

WORKING = timedelta(hours=24)
"""Whoever opened an item within this time may be at it: nobody takes it away."""
NEXT_KEPT = 2
"""Items that come next stay with a rater who works on: the page has fetched the first already."""
IDLE = (StudyRater.Stage.WITHDRAWN, StudyRater.Stage.NOT_QUALIFIED)

OPEN_SLOTS = """
SELECT item.id, item.part_id, item.stimulus_id, place
FROM annotations_item item
JOIN annotations_studypart part ON part.id = item.part_id
CROSS JOIN generate_series(1, %s) place
LEFT JOIN annotations_assignment held
  ON held.item_id = item.id AND held.slot = place AND held.role = 'independent'
WHERE part.study_id = %s AND item.pool = 'study' AND held.id IS NULL
ORDER BY item.id, place
"""


@dataclass(frozen=True)
class OpenSlot:
    """A place for an independent answer that nobody holds."""

    item: int
    part: int
    stimulus: int
    slot: int


@dataclass(frozen=True)
class RaterWork:
    """What a rater holds, counted for the page that asks before it is changed."""

    submitted: int
    skipped: int
    begun: int
    """Not submitted, but opened or answered in part."""
    untouched: int

    @property
    def open(self) -> int:
        return self.begun + self.untouched


def rater_in(study: Study, pk: int) -> StudyRater:
    """The study was reached through its team's access. Of judges there is another page."""
    rater = get_object_or_404(people_in(study).select_related("user"), pk=pk)
    rater.study = study
    return rater


def assignment_of(rater: StudyRater, pk: UUID) -> Assignment:
    rows = Assignment.objects.select_related("item__part")
    return get_object_or_404(rows, rater=rater, pk=pk, track=Assignment.Track.WORK)


def active_raters(study: Study) -> QuerySet[StudyRater]:
    """People who may get work: also those who have yet to qualify."""
    return people_in(study).exclude(stage__in=IDLE).order_by("pseudonym")


def open_slots(study: Study) -> list[OpenSlot]:
    with connection.cursor() as cursor:
        cursor.execute(OPEN_SLOTS, [study.overlap, study.pk])
        return [OpenSlot(*row) for row in cursor.fetchall()]


def open_work(study: Study) -> QuerySet[Assignment]:
    """What is still to be done of the study's own items; repeats and hidden items follow these."""
    return Assignment.objects.filter(
        rater__study=study,
        track=Assignment.Track.WORK,
        state=Assignment.State.ASSIGNED,
        role=Assignment.Role.INDEPENDENT,
    )


def loads(study: Study) -> dict[int, int]:
    """Rater -> items he has still to do."""
    counted = open_work(study).values_list("rater_id").annotate(n=Count("pk")).order_by()
    found: dict[int, int] = dict(counted)
    return {pk: found.get(pk, 0) for pk in active_raters(study).values_list("pk", flat=True)}


def had_items(raters: Iterable[int], items: Collection[int]) -> dict[int, set[int]]:
    """Rater -> which of these items he has or had in any role."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = Assignment.objects.filter(rater__in=raters, item__in=items)
    for rater, item in rows.values_list("rater_id", "item_id"):
        found[rater].add(item)
    return found


def unopened(study: Study, raters: Iterable[int]) -> dict[int, list[tuple[int, UUID]]]:
    """Rater -> (item, assignment) of what he has not looked at, without what comes next."""
    rows = open_work(study).filter(rater__in=raters, opened_at=None, saved_at=None)
    found: dict[int, list[tuple[int, UUID]]] = defaultdict(list)
    for rater, item, pk in rows.order_by("rater", "position").values_list(
        "rater_id", "item_id", "pk"
    ):
        found[rater].append((item, pk))
    return {rater: rows[NEXT_KEPT:] for rater, rows in found.items()}


def at_work(now: datetime) -> Q:
    return Q(opened_at__gt=now - WORKING) | Q(saved_at__gt=now - WORKING)


def takeable(rater: StudyRater) -> list[UUID]:
    """Open items that may go to somebody else although the rater goes on: not those he may be at,
    nor, if he was here lately, those that come next."""
    now = timezone.now()
    mine = open_work(rater.study).filter(rater=rater)
    free = mine.exclude(at_work(now)).order_by("position").values_list("pk", flat=True)
    lately = rater.assignments.filter(at_work(now)).exists()
    return list(free)[NEXT_KEPT if lately else 0 :]


def work_of(rater: StudyRater) -> RaterWork:
    states = Assignment.State
    waiting = Q(state=states.ASSIGNED)
    touched = waiting & (Q(opened_at__isnull=False) | Q(saved_at__isnull=False))
    rows = rater.assignments.filter(track=Assignment.Track.WORK, role=Assignment.Role.INDEPENDENT)
    return RaterWork(
        **rows.aggregate(
            submitted=Count("pk", filter=Q(state=states.SUBMITTED)),
            skipped=Count("pk", filter=Q(state=states.SKIPPED)),
            begun=Count("pk", filter=touched),
            untouched=Count("pk", filter=waiting & Q(opened_at=None, saved_at=None)),
        )
    )


def last_positions(raters: Iterable[int]) -> dict[int, int]:
    rows = Assignment.objects.filter(rater__in=raters, track=Assignment.Track.WORK, attempt=0)
    return dict(rows.values_list("rater_id").annotate(last=Max("position")).order_by())


def parts_by_pk(study: Study) -> dict[int, StudyPart]:
    return {part.pk: part for part in study.parts.select_related("instrument")}


def criteria_orders_of(study: Study, raters: Iterable[int]) -> dict[tuple[int, int], list[str]]:
    """(rater, part) -> the order of criteria that the rater has there, which does not change."""
    if not study.rotate_criteria:
        return {}
    rows = Assignment.objects.filter(rater__in=raters, track=Assignment.Track.WORK)
    rows = rows.exclude(criteria_order=[]).order_by("rater_id", "item__part_id", "position")
    orders = rows.distinct("rater_id", "item__part_id").values_list(
        "rater_id", "item__part_id", "criteria_order"
    )
    return {(rater, part): order for rater, part, order in orders}


def places_of_items(items: Collection[int]) -> dict[int, tuple[int, int]]:
    """Item -> its part and its client turn."""
    rows = Item.objects.filter(pk__in=items).values_list("pk", "part_id", "stimulus_id")
    return {pk: (part, stimulus) for pk, part, stimulus in rows}


def bundles_held(study: Study, parts: Collection[int]) -> Counter[tuple[int, int, int]]:
    """(rater, part, client turn) -> how many of its items the rater holds."""
    rows = Assignment.objects.filter(
        rater__study=study, item__part__in=parts, role=Assignment.Role.INDEPENDENT
    )
    counted = rows.values_list("rater_id", "item__part_id", "item__stimulus_id").order_by()
    return Counter({(r, p, s): n for r, p, s, n in counted.annotate(n=Count("pk"))})


def stage_for(rater: StudyRater) -> StudyRater.Stage:
    """Where somebody goes on who comes back."""
    rules = Gate.objects.filter(part__study=rater.study_id)
    gates = rules.filter(items__gt=0)
    passed = GateAttempt.objects.filter(rater=rater, passed=True).values("gate").distinct()
    if gates.count() > passed.count():
        return StudyRater.Stage.GATE if rater.attempt else StudyRater.Stage.TRAINING
    waiting = rater.assignments.filter(
        track=Assignment.Track.TRAINING, state=Assignment.State.ASSIGNED
    )
    return StudyRater.Stage.TRAINING if waiting.exists() else StudyRater.Stage.RATING


@dataclass(frozen=True)
class BeforeAct:
    """What the page says in numbers before work changes hands."""

    work: RaterWork
    takeable: int
    """Open items that may go to others although the rater stays."""
    others: int
    """Raters who could take them."""
    returning: int
    """Of one who has left: items whose places are free still."""

    @property
    def each(self) -> float:
        """Items more for each of the others, on average."""
        return self.work.open / self.others if self.others else 0.0

    @property
    def takeable_each(self) -> float:
        return self.takeable / self.others if self.others else 0.0


def before_act(rater: StudyRater) -> BeforeAct:
    free = {place.item for place in open_slots(rater.study)}
    released = rater.assignments.filter(
        role=Assignment.Role.RELEASED, state=Assignment.State.ASSIGNED, attempt=0
    )
    return BeforeAct(
        work_of(rater),
        len(takeable(rater)),
        active_raters(rater.study).exclude(pk=rater.pk).count(),
        len(free.intersection(released.values_list("item_id", flat=True))),
    )


@dataclass(frozen=True)
class BeforeSharing:
    free: int
    """Places that nobody holds."""
    raters: int
    newcomers: int
    """Raters who never had anything to do."""
    movable: int
    """Items that nobody has looked at, and that are not the next of anybody."""


def before_sharing(study: Study) -> BeforeSharing:
    load = loads(study)
    new = set(never_worked(study))
    return BeforeSharing(
        len(open_slots(study)),
        len(load),
        len(new),
        sum(map(len, unopened(study, set(load) - new).values())),
    )


def never_worked(study: Study) -> list[int]:
    """Active raters without any work yet."""
    worked = Assignment.objects.filter(rater__study=study, track=Assignment.Track.WORK)
    return list(
        active_raters(study).exclude(pk__in=worked.values("rater")).values_list("pk", flat=True)
    )


def items_of(rater: StudyRater) -> QuerySet[Assignment]:
    """In his order; with what was taken away or counts no more."""
    rows = rater.assignments.filter(track=Assignment.Track.WORK).select_related("item__part")
    return rows.order_by("attempt", "position")
