"""How long an item was open and looked at, as told to raters before they start."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from django.db import transaction
from django.utils import timezone

from annotations.models import Assignment
from annotations.services.ratings import locked, questions_of

LONGEST_ITEM = timedelta(hours=12)


class Telemetry(TypedDict, total=False):
    """Totals since the item was first opened, as counted by the page."""

    opened_ms_ago: int
    active_ms: int
    clip_ms: int
    clip_failed: bool
    definitions: list[str]
    screen: str


@transaction.atomic
def record_telemetry(assignment: Assignment, seen: Telemetry) -> None:
    """Totals only grow, so that a repeated or late report changes nothing."""
    assignment = locked(assignment)
    now = timezone.now()
    if assignment.opened_at is None:
        ago = timedelta(milliseconds=max(0, seen.get("opened_ms_ago", 0)))
        assignment.opened_at = now - min(ago, LONGEST_ITEM)
    longest = int(LONGEST_ITEM.total_seconds() * 1000)
    assignment.active_ms = max(assignment.active_ms, min(seen.get("active_ms", 0), longest))
    assignment.clip_ms_played = max(assignment.clip_ms_played, min(seen.get("clip_ms", 0), longest))
    assignment.clip_failed = assignment.clip_failed or seen.get("clip_failed", False)
    known = questions_of(assignment.item.part)
    opened = {*assignment.definitions_opened, *seen.get("definitions", ())}
    assignment.definitions_opened = sorted(opened & known.keys())
    assignment.screen_class = seen.get("screen") or assignment.screen_class
    assignment.save(
        update_fields=[
            "opened_at",
            "active_ms",
            "clip_ms_played",
            "clip_failed",
            "definitions_opened",
            "screen_class",
        ]
    )
