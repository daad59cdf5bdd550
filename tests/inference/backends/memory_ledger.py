"""A ledger that lives as long as a test; the one that lasts is tested with the database."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal

from inference.backends.ledger import PromptRecord
from inference.endpoints import ChatAnswer


@dataclass(frozen=True)
class Stored:
    key: str
    prompt: PromptRecord
    answer: ChatAnswer | None
    error: str


@dataclass
class MemoryLedger:
    budget: Decimal | None = None
    rows: list[Stored] = field(default_factory=list)
    closed_by: set[str] = field(default_factory=set)

    def find(self, key: str) -> ChatAnswer | None:
        return next((row.answer for row in self.rows if row.key == key and not row.error), None)

    def store(self, key: str, prompt: PromptRecord, answer: ChatAnswer | None, error: str) -> None:
        self.rows.append(Stored(key, prompt, answer, error))

    def spent(self) -> Decimal:
        return sum((row.answer.cost for row in list(self.rows) if row.answer), Decimal(0))

    def close(self) -> None:
        self.closed_by.add(threading.current_thread().name)
