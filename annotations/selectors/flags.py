"""Concerns that raters flagged: what raters are told about them, and the team's inbox.

Blinded: texts and letters as the rater saw them; no model or run is named here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Case, Max, Min, QuerySet, When
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from annotations.answers import LETTERS
from annotations.models import Assignment, Flag, Study, StudyPart
from annotations.selectors.rating_page import plain
from annotations.selectors.studies import rates_in
from inference.models import Response, Stimulus, Turn
from inference.models.dialogue import Speaker
from mood_eval.models import Membership, User

ON_A_PAGE = 25
FLAG_ROWS = (
    *("assignment__rater", "assignment__item__part", "assignment__item__stimulus__dialogue"),
    *("candidate", "read_by"),
)


@dataclass(frozen=True)
class Concern:
    """What one rater flagged at once: one row per response, shown as one."""

    flag: Flag
    """The first of them; whether and how it was read stands on all."""
    part: int
    item: int
    pseudonym: str
    about: str
    """"Response B", "Responses A and B" or "The conversation"."""


@dataclass(frozen=True)
class Line:
    speaker: str
    text: str
    answered: bool = False
    """What the responses answer."""


@dataclass(frozen=True)
class ShownResponse:
    letter: str
    text: str
    flagged: bool
    dialogue: tuple[Line, ...] = ()
    """Where whole dialogues are judged: the one that ends with this response."""


@dataclass(frozen=True)
class ConcernPage:
    concern: Concern
    situation: str
    lines: tuple[Line, ...]
    responses: tuple[ShownResponse, ...]


def flag_promise(study: Study) -> str:
    """To whom a flag goes and when it is read, as told to raters."""
    if not study.flag_readers and not study.flag_reading_times:
        return _("Sent to the study team, who read flags on working days.")
    readers = study.flag_readers or _("the study team")
    times = study.flag_reading_times or _("on working days")
    return _("Sent to %(readers)s. When flags are read: %(times)s.") % {
        "readers": readers,
        "times": times.rstrip("."),
    }


def unread_flags(study: Study) -> int:
    return _grouped(study).filter(waiting=1).count()


def flag_inbox(study: Study, number: int = 1) -> tuple[list[Concern], Page[dict[str, Any]]]:
    """What is unread first, then the newest."""
    order = _grouped(study).order_by("-waiting", "-made", "-first")
    page = Paginator(order, ON_A_PAGE).get_page(number)
    return _concerns([row["first"] for row in page]), page


def _grouped(study: Study) -> QuerySet[Any, Any]:
    """One row per act of flagging."""
    waiting = Case(When(read_at__isnull=True, then=1), default=0)
    return (
        Flag.objects.filter(assignment__rater__study=study)
        .values("assignment", "kind", "text")
        .annotate(first=Min("pk"), made=Min("created_at"), waiting=Max(waiting))
    )


def flag_in(study: Study, pk: int) -> Flag:
    """404 where it is not one of this study."""
    rows = Flag.objects.select_related(*FLAG_ROWS)
    return get_object_or_404(rows, pk=pk, assignment__rater__study=study)


def same_concern(flag: Flag) -> QuerySet[Flag]:
    """The rows of one act: one per response it was about."""
    return Flag.objects.filter(assignment=flag.assignment_id, kind=flag.kind, text=flag.text)


def _concerns(firsts: Sequence[int]) -> list[Concern]:
    chosen = list(Flag.objects.filter(pk__in=firsts).select_related(*FLAG_ROWS))
    assignments = {flag.assignment_id for flag in chosen}
    rows = Flag.objects.filter(assignment__in=assignments).select_related("candidate")
    together: dict[tuple[UUID, str, str], list[Flag]] = defaultdict(list)
    for row in rows.order_by("pk"):
        together[row.assignment_id, row.kind, row.text].append(row)
    made = {
        flag.pk: _concern(flag, together[flag.assignment_id, flag.kind, flag.text])
        for flag in chosen
    }
    return [made[pk] for pk in firsts]


def _concern(flag: Flag, rows: Sequence[Flag]) -> Concern:
    assignment = flag.assignment
    letters = sorted(_letters(assignment, rows))
    if not letters:
        about = "The conversation"
    elif len(assignment.display_order) == 1:
        about = "The response"
    else:
        about = f"Response{'s' * (len(letters) > 1)} {' and '.join(letters)}"
    item = assignment.item
    return Concern(flag, item.part.position, item.position, assignment.rater.pseudonym, about)


def _letters(assignment: Assignment, rows: Sequence[Flag]) -> set[str]:
    by_response = dict(zip(assignment.display_order, LETTERS, strict=False))
    return {by_response[row.candidate.response_id] for row in rows if row.candidate}


def concern_page(flag: Flag) -> ConcernPage:
    """The item as the rater saw it, without its scales. `flag` as from `flag_in`."""
    assignment = flag.assignment
    item = assignment.item
    rows = list(same_concern(flag).select_related("candidate").order_by("pk"))
    flagged = _letters(assignment, rows)
    whole = item.part.unit == StudyPart.Unit.DIALOGUE
    texts = Response.objects.select_related("stimulus").in_bulk(assignment.display_order)
    return ConcernPage(
        concern=_concern(flag, rows),
        situation=plain(item.stimulus.dialogue.situation),
        lines=() if whole else _lines(item.stimulus),
        responses=tuple(
            ShownResponse(
                letter=letter,
                text=plain(texts[pk].text),
                flagged=letter in flagged,
                dialogue=_lines(texts[pk].stimulus) if whole else (),
            )
            for letter, pk in zip(LETTERS, assignment.display_order, strict=False)
        ),
    )


def _lines(stimulus: Stimulus) -> tuple[Line, ...]:
    turns = Turn.objects.filter(
        dialogue=stimulus.dialogue_id, position__lte=stimulus.last_position
    ).order_by("position")
    return tuple(
        Line(Speaker(speaker).label, plain(text), position >= stimulus.first_position)
        for speaker, text, position in turns.values_list("speaker", "text", "position")
    )


def readers_by_mail(study: Study) -> list[str]:
    """Addresses of the team's members whom the study names as readers of flags, by name or
    address; of its owners where it names none. Nobody who still rates in the study.
    """
    members = [
        member
        for member in Membership.objects.filter(team=study.team_id, user__is_active=True)
        .select_related("user")
        .order_by("pk")
        if not rates_in(member.user, study)
    ]
    named = [member for member in members if _is_named(member.user, study.flag_readers)]
    owners = [member for member in members if member.role == Membership.Role.OWNER]
    return [member.user.email for member in named or owners]


def _is_named(user: User, text: str) -> bool:
    names = "|".join(re.escape(name) for name in (user.get_full_name(), user.email) if name)
    return bool(re.search(rf"(?<![\w.@-])(?:{names})(?![\w@-])", text, re.IGNORECASE))
