"""The columns of the table of answers: a row is one question put to one rater on one item."""

from __future__ import annotations

ITEM = ("part", "design", "item", "pool", "stimulus", "corpus", "session", "client")
WHO = ("rater", "rater_kind", "role", "attempt", "position", "state")
JUDGED = ("response", "model")
"""Of a scored response; compared ones are in `display_order`."""
SAID = (
    *("question", "score", "content", "preferred", "preferred_model", "strength", "ranks"),
    *("tie_kind", "missing", "first_answer"),
)
SITTING = (
    *("display_order", "criteria_order", "opened_at", "submitted_at", "active_seconds", "comment"),
)
COLUMNS = (*ITEM, *WHO, *JUDGED, *SAID, *SITTING)

NUMBERS = (
    *("part", "item", "stimulus", "attempt", "position", "response", "score", "preferred"),
    "strength",
)
"""Whole ones."""
DECIMALS = ("active_seconds",)
MOMENTS = ("opened_at", "submitted_at")
"""ISO 8601 in UTC, to the microsecond. All other columns are texts."""
NESTED = ("content", "ranks", "first_answer", "display_order", "criteria_order")
"""Lists and objects: JSON within CSV and Parquet. Content may be a text."""
