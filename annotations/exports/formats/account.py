"""What is in an export, what was left out of it, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from annotations.exports.formats.options import LEFT_OUT


class Account:
    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        """By split."""
        self.left_out: Counter[str] = Counter()
        """By name of LEFT_OUT."""
        self.notes: dict[str, Any] = {}
        """What else the account says, by name."""

    def keep(self, split: str) -> None:
        self.rows[split] += 1

    def leave_out(self, reason: str, count: int = 1) -> None:
        self.left_out[reason] += count

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": dict(sorted(self.rows.items())),
            "left_out": {name: self.left_out[name] for name in LEFT_OUT if self.left_out[name]},
            "left_out_in_words": {
                name: words for name, words in LEFT_OUT.items() if self.left_out[name]
            },
            **self.notes,
        }
