from __future__ import annotations

from django.db import transaction

from annotations.answers import LETTERS
from annotations.models import Assignment, Candidate, Flag
from annotations.services.ratings import (
    UnknownQuestionError,
    candidates_in_order,
    locked,
    storable,
)


@transaction.atomic
def set_flag(assignment: Assignment, kind: str, text: str = "", letter: str = "") -> list[Flag]:
    """A concern about one response (by its letter), about all of them, or about the item.

    Flags are taken after the study closed as well: a concern is never late.
    """
    assignment = locked(assignment)
    if kind not in Flag.Kind.values:
        raise UnknownQuestionError("Choose what the concern is about.")
    candidates = candidates_in_order(assignment)
    lettered = dict(zip(LETTERS, candidates, strict=False))
    about: list[Candidate | None] = [*candidates]
    if letter == "item":
        about = [None]
    elif letter in lettered:
        about = [lettered[letter]]
    elif letter:
        raise UnknownQuestionError("Choose which response the concern is about.")
    return [
        Flag.objects.get_or_create(
            assignment=assignment, candidate=candidate, kind=kind, text=storable(text.strip())
        )[0]
        for candidate in about
    ]
