"""What raters said in a study, as derivation reads it: whose answers count, and what they say."""

from annotations.selectors.evidence.participation import (
    permissions_of_answers,
    raters_who_answered,
    unanswered_by_reason,
)
from annotations.selectors.evidence.reading import scored_criteria, trainable
from annotations.selectors.evidence.responses import group_of
from annotations.selectors.evidence.study import study_evidence

__all__ = [
    "group_of",
    "permissions_of_answers",
    "raters_who_answered",
    "scored_criteria",
    "study_evidence",
    "trainable",
    "unanswered_by_reason",
]
