"""How long somebody has been rating without a break; known to their session only."""

from __future__ import annotations

import time

from django.http import HttpRequest

LONG_SECONDS = 30 * 60
BREAK_SECONDS = 10 * 60


def pause_is_due(request: HttpRequest) -> bool:
    """Called after each item; true once per half hour of work."""
    now = time.time()
    sitting: dict[str, float] = request.session.get("sitting", {})
    since = sitting.get("since", now)
    if now - sitting.get("last", now) > BREAK_SECONDS:
        since = now
    due = now - since >= LONG_SECONDS
    request.session["sitting"] = {"since": now if due else since, "last": now}
    return due
