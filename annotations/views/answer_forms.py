"""Answers as the page sends them: one at a time as JSON, or all at once as a plain form."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, QueryDict

from annotations.answers import COMMENT, OVERALL, Written
from annotations.services.telemetry import Telemetry

MAX_ANSWERS = 100
MAX_SEQUENCE = 2**53
REASON, TIE = "-reason", "-tie"
NOT_QUESTIONS = ("csrfmiddlewaretoken", "sequence")
SCREENS = ("phone", "tablet", "laptop", "desktop")


class UnreadableRequestError(ValueError):
    pass


def is_signed_in(request: HttpRequest) -> bool:
    """And as the person whom the page was made for: somebody else may have signed in meanwhile."""
    user = request.user
    return user.is_authenticated and request.headers.get("X-Person", str(user.pk)) == str(user.pk)


def answers_in_form(form: QueryDict) -> list[Written]:
    """The whole page. A question without a chosen option is not in the form and stays as it is."""
    sequence = form.get("sequence", "")
    number = int(sequence) if sequence.isascii() and sequence.isdigit() else 0
    return [
        Written(name, form_value(form, name), min(number, MAX_SEQUENCE))
        for name in list(form)[:MAX_ANSWERS]
        if name not in NOT_QUESTIONS and not name.endswith((REASON, TIE))
    ]


def form_value(form: QueryDict, name: str) -> str:
    value = str(form.get(name, ""))
    if name == COMMENT:
        return value
    if value == "cannot":
        reason = form.get(name + REASON, "")
        return f"cannot:{reason}" if reason else ""
    if name == OVERALL and value == "tie":
        kind = form.get(name + TIE, "")
        return f"tie:{kind}" if kind else "tie"
    return value


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
