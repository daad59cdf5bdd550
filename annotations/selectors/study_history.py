"""What happened to a study, and what was changed after its launch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotations.models import Amendment, Study

LONG = 80
"""Characters beyond which a text is folded away."""
LABELS = {  # of everything that an amendment can change
    "consent_text": "Consent text",
    "content_note": "Content note",
    "contacts": "Contacts",
    "flag_readers": "Who reads flags",
    "flag_reading_times": "When flags are read",
    "break_minutes": "Minutes until a break is suggested",
    "daily_minutes": "Most minutes a day",
    "check_in": "Check-in between blocks",
    "recruitment": "How raters are found",
    "payment": "What raters are paid",
    "ethics_approval": "Ethics approval",
}


@dataclass(frozen=True)
class Change:
    label: str
    before: str
    after: str

    @property
    def is_long(self) -> bool:
        return len(self.before) + len(self.after) > LONG


@dataclass(frozen=True)
class HistoryEntry:
    at: datetime
    by: str
    """Who; empty where the program itself or somebody who left did it."""
    what: str
    reason: str = ""
    changes: tuple[Change, ...] = ()


def history_of(study: Study) -> list[HistoryEntry]:
    """Newest first. One query."""
    maker = study.created_by.email if study.created_by else ""
    entries = [HistoryEntry(study.created_at, maker, "Draft made")]
    if study.launched_at:
        entries.append(HistoryEntry(study.launched_at, "", "Launched"))
    if study.closed_at:
        entries.append(HistoryEntry(study.closed_at, "", "Closed"))
    for row in Amendment.objects.filter(study=study).select_related("by"):
        by = row.by.email if row.by else ""
        entries.append(HistoryEntry(row.at, by, row.what, row.reason, tuple(changes_of(row))))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def changes_of(row: Amendment) -> Iterator[Change]:
    for name, pair in row.changes.items():
        if isinstance(pair, list) and len(pair) == 2:
            label = LABELS.get(name, name.replace("_", " ").capitalize())
            yield Change(label, in_words(pair[0]), in_words(pair[1]))


def in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in ("", None) else str(value)
