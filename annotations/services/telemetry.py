"""How long an item was open and looked at, as told to raters before they start."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta
from typing import TypedDict

from annotations.models import Assignment

LONGEST_ITEM = timedelta(hours=12)
LONGEST_MS = int(LONGEST_ITEM.total_seconds() * 1000)
FIELDS = frozenset(
    {
        *("opened_at", "active_ms", "clip_ms_played", "clip_failed"),
        *("definitions_opened", "screen_class"),
    }
)


class Telemetry(TypedDict, total=False):
    """Totals since the item was first opened, as counted by the page."""

    opened_ms_ago: int
    active_ms: int
    clip_ms: int
    clip_failed: bool
    definitions: list[str]
    screen: str


def note_telemetry(
    assignment: Assignment, seen: Telemetry, known: Container[str], now: datetime
) -> frozenset[str]:
    """Totals only grow, so that a repeated or late report changes nothing."""
    if assignment.opened_at is None:
        ago = timedelta(milliseconds=max(0, seen.get("opened_ms_ago", 0)))
        assignment.opened_at = now - min(ago, LONGEST_ITEM)
    assignment.active_ms = max(assignment.active_ms, min(seen.get("active_ms", 0), LONGEST_MS))
    clip_ms = min(seen.get("clip_ms", 0), LONGEST_MS)
    assignment.clip_ms_played = max(assignment.clip_ms_played, clip_ms)
    assignment.clip_failed = assignment.clip_failed or seen.get("clip_failed", False)
    opened = {*assignment.definitions_opened, *seen.get("definitions", ())}
    assignment.definitions_opened = sorted(name for name in opened if name in known)
    assignment.screen_class = seen.get("screen") or assignment.screen_class
    return FIELDS
