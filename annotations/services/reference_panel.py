"""Makes and changes a draft's reference panel: items with the answers of a panel, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from annotations.models import Candidate, Item, ReferenceAnswer, StudyPart, StudyRater
from annotations.selectors.panel_sources import Consensus, SourceItem, consensus_of
from annotations.services.panel_files import read_rows
from annotations.services.panel_reading import read_items
from annotations.services.study_drafts import lock_draft
from inference.errors import InvalidOptionsError, NothingSelectedError, UnknownNameError

Pool = Item.Pool
SOURCE_LENGTH = 200


@dataclass(frozen=True)
class PanelItem:
    """To be stored. Answers by criterion; the overall question has none."""

    stimulus: int
    responses: tuple[int, ...]
    pool: str
    answers: Mapping[int | None, Mapping[str, Any]]
    """Fields of a ReferenceAnswer, with a response id as `preferred`."""
    content_note: str = ""


@dataclass
class PanelAdded:
    items: int = 0
    answers: int = 0
    replaced: int = 0
    """Items that were in the panel before and have the new answers now."""
    left: list[str] = field(default_factory=list)
    """What was left out, in words."""


@transaction.atomic
def add_panel_from_file(
    *, part: StudyPart, name: str, content: bytes, pool: str = Pool.REFERENCE
) -> PanelAdded:
    """Raises PanelFileError, and takes nothing, where any row is wrong."""
    part.study = lock_draft(part.study)
    found = read_items(part, read_rows(name, content), pool)
    items = [PanelItem(i.stimulus, i.responses, i.pool, i.answers) for i in found.items]
    added = store(part, items, f"File {name}")
    if found.unanswered:
        added.left.append(f"{found.unanswered} rows without an answer")
    return added


@transaction.atomic
def add_panel_from_study(
    *,
    part: StudyPart,
    source: StudyPart,
    raters: Collection[StudyRater],
    tolerance: int = 0,
    pool: str = Pool.REFERENCE,
) -> PanelAdded:
    """Items on which the chosen raters agree, with what they agree on as the reference answer."""
    part.study = lock_draft(part.study)
    check_source(part, source, raters)
    found = consensus_of(source, raters, tolerance)
    if not found.items:
        raise NothingSelectedError(
            "There is no item on which these raters agree within the tolerance. Choose other "
            "raters, or allow a larger difference."
        )
    known = panel_keys(part)
    fresh = [item for item in found.items if frozenset(item.responses) not in known]
    names = ", ".join(sorted(rater.pseudonym for rater in raters))
    origin = f"Study {source.study.name}, {names}"
    added = store(part, [panel_item(item, pool) for item in fresh], origin)
    added.left = left_out(found, len(found.items) - len(fresh))
    return added


def panel_item(item: SourceItem, pool: str) -> PanelItem:
    return PanelItem(item.stimulus, item.responses, pool, item.answers, item.content_note)


def left_out(found: Consensus, present: int) -> list[str]:
    said = [
        (found.disagreed, "on which they differ by more"),
        (found.too_few, "that fewer than two of them answered in full"),
        (present, "that the panel has already"),
    ]
    return [f"{n} item{'s' if n > 1 else ''} {words}" for n, words in said if n]


def check_source(part: StudyPart, source: StudyPart, raters: Collection[StudyRater]) -> None:
    if source.study.team_id != part.study.team_id:
        raise UnknownNameError("That study belongs to another team.")
    if source.study.state != source.study.State.CLOSED:
        raise InvalidOptionsError(
            "A panel is taken from a closed study, whose answers no longer change. Close it first."
        )
    if comparable(source) != comparable(part):
        raise InvalidOptionsError(
            "That part asks something else. A panel can be taken from a part with the same "
            "instrument, in the same version, and the same design."
        )
    if len({rater.pk for rater in raters}) < 2:
        raise InvalidOptionsError("A panel has at least two raters: choose those who agree.")
    if any(rater.study_id != source.study_id for rater in raters):
        raise UnknownNameError("One of these raters took no part in that study.")


def comparable(part: StudyPart) -> tuple[object, ...]:
    pairwise = part.design == StudyPart.Design.PAIRWISE
    return (
        *(part.instrument_id, part.design, part.unit),
        part.with_strength if pairwise else None,
        part.with_overall if part.design != StudyPart.Design.ABSOLUTE else None,
    )


def store(part: StudyPart, items: Sequence[PanelItem], source: str) -> PanelAdded:
    known = panel_keys(part)
    added = PanelAdded()
    last: int | None = part.items.aggregate(last=Max("position"))["last"]
    position = last or 0
    for wanted in items:
        pk = known.get(frozenset(wanted.responses))
        if pk is None:
            position += 1
            row = Item.objects.create(
                part=part,
                pool=wanted.pool,
                position=position,
                stimulus_id=wanted.stimulus,
                content_note=wanted.content_note,
            )
            Candidate.objects.bulk_create(
                Candidate(item=row, response_id=response) for response in wanted.responses
            )
            pk = row.pk
            added.items += 1
        else:
            Item.objects.filter(pk=pk).update(pool=wanted.pool)
            ReferenceAnswer.objects.filter(item=pk).delete()
            added.replaced += 1
        added.answers += len(wanted.answers)
        store_answers(pk, wanted.answers, source[:SOURCE_LENGTH])
    return added


def store_answers(item: int, answers: Mapping[int | None, Mapping[str, Any]], source: str) -> None:
    by_response = dict(Candidate.objects.filter(item=item).values_list("response", "pk"))
    rows = []
    for criterion, said in answers.items():
        preferred = said.get("preferred")
        rows.append(
            ReferenceAnswer(
                item_id=item,
                criterion_id=criterion,
                score=said.get("score"),
                content=said.get("content"),
                preferred_id=None if preferred is None else by_response[preferred],
                strength=said.get("strength"),
                ranks=said.get("ranks"),
                explanation=said.get("explanation", ""),
                source=source,
            )
        )
    ReferenceAnswer.objects.bulk_create(rows)


def panel_keys(part: StudyPart) -> dict[frozenset[int], int]:
    """Responses of each item of the panel -> the item."""
    responses: dict[int, set[int]] = {}
    panel = Candidate.objects.filter(item__part=part).exclude(item__pool=Pool.STUDY)
    for item, response in panel.values_list("item", "response"):
        responses.setdefault(item, set()).add(response)
    return {frozenset(some): item for item, some in responses.items()}


@transaction.atomic
def remove_panel_items(*, part: StudyPart, items: Iterable[int] | None = None) -> int:
    """All of them, or these."""
    lock_draft(part.study)
    panel = part.items.exclude(pool=Pool.STUDY)
    chosen = panel if items is None else panel.filter(pk__in=items)
    count = chosen.count()
    chosen.delete()
    return count


@transaction.atomic
def mark_for_training(*, part: StudyPart, count: int) -> None:
    """So many by seed, those with an explanation first; the others are for qualification."""
    study = lock_draft(part.study)
    explained = ReferenceAnswer.objects.filter(item=OuterRef("pk")).exclude(explanation="")
    rows = part.items.exclude(pool=Pool.STUDY).annotate(explained=Exists(explained))
    items = list(rows.order_by("position").values_list("pk", "explained"))
    if not 0 <= count <= len(items):
        raise InvalidOptionsError(
            f"The panel has {len(items)} items: mark from 0 to {len(items)} of them for training."
        )
    Random(f"{study.seed}:training:{part.position}").shuffle(items)  # noqa: S311
    items.sort(key=lambda row: not row[1])
    chosen = [pk for pk, _ in items[:count]]
    part.items.filter(pk__in=chosen).update(pool=Pool.TRAINING)
    part.items.exclude(pool=Pool.STUDY).exclude(pk__in=chosen).update(pool=Pool.REFERENCE)


@transaction.atomic
def set_pool(*, part: StudyPart, item: int, pool: str) -> None:
    lock_draft(part.study)
    if pool not in (Pool.TRAINING, Pool.REFERENCE):
        raise InvalidOptionsError("An item of the panel serves training or qualification.")
    part.items.exclude(pool=Pool.STUDY).filter(pk=item).update(pool=pool)
