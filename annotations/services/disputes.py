"""Items on which independent raters disagree: found when the last of them submits, and given to
further raters where the study says so. Nobody who rates is told."""

from __future__ import annotations

import json

from django.db import transaction
from django.utils import timezone

from annotations.disputes import has_majority, lies_apart, settled_choice, settled_score
from annotations.models import (
    Adjudication,
    Assignment,
    Criterion,
    Dispute,
    Item,
    StudyPart,
)
from annotations.selectors.asked import questions_in_part
from annotations.selectors.disputes import (
    ItemVotes,
    further_rater,
    is_answered_by_all,
    is_flagged,
    item_votes,
    waits_for_rater,
)
from annotations.services.handing_over import give_items

Role, Rule, Design = Assignment.Role, Dispute.Rule, StudyPart.Design
FURTHER_RATERS = 2
"""A third and a fourth."""


@transaction.atomic
def after_submit(assignment: Assignment) -> None:
    """Called within the submission. Until all independent answers are in there is no dispute."""
    if assignment.role not in (Role.INDEPENDENT, Role.ADJUDICATION):
        return
    # Two raters who submit the same item at once look at it one after the other.
    item = (
        Item.objects.select_for_update(of=("self",), no_key=True)
        .select_related("part__study", "part__instrument")
        .get(pk=assignment.item_id)
    )
    look_at(item)


@transaction.atomic
def after_flag(assignment: Assignment) -> None:
    part = assignment.item.part
    if part.dispute_flags and part.resolution != StudyPart.Resolution.NONE:
        items = Item.objects.select_for_update(of=("self",), no_key=True)
        look_at(items.select_related("part__study", "part__instrument").get(pk=assignment.item_id))


def look_at(item: Item) -> None:
    part = item.part
    flagged = part.dispute_flags and is_flagged(item)
    complete = is_answered_by_all(item, part.study.overlap)
    if not complete and not flagged:
        return
    votes = item_votes(item)
    if flagged:
        Dispute.objects.get_or_create(item=item, criterion=None, rule=Rule.FLAG)
    if complete:
        for criterion, rule, detail in disputes_in(part, votes):
            Dispute.objects.get_or_create(
                item=item, criterion=criterion, rule=rule, defaults={"detail": detail}
            )
    if part.resolution == StudyPart.Resolution.MORE_RATERS and complete:
        settle_by_votes(item, votes)
        ask_further_rater(item)


def disputes_in(part: StudyPart, votes: ItemVotes) -> list[tuple[Criterion | None, str, str]]:
    found: list[tuple[Criterion | None, str, str]] = []
    for criterion in questions_in_part(part, part.study).values():
        given = votes.independent.get(criterion.pk if criterion else None, [])
        name = criterion.name if criterion else "Overall"
        if is_scale(part, criterion):
            scores = [int(str(value)) for (value,) in given]
            if part.dispute_range is not None and lies_apart(scores, part.dispute_range):
                detail = f"{min(scores)} to {max(scores)} on {name}"
                found.append((criterion, Rule.RANGE, detail))
        elif part.dispute_disagreement and given and not has_majority(given):
            found.append((criterion, Rule.DISAGREEMENT, f"No majority on {name}"))
    return found


def is_scale(part: StudyPart, criterion: Criterion | None) -> bool:
    """Scores lie near each other or far apart; everything else is the same or another answer."""
    return (
        part.design == Design.ABSOLUTE
        and criterion is not None
        and criterion.kind == Criterion.Kind.SCORE
        and criterion.level != Criterion.Level.NOMINAL
    )


def settle_by_votes(item: Item, votes: ItemVotes) -> None:
    open_disputes = item.disputes.filter(settled_at=None).exclude(rule=Rule.FLAG)
    for dispute in open_disputes.select_related("criterion"):
        given = votes.everyone.get(dispute.criterion_id, [])
        if len(given) <= item.part.study.overlap:
            continue
        fields = settled_fields(item, dispute, given)
        if fields is not None:
            Adjudication.objects.create(
                item=item,
                criterion=dispute.criterion,
                method=Adjudication.Method.MAJORITY,
                reason=f"{len(given)} raters",
                **fields,
            )
            dispute.settled_at = timezone.now()
            dispute.save(update_fields=["settled_at"])


def settled_fields(
    item: Item, dispute: Dispute, given: list[tuple[object, ...]]
) -> dict[str, object] | None:
    part = item.part
    if is_scale(part, dispute.criterion):
        score = settled_score([int(str(value)) for (value,) in given], part.dispute_range or 1)
        return None if score is None else {"score": score, "candidate": item.candidates.get()}
    vote = settled_choice(given)
    if vote is None:
        return None
    (value,) = vote
    if part.design == Design.ABSOLUTE:
        return {"score": value, "candidate": item.candidates.get()}
    if part.design == Design.RANKING:
        return {"ranks": json.loads(str(value))}
    return {"preferred_id": value, "strength": 0 if value is None else 1}


def ask_further_rater(item: Item) -> Assignment | None:
    """At the end of somebody's list. None where nothing is open, somebody is at it, two were
    asked already, or nobody is left: then the item waits for a named person."""
    unsettled = item.disputes.filter(settled_at=None).exclude(rule=Rule.FLAG)
    further = item.assignments.filter(role=Role.ADJUDICATION)
    asked = further.exclude(state=Assignment.State.SKIPPED).count()
    if not unsettled.exists() or waits_for_rater(item) or asked >= FURTHER_RATERS:
        return None
    rater = further_rater(item)
    if rater is None:
        return None
    (given,) = give_items(item.part.study, {(item.pk, 0): rater.pk}, Role.ADJUDICATION)
    return given
