"""Answers as the page sends them: one at a time as JSON, or all at once as a plain form."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from annotations.answer_fields import value_in_form
from annotations.answers import COMMENT, UnreadableAnswerError, Written
from annotations.models import Assignment
from annotations.selectors.shown_text import asked_in
from annotations.services.telemetry import Telemetry
from inference.errors import DomainError

MAX_ANSWERS = 100
MAX_SEQUENCE = 2**53
SCREENS = ("phone", "tablet", "laptop", "desktop")


class UnreadableRequestError(DomainError):
    pass


def answers_in_form(form: QueryDict, assignment: Assignment) -> list[Written]:
    """The whole page. A question without a chosen option is not in the form and stays as it is."""
    written = form.get("sequence", "")
    number = int(written) if written.isascii() and written.isdigit() else 0
    sequence = min(number, MAX_SEQUENCE)
    found = []
    for name, asked in asked_in(assignment).items():
        try:
            value = value_in_form(asked, name, form.getlist)
        except UnreadableAnswerError as error:
            told = {"name": name, "problem": error}
            raise UnreadableRequestError(
                _("The answer to “%(name)s”: %(problem)s.") % told
            ) from error
        if value is not None:
            found.append(Written(name, value, sequence))
    if COMMENT in form:
        found.append(Written(COMMENT, str(form.get(COMMENT, "")), sequence))
    return found


def read_save(request: HttpRequest) -> tuple[list[Written], Telemetry | None]:
    """{"answers": [{"question", "value", "sequence"}], "seen": {...}}"""
    try:
        content = json.loads(request.body)
        answers = [
            Written(
                question=text(answer["question"]),
                value=text(answer["value"]),
                sequence=number(answer["sequence"], MAX_SEQUENCE),
            )
            for answer in content.get("answers", [])[:MAX_ANSWERS]
        ]
        seen = content.get("seen")
        return answers, read_seen(seen) if seen is not None else None
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableRequestError(str(error)) from error


def read_seen(seen: dict[str, Any]) -> Telemetry:
    screen = seen.get("screen", "")
    return Telemetry(
        opened_ms_ago=number(seen.get("opened_ms_ago", 0)),
        active_ms=number(seen.get("active_ms", 0)),
        clip_ms=number(seen.get("clip_ms", 0)),
        clip_failed=seen.get("clip_failed") is True,
        definitions=[text(name) for name in seen.get("definitions", [])[:MAX_ANSWERS]],
        screen=screen if screen in SCREENS else "",
    )


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value


def number(value: object, highest: int = 2**31 - 1) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("a number was expected")
    return max(0, min(int(value), highest))
