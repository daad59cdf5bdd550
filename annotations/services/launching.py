"""The launch: what was planned becomes items, candidates and assignments that never change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotations.models import (
    Amendment,
    Assignment,
    Candidate,
    Item,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.content_notes import find_in_turns, joined, notes_of
from annotations.selectors.launch_checks import launch_problems, raters_who_stay
from annotations.selectors.leaks import leak_advice
from annotations.selectors.planned_study import (
    PartItem,
    PartPlan,
    criteria_orders,
    plan_study,
)
from annotations.services.copying import copy_rows
from annotations.services.gates import open_training
from annotations.services.plans import freeze_plan
from annotations.services.study_drafts import lock_draft
from annotations.services.webhooks import Event, announce

BATCH = 2000


@transaction.atomic
def launch_study(study: Study, themes: Collection[str] | None = None) -> Study:
    """Freezes items, candidates and assignments; from here on the study is open for rating.

    `themes`: those that raters are told of before an item that mentions them; None: all themes.
    """
    study = lock_draft(study)
    problems = launch_problems(study)
    if problems:
        raise problems[0].error
    raters = list(raters_who_stay(study).order_by("pseudonym"))
    plans = plan_study(study, len(raters))
    done = [0] * len(raters)
    for plan in plans:
        items = make_items(plan, themes)
        orders = (
            criteria_orders(plan.part, len(raters), study.seed) if study.rotate_criteria else []
        )
        rows = assignments(plan, items, raters, done, orders)
        copy_rows(Assignment, rows)
    study.state = Study.State.OPEN
    note_leaks(study)
    study.launched_at = timezone.now()
    study.save(update_fields=["state", "launched_at"])
    freeze_plan(study)
    open_training(study)
    announce(Event.STUDY_LAUNCHED, study, raters=len(raters), assignments=sum(done))
    return study


def note_leaks(study: Study) -> None:
    """What was warned of stands in the study's history, with the launch."""
    said = list(leak_advice(study))
    if said:
        Amendment.objects.create(
            study=study, by=None, what="Launched in spite of a warning", reason=" ".join(said)
        )


def make_items(plan: PartPlan, themes: Collection[str] | None) -> dict[int, int]:
    """Key -> the item's row; those of the reference panel are there already."""
    own = [item for item in plan.items if item.reference is None]
    first = next_position(plan.part)
    panel = dict(plan.part.items.filter(content_note="").values_list("pk", "stimulus_id"))
    shown = {reply.stimulus for item in own for reply in item.replies}
    found = find_in_turns(shown | set(panel.values()), plan.part.unit)
    notes = notes_of(found, themes)
    rows = Item.objects.bulk_create(
        (
            Item(
                part=plan.part,
                position=position,
                stimulus_id=item.stimulus,
                content_note=joined(notes.get(reply.stimulus, "") for reply in item.replies),
            )
            for position, item in enumerate(own, start=first)
        ),
        batch_size=BATCH,
    )
    keys = {item.key: row.pk for item, row in zip(own, rows, strict=True)}
    Candidate.objects.bulk_create(candidates(own, keys), batch_size=BATCH)
    note_panel(panel, notes)
    return keys | {item.key: item.reference for item in plan.items if item.reference is not None}


def candidates(items: Iterable[PartItem], rows: Mapping[int, int]) -> Iterator[Candidate]:
    for item in items:
        for reply in item.replies:
            yield Candidate(item_id=rows[item.key], response_id=reply.pk)


def next_position(part: StudyPart) -> int:
    """Behind the items of the reference panel, which were made while the study was a draft."""
    last: int | None = part.items.aggregate(last=Max("position"))["last"]
    return 1 if last is None else last + 1


def note_panel(panel: Mapping[int, int], notes: Mapping[int, str]) -> None:
    """Of the panel's items without a note of their own: row -> client turn."""
    rows: dict[str, list[int]] = defaultdict(list)
    for item, stimulus in panel.items():
        if stimulus in notes:
            rows[notes[stimulus]].append(item)
    for note, keys in rows.items():
        Item.objects.filter(pk__in=keys).update(content_note=note)


def assignments(
    plan: PartPlan,
    items: Mapping[int, int],
    raters: Sequence[StudyRater],
    done: list[int],
    criteria: Sequence[Sequence[str]],
) -> Iterator[Assignment]:
    """`done` counts each rater's items so far, and is carried on to the next part."""
    slots: Counter[int] = Counter()
    for place, steps in plan.work.items():
        for step in steps:
            done[place] += 1
            independent = step.role == "independent"
            slots[step.item] += independent
            yield Assignment(
                item_id=items[step.item],
                rater=raters[place],
                position=done[place],
                slot=slots[step.item] if independent else None,
                role=step.role,
                display_order=[reply.pk for reply in step.order],
                criteria_order=list(criteria[place]) if criteria else [],
            )
