"""The candidates as raters see them: letters, texts and, where the study says so, labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotations.answers import LETTERS
from annotations.models import Assignment, Study, StudyPart
from annotations.selectors.rating_page.contents import (
    Candidate,
    Label,
    Line,
    Question,
    Reasoned,
)
from annotations.selectors.rating_page.conversation import (
    plain,
    text_of,
    turns_of,
    whole_dialogue,
)
from inference.labels import CHAIN
from mood_eval.prepared import prepared_cursor

EMPTY = gettext_noop("[The response is empty.]")
NOT_GIVEN = gettext_noop("[Not given with this response.]")
LABELS = (
    ("client_emotion", gettext_noop("Client's emotion")),
    ("therapist_emotion", gettext_noop("Therapist's emotion")),
    ("strategy", gettext_noop("Strategy")),
)
CHAIN_NAMES = {
    "emotion": gettext_noop("What the client feels"),
    "stimulus": gettext_noop("What set it off"),
    "appraisal": gettext_noop("How the client sees it"),
    "strategy_reason": gettext_noop("Why this way of answering"),
}
Fields = Study.ResponseFields


class Answered(NamedTuple):
    pk: int
    text: str
    client_emotion: str
    therapist_emotion: str
    strategy: str
    chain: str
    """JSON, as the database writes it."""
    dialogue: int
    last_position: int


ANSWERED = """
    SELECT r.id, r.text, r.client_emotion, r.therapist_emotion, r.strategy,
           r.chain::text, s.dialogue_id, s.last_position
    FROM inference_response r JOIN inference_stimulus s ON s.id = r.stimulus_id
    WHERE r.id = ANY(%s)"""


def answered(responses: Sequence[int]) -> list[Answered]:
    """In the given order."""
    with prepared_cursor() as cursor:
        cursor.execute(ANSWERED, [list(responses)])
        found = {row[0]: Answered(*row) for row in cursor.fetchall()}
    return [found[response] for response in responses]


def candidates_of(
    rows: Sequence[Answered], part: StudyPart, *, labels: bool, chain: bool = False
) -> list[Candidate]:
    """rows: in the order shown."""
    none: list[tuple[Label, ...]] = [()] * len(rows)
    texts = [plain(row.text) or _(EMPTY) for row in rows]
    beside = zip(
        LETTERS,
        labels_common(rows) if labels else none,
        chain_common(rows) if chain else none,
        strict=False,
    )
    if part.unit != StudyPart.Unit.DIALOGUE:
        return [
            Candidate(letter, text, (), *shown)
            for (letter, *shown), text in zip(beside, texts, strict=False)
        ]
    return [
        Candidate(letter, text_of(spoken), spoken, *shown)
        for (letter, *shown), spoken in zip(beside, dialogues_of(rows, texts), strict=False)
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


def chain_common(rows: Sequence[Answered]) -> list[tuple[Label, ...]]:
    """As with labels: a part is shown for all candidates or for none."""
    chains = [chain_of(row) for row in rows]
    kept = [part for part in CHAIN if all(chain.get(part) for chain in chains)]
    return [tuple(Label(_(CHAIN_NAMES[part]), chain[part]) for part in kept) for chain in chains]


def with_reasoning(questions: Sequence[Question], rows: Sequence[Answered]) -> tuple[Question, ...]:
    """What a question about the reasoning asks of stands beside it."""
    if not any(question.about_chain for question in questions):
        return tuple(questions)
    chains = [chain_of(row) for row in rows]
    return tuple(
        replace(question, reasoned=reasoned(chains, question.about_chain))
        if question.about_chain
        else question
        for question in questions
    )


def reasoned(chains: Sequence[Mapping[str, str]], part: str) -> tuple[Reasoned, ...]:
    name = _(CHAIN_NAMES[part])
    said = [chain.get(part) or _(NOT_GIVEN) for chain in chains]
    return tuple(Reasoned(letter, name, text) for letter, text in zip(LETTERS, said, strict=False))


def chain_of(row: Answered) -> dict[str, str]:
    """Only the parts that are known here: a file may hold anything."""
    if row.chain == "{}":
        return {}
    written = json.loads(row.chain)
    return {part: plain(written[part]) for part in CHAIN if isinstance(written.get(part), str)}


def shows_chain(study: Study, *, labels: bool) -> bool:
    """labels: whether the response's labels are shown by now. It tells what they say."""
    return study.show_chain and (labels or study.response_fields != Fields.AFTER)


def shows_labels(study: Study, fields_shown_at: datetime | None) -> bool:
    if study.response_fields == Fields.AFTER:
        return fields_shown_at is not None
    return study.response_fields == Fields.BESIDE


def text_to_mark_in(assignment: Assignment) -> str:
    """In which passages are marked: the first candidate's text, as the page shows it."""
    rows = answered(assignment.display_order[:1])
    return candidates_of(rows, assignment.item.part, labels=False)[0].text
