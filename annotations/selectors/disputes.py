"""Answers to one item as votes, and the items that wait to be settled."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.shortcuts import get_object_or_404

from annotations.answers import Asked
from annotations.models import (
    Assignment,
    Dispute,
    Flag,
    Item,
    Preference,
    Rating,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.models.assignment import GONE
from annotations.selectors.asked import asked_of, questions_in_part

Role, State = Assignment.Role, Assignment.State
Vote = tuple[object, ...]
"""One value: a score or option, the preferred candidate (None: a tie), or an order as text."""


@dataclass(frozen=True)
class ItemVotes:
    """criterion (None: overall) -> what was answered, "can't rate" left out."""

    independent: dict[int | None, list[Vote]] = field(default_factory=dict)
    everyone: dict[int | None, list[Vote]] = field(default_factory=dict)
    """With those of third and fourth raters."""


def submitted_of(item: Item, *roles: str) -> QuerySet[Assignment]:
    return Assignment.objects.filter(item=item, role__in=roles, state=State.SUBMITTED)


def item_votes(item: Item) -> ItemVotes:
    independent: dict[int | None, list[Vote]] = defaultdict(list)
    everyone: dict[int | None, list[Vote]] = defaultdict(list)
    people = Q(
        assignment__item=item,
        assignment__state=State.SUBMITTED,
        assignment__role__in=(Role.INDEPENDENT, Role.ADJUDICATION),
        assignment__rater__kind=StudyRater.Kind.PERSON,
        cannot_rate="",
    )
    rows: list[tuple[int | None, str, Vote]]
    if item.part.design == StudyPart.Design.ABSOLUTE:
        scores = Rating.objects.filter(people, score__isnull=False)
        rows = [
            (criterion, role, (score,))
            for criterion, role, score in scores.values_list(
                "criterion_id", "assignment__role", "score"
            )
        ]
    else:
        choices = Preference.objects.filter(people)
        rows = [
            (criterion, role, (preferred,) if ranks is None else (in_order(ranks),))
            for criterion, role, preferred, ranks in choices.values_list(
                "criterion_id", "assignment__role", "preferred_id", "ranks"
            )
        ]
    for criterion, role, vote in rows:
        everyone[criterion].append(vote)
        if role == Role.INDEPENDENT:
            independent[criterion].append(vote)
    return ItemVotes(dict(independent), dict(everyone))


def in_order(ranks: dict[str, int]) -> str:
    return json.dumps(ranks, sort_keys=True)


def is_flagged(item: Item) -> bool:
    return Flag.objects.filter(assignment__item=item, kind=Flag.Kind.HARM).exists()


def is_answered_by_all(item: Item, overlap: int) -> bool:
    answers = submitted_of(item, Role.INDEPENDENT)
    return answers.filter(rater__kind=StudyRater.Kind.PERSON).count() >= overlap


def waits_for_rater(item: Item) -> bool:
    """Somebody further has the item and has not finished it."""
    return Assignment.objects.filter(
        item=item, role=Role.ADJUDICATION, state=State.ASSIGNED
    ).exists()


def further_rater(item: Item) -> StudyRater | None:
    """The one with the least open work among those who rate and never had the item."""
    free = StudyRater.objects.filter(
        ~Exists(Assignment.objects.filter(rater=OuterRef("pk"), item=item)),
        study=item.part.study_id,
        kind=StudyRater.Kind.PERSON,
        stage=StudyRater.Stage.RATING,
    )
    work = Q(assignments__track=Assignment.Track.WORK, assignments__state=State.ASSIGNED)
    gone = Q(assignments__role__in=GONE)
    loads = free.annotate(load=Count("assignments", filter=work & ~gone))
    return loads.order_by("load", "pseudonym").first()


def disputed_items(study: Study, *, rule: str = "", settled: bool = False) -> QuerySet[Item]:
    """Items with at least one dispute of this kind; open ones unless `settled`."""
    disputes = Dispute.objects.filter(item=OuterRef("pk"), settled_at__isnull=not settled)
    if rule:
        disputes = disputes.filter(rule=rule)
    items = Item.objects.filter(Exists(disputes), part__study=study)
    if settled:
        still = Dispute.objects.filter(item=OuterRef("pk"), settled_at=None)
        items = items.filter(~Exists(still))
    return (
        items.select_related("part", "stimulus__dialogue")
        .prefetch_related("disputes__criterion")
        .order_by("part__position", "position")
    )


def dispute_counts(study: Study) -> dict[str, int]:
    disputes = Dispute.objects.filter(item__part__study=study)
    unsettled = disputes.filter(settled_at=None).values("item")
    return {
        "open": unsettled.distinct().count(),
        "settled": disputes.exclude(item__in=unsettled).values("item").distinct().count(),
    }


def disputed_item(study: Study, pk: int) -> Item:
    """An item of the study that a rule put into the queue; 404 for all others."""
    items = Item.objects.filter(part__study=study, disputes__isnull=False).distinct()
    return get_object_or_404(items.select_related("part__instrument", "stimulus__dialogue"), pk=pk)


def asked_to_settle(item: Item, question: str) -> Asked:
    """How the question can be answered; an unknown one is refused by the service."""
    questions = questions_in_part(item.part, item.part.study)
    return asked_of(item.part, questions.get(question), item.candidates.count())
