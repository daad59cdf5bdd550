"""Who passed a study's qualification, and how raters agree with its reference panel."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db.models import QuerySet

from annotations.models import Assignment, Gate, GateAttempt, Study, StudyRater
from annotations.selectors.gate_rules import gate_problems, gates_of, reference_stimuli
from annotations.selectors.panel_agreement import (
    Compared,
    PanelAgreement,
    agreement_of,
    compare,
    panel_codes,
)
from annotations.selectors.people import people_in

__all__ = [
    "GATING_RAISES_AGREEMENT",
    "GateOutcomes",
    "PanelAgreement",
    "gate_outcomes",
    "gate_problems",
    "gates_of",
    "has_gate",
    "panel_agreement",
    "reference_stimuli",
    "undecided_attempts",
]
Role, Stage = Assignment.Role, StudyRater.Stage
GATING_RAISES_AGREEMENT = (
    "Choosing raters by their agreement with the reference panel raises agreement: what is "
    "reported is the agreement of those who qualified, not of everybody who was asked."
)


@dataclass(frozen=True)
class GateOutcomes:
    """Of the raters of a study with a qualification."""

    passed: int
    by_decision: int
    """Of these, let through by a named person."""
    failed: int
    waiting: int
    """For a decision, because the figures allow none."""
    under_way: int
    left: int
    """Withdrawn before it was over."""

    @property
    def sentence(self) -> str:
        return f"{self.passed} of {self.tried} raters qualified. {GATING_RAISES_AGREEMENT}"

    @property
    def tried(self) -> int:
        return self.passed + self.failed + self.waiting + self.under_way + self.left


def has_gate(study: Study) -> bool:
    return Gate.objects.filter(part__study=study, items__gt=0).exists()


def panel_agreement(study: Study, role: str = Role.REFERENCE) -> dict[int, PanelAgreement]:
    """Rater -> agreement with the panel on the items hidden among the work; with Role.GATE on
    those of the qualification, all attempts together."""
    asked = Assignment.objects.filter(
        rater__study=study, role=role, state=Assignment.State.SUBMITTED
    ).values_list("pk", "rater", "item", "state")
    if not asked:
        return {}
    codes = panel_codes(list(study.parts.all()))
    by_rater: dict[int, list[Compared]] = defaultdict(list)
    for row in compare(codes, list(asked)):
        by_rater[row.rater].append(row)
    return {rater: agreement_of(rows, codes) for rater, rows in by_rater.items()}


def gate_outcomes(study: Study) -> GateOutcomes | None:
    """Who failed is counted with every result; None where the study has no qualification."""
    if not has_gate(study):
        return None
    stages = Counter(people_in(study).values_list("stage", flat=True))
    undecided = undecided_attempts(study).values("rater").distinct().count()
    decided = GateAttempt.objects.filter(
        rater__study=study, rater__stage=Stage.RATING, passed=True, decided_by__isnull=False
    )
    tried = stages[Stage.TRAINING] + stages[Stage.GATE]
    return GateOutcomes(
        passed=stages[Stage.RATING],
        by_decision=decided.values("rater").distinct().count(),
        failed=stages[Stage.NOT_QUALIFIED],
        waiting=undecided,
        under_way=tried - undecided,
        left=stages[Stage.WITHDRAWN],
    )


def undecided_attempts(study: Study) -> QuerySet[GateAttempt]:
    return GateAttempt.objects.filter(
        rater__study=study,
        rater__stage=Stage.GATE,
        finished_at__isnull=False,
        passed__isnull=True,
    )
