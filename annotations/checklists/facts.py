"""What a study knows of itself, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class CriterionFacts:
    name: str
    definition: str
    question: str
    scale: str
    """In words: "whole scores from 1 (very poor) to 10 (excellent)"."""
    level: str


@dataclass(frozen=True)
class GateFacts:
    training_items: int
    items: int
    threshold: float
    statistic: str
    attempts: int
    hidden_share: float


@dataclass(frozen=True)
class PartFacts:
    position: int
    design: str
    """Name of the design: absolute, pairwise, best_of_n or ranking."""
    design_words: str
    unit: str
    instrument: str
    citation: str
    note: str
    criteria: tuple[CriterionFacts, ...]
    overall: bool
    ties: bool
    strength: bool
    items: int
    gate: GateFacts | None = None


@dataclass(frozen=True)
class StudyFacts:
    name: str
    team: str
    state: str
    launched_at: datetime | None
    closed_at: datetime | None
    template: str
    seed: int
    overlap: int
    block_size: int
    repeat_share: float
    break_minutes: int
    daily_minutes: int
    rotated: bool
    response_fields: str
    show_chain: bool
    corpora: tuple[tuple[str, str, str], ...]
    """(name, licence, citation)."""
    splits: tuple[str, ...]
    stimuli: int
    drawn: bool
    """Whether a sample of the client turns was drawn; else all that every system answered."""
    systems: tuple[tuple[str, str], ...]
    """(name the team sees, kind)."""
    parts: tuple[PartFacts, ...]
    assignments: int
    submitted: int
    median_seconds: float | None
    hours: float
    """Active time of all submitted items together."""
    raters: int
    submitting: int
    """Raters who submitted anything."""
    withdrawn: int
    not_qualified: int
    qualified: int | None
    """None where there is no qualification."""
    insiders: int
    """Raters who belong to the team."""
    professions: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    licensed: int = 0
    described: int = 0
    """Raters of whom anything is known."""
    years: tuple[int, int, int, int] | None = None
    """(how many said, least, median, most)."""
    consent_text: str = ""
    consented: int = 0
    allows_training: int = 0
    allows_release: int = 0
    content_note: str = ""
    contacts: str = ""
    flag_readers: str = ""
    recruitment: str = ""
    payment: str = ""
    ethics_approval: str = ""
    amendments: int = 0
    plan_frozen_at: datetime | None = None
    primary: tuple[str, ...] = ()
    stopping_rule: str = ""
    min_active_seconds: int = 0
    answer_version: str = ""
    confidence: float = 0.95
    guesses: bool = False
