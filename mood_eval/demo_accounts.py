"""The people of the demonstration. Production refuses their passwords (see accounts.py)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoAccount:
    email: str
    name: str
    role: str
    password: str


DEMO_PASSWORD = "calm-harbour-lamp"  # noqa: S105 - public on purpose, refused in production

RESEARCHER = DemoAccount("ada@demo.example", "Ada", "researcher", DEMO_PASSWORD)
RATERS = (
    DemoAccount("rui@demo.example", "Rui", "rater", DEMO_PASSWORD),
    DemoAccount("mina@demo.example", "Mina", "rater", DEMO_PASSWORD),
)
DEMO_ACCOUNTS = (RESEARCHER, *RATERS)
