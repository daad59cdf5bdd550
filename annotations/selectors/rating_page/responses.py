"""The candidates as raters see them: letters, texts and, where the study says so, labels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotations.answers import LETTERS
from annotations.models import Assignment, Study, StudyPart
from annotations.selectors.rating_page.contents import Candidate, Label, Line
from annotations.selectors.rating_page.conversation import (
    plain,
    text_of,
    turns_of,
    whole_dialogue,
)
from mood_eval.prepared import prepared_cursor

EMPTY = gettext_noop("[The response is empty.]")
LABELS = (
    ("client_emotion", gettext_noop("Client's emotion")),
    ("therapist_emotion", gettext_noop("Therapist's emotion")),
    ("strategy", gettext_noop("Strategy")),
)
Fields = Study.ResponseFields


class Answered(NamedTuple):
    pk: int
    text: str
    client_emotion: str
    therapist_emotion: str
    strategy: str
    dialogue: int
    last_position: int


ANSWERED = """
    SELECT r.id, r.text, r.client_emotion, r.therapist_emotion, r.strategy,
           s.dialogue_id, s.last_position
    FROM inference_response r JOIN inference_stimulus s ON s.id = r.stimulus_id
    WHERE r.id = ANY(%s)"""


def answered(responses: Sequence[int]) -> list[Answered]:
    """In the given order."""
    with prepared_cursor() as cursor:
        cursor.execute(ANSWERED, [list(responses)])
        found = {row[0]: Answered(*row) for row in cursor.fetchall()}
    return [found[response] for response in responses]


def candidates_of(rows: Sequence[Answered], part: StudyPart, *, labels: bool) -> list[Candidate]:
    """rows: in the order shown."""
    whole = part.unit == StudyPart.Unit.DIALOGUE
    shown = labels_common(rows) if labels else [()] * len(rows)
    texts = [plain(row.text) or _(EMPTY) for row in rows]
    if not whole:
        named = zip(LETTERS, texts, shown, strict=False)
        return [Candidate(letter, text, (), labels) for letter, text, labels in named]
    lines = dialogues_of(rows, texts)
    return [
        Candidate(letter, text_of(spoken), spoken, labels)
        for letter, spoken, labels in zip(LETTERS, lines, shown, strict=False)
    ]


def dialogues_of(rows: Sequence[Answered], texts: Sequence[str]) -> list[tuple[Line, ...]]:
    last = max(row.last_position for row in rows)
    turns = turns_of({row.dialogue for row in rows}, last)
    return [
        whole_dialogue(
            [t for t in turns if t.dialogue == row.dialogue and t.position <= row.last_position],
            text,
        )
        for row, text in zip(rows, texts, strict=True)
    ]


def labels_common(rows: Sequence[Answered]) -> list[tuple[Label, ...]]:
    """A label is shown for all candidates or for none: where one has none, that would tell."""
    kept = [(field, name) for field, name in LABELS if all(getattr(row, field) for row in rows)]
    return [tuple(Label(_(name), getattr(row, field)) for field, name in kept) for row in rows]


def shows_labels(study: Study, fields_shown_at: datetime | None) -> bool:
    if study.response_fields == Fields.AFTER:
        return fields_shown_at is not None
    return study.response_fields == Fields.BESIDE


def text_to_mark_in(assignment: Assignment) -> str:
    """In which passages are marked: the first candidate's text, as the page shows it."""
    rows = answered(assignment.display_order[:1])
    return candidates_of(rows, assignment.item.part, labels=False)[0].text
