"""What an instrument file and a study template say, after reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = ("score", "choice", "multiple", "text", "spans")
WIDGETS = ("buttons", "slider")
LEVELS = ("nominal", "ordinal", "interval")
DESIGNS = ("absolute", "pairwise", "best_of_n", "ranking")
UNITS = ("response", "dialogue")
RESOLUTIONS = ("none", "adjudicator", "more_raters")
GATE_STATISTICS = ("weighted", "unweighted")
RESPONSE_FIELDS = ("hidden", "after", "beside")


@dataclass(frozen=True)
class CriterionText:
    slug: str
    name: str
    definition: str
    guiding_question: str
    good_example: str = ""
    poor_example: str = ""
    kind: str = "score"
    widget: str = "buttons"
    level: str = "ordinal"
    scale_min: int = 1
    scale_max: int = 10
    anchor_low: str = ""
    anchor_high: str = ""
    anchors: dict[str, str] = field(default_factory=dict)
    """Score as text -> what it means."""
    options: list[dict[str, Any]] = field(default_factory=list)
    """[{"value": 0, "label": "No"}, ...]"""
    reverse_scored: bool = False
    required: bool = True
    about_labels: bool = False
    """Asks about the emotion and strategy labels shown with the response, not about its text."""
    about_chain: str = ""
    """Asks about this part of the reasoning behind the response, which is shown with it."""
    only_if: dict[str, Any] = field(default_factory=dict)
    """{"criterion": slug of an earlier one, "values": [1, 2]}"""

    @property
    def is_late(self) -> bool:
        """Where a study shows labels after the text, it is asked in that second step."""
        return self.about_labels or bool(self.about_chain)


@dataclass(frozen=True)
class InstrumentText:
    slug: str
    version: int
    name: str
    citation: str
    note: str
    criteria: tuple[CriterionText, ...]


@dataclass(frozen=True)
class GateTemplate:
    training_items: int = 0
    items: int = 0
    """Per attempt; 0: there is training only."""
    statistic: str = "weighted"
    threshold: float = 0.4
    attempts: int = 2
    hidden_share: float = 0.0


@dataclass(frozen=True)
class PartTemplate:
    design: str
    instrument: str
    unit: str = "response"
    candidates: int = 0
    """Of best-of-n and ranking: responses shown at once; 0 shows every run's."""
    same_raters: bool = False
    tie_allowed: bool = True
    with_strength: bool = True
    with_overall: bool = True
    resolution: str = "none"
    dispute_range: int | None = None
    dispute_disagreement: bool = False
    dispute_flags: bool = False
    gate: GateTemplate | None = None


@dataclass(frozen=True)
class StudyTemplate:
    slug: str
    name: str
    description: str
    citation: str
    min_runs: int
    overlap: int
    block_size: int
    response_fields: str
    consent_text: str
    """All that raters agree to or not: taking part, training, publication, one after the other."""
    content_note: str
    contacts: str
    parts: tuple[PartTemplate, ...]
    consent_training_text: str = ""
    """The passage of `consent_text` on the training of models."""
    consent_release_text: str = ""
    """The passage of `consent_text` on publication."""
    note: str = ""
    """What readers must know of the protocol, as "the original was interactive"."""
    rotate_criteria: bool = False
    repeat_share: float = 0.0
    longest_ratio: float | None = None
    stimulus_limit: int | None = None
    guess_sources: bool = False
    show_chain: bool = False
    """Raters may read how each response was reasoned, where its writer says so."""
    break_minutes: int = 30
    daily_minutes: int = 0
    check_in: bool = False
    statistics: tuple[str, ...] = ()
    """What the protocol reports, by name in docs/statistics.md."""
    published: tuple[str, ...] = ()
    """Figures of the paper, a line each."""
    open_choices: tuple[str, ...] = ()
    """What the paper leaves open, and what this template does about it; a sentence or two each."""
