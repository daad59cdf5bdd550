"""What is asked about an assignment, and in which text passages are marked."""

from __future__ import annotations

from annotations.answers import Asked
from annotations.models import Assignment, Criterion
from annotations.selectors.asked import asked_of, questions_in_part
from annotations.selectors.rating_page import text_to_mark_in


def text_to_mark(assignment: Assignment, criterion: Criterion | None) -> str:
    """Empty for every question that marks nothing: then nothing is asked of the database."""
    return text_to_mark_in(assignment) if marks(criterion) else ""


def marks(criterion: Criterion | None) -> bool:
    return criterion is not None and criterion.kind == Criterion.Kind.SPANS


def asked_in(assignment: Assignment) -> dict[str, Asked]:
    """Question -> how it can be answered. The text is read once, however many questions mark it."""
    part, shown = assignment.item.part, len(assignment.display_order)
    questions = questions_in_part(part, assignment.rater.study)
    text = text_to_mark_in(assignment) if any(map(marks, questions.values())) else ""
    return {
        name: asked_of(part, criterion, shown, text if marks(criterion) else "")
        for name, criterion in questions.items()
    }
