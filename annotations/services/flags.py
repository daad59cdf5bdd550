"""Concerns of raters: kept apart from every score, told to named people, read and answered for."""

from __future__ import annotations

import logging

from celery import current_app
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError

from annotations.answers import LETTERS
from annotations.models import Assignment, Candidate, Flag
from annotations.selectors.flags import readers_by_mail, same_concern
from annotations.services.disputes import after_flag as find_disputes
from annotations.services.held import hold
from annotations.services.ratings import UnknownQuestionError, storable
from annotations.services.webhooks import Event, announce
from inference.errors import InvalidOptionsError
from mood_eval.models import User

logger = logging.getLogger(__name__)


@transaction.atomic
def set_flag(
    assignment: Assignment, kind: str, text: str = "", letter: str = "", inbox: str = ""
) -> list[Flag]:
    """A concern about one response (by its letter), about all of them, or about the item.

    Flags are taken after the study closed as well: a concern is never late. `inbox` is the address
    that the people who read flags are sent to.
    """
    held = hold(assignment)
    if kind not in Flag.Kind.values:
        raise UnknownQuestionError(_("Choose what the concern is about."))
    lettered = dict(zip(LETTERS, held.candidates, strict=False))
    about: list[int | None] = [*held.candidates]
    if letter == "item":
        about = [None]
    elif letter in lettered:
        about = [lettered[letter]]
    elif letter:
        raise UnknownQuestionError(_("Choose which response the concern is about."))
    shown = Candidate.objects.in_bulk([pk for pk in about if pk])
    flags, is_new = [], False
    for candidate in about:
        flag, created = Flag.objects.get_or_create(
            assignment=assignment,
            candidate=shown[candidate] if candidate else None,
            kind=kind,
            text=storable(text.strip()),
        )
        flags.append(flag)
        is_new |= created
    if is_new:
        transaction.on_commit(lambda: send_mail_task(flags[0].pk, inbox))
        facts = {"flag": flags[0].pk, "kind": kind, "rater": assignment.rater.pseudonym}
        announce(Event.FLAG_RAISED, assignment.rater.study, **facts)
        if kind == Flag.Kind.HARM:
            find_disputes(assignment)
    return flags


def send_mail_task(pk: int, inbox: str) -> None:
    """The inbox holds every flag, so that a message which is lost loses none."""
    try:
        current_app.send_task("annotations.tasks.mail_flag", args=[pk, inbox], retry=False)
    except BrokerError:
        logger.warning("Nobody was told of flag %s by mail: no broker.", pk)


def mail_flag(pk: int, inbox: str = "") -> int:
    """To how many people a message went. It holds no word of the client or of the rater."""
    flag = Flag.objects.select_related("assignment__rater__study", "assignment__item__part").get(
        pk=pk
    )
    assignment = flag.assignment
    study, item = assignment.rater.study, assignment.item
    readers = readers_by_mail(study)
    lines = [
        f"A rater of “{study.name}” flagged a concern: {flag.get_kind_display().lower()}.",
        f"Part {item.part.position}, item {item.position}, rater {assignment.rater.pseudonym}.",
        "What it is about stands in the study's inbox only: sign in to read it.",
        inbox,
    ]
    if readers:
        send_mail(
            f"A concern was flagged in “{study.name}”",
            "\n\n".join(line for line in lines if line),
            settings.DEFAULT_FROM_EMAIL,
            readers,
        )
    return len(readers)


@transaction.atomic
def read_flag(flag: Flag, *, by: User, outcome: str) -> Flag:
    """Marks it as read, with what was done about it. A later word replaces it; both are kept."""
    outcome = storable(outcome.strip())
    if not outcome:
        raise InvalidOptionsError("Say what was done about it, if only “No action needed”.")
    for row in same_concern(flag).select_for_update(of=("self",)):
        row.read_by, row.read_at, row.outcome = by, timezone.now(), outcome
        row.save(update_fields=["read_by", "read_at", "outcome"])
    flag.refresh_from_db()
    return flag
