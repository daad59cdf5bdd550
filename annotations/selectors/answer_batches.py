"""Answers of a part of a study in batches, each read in three statements.

PostgreSQL gathers the answers of an assignment through the index of their table, so that neither
a sort nor a join ever covers the whole study, and the first batch is there at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction

from annotations.models import Candidate, StudyPart

ROWS = 8_000
"""Of a batch: what is in memory at once. One item with more assignments is still one batch."""
FIRST_ROWS = 1_000
"""Of the first, so that a reader waits for nothing."""
ITEMS = 500
PATIENCE = "10min"
"""For a reader of one batch."""

# The count is of those left out as well: it only decides how many items make a batch.
ITEMS_OF_PART = """
    SELECT i.position, i.id, i.pool, i.stimulus_id, c.name, s.label, s.client,
           (SELECT count(*) FROM annotations_assignment a WHERE a.item_id = i.id)
    FROM (SELECT * FROM annotations_item WHERE part_id = %s AND position > %s
          ORDER BY position LIMIT %s) i
    JOIN inference_stimulus t ON t.id = i.stimulus_id
    JOIN inference_dialogue d ON d.id = t.dialogue_id
    JOIN inference_session s ON s.id = d.session_id
    JOIN inference_corpus c ON c.id = s.corpus_id
    ORDER BY i.position"""
# Answers come in a line each: criterion (none: the overall question), candidate (none: responses
# were compared), and an array of JSON without what most answers lack.
ASSIGNMENTS = """
    SELECT i.id, r.pseudonym, r.kind, a.role, a.attempt, a.position, a.state,
           a.display_order, a.criteria_order,
           to_char(a.opened_at AT TIME ZONE 'UTC', %(time)s),
           to_char(a.submitted_at AT TIME ZONE 'UTC', %(time)s), a.active_ms, a.comment,
           (ANSWERS)
    FROM annotations_assignment a
    JOIN annotations_item i ON i.id = a.item_id
    JOIN annotations_studyrater r ON r.id = a.rater_id
    WHERE a.item_id = ANY(%(items)s) AND a.role <> ALL(%(left_out)s)
      AND (r.allows_training OR r.kind = 'llm' OR NOT %(training_only)s)
    ORDER BY i.position, r.pseudonym, a.role, a.attempt"""
RATINGS = """
    SELECT string_agg(
        g.criterion_id || ' ' || g.candidate_id || ' [' || coalesce(g.score::text, 'null')
        || CASE WHEN g.content IS NULL AND g.first_answer IS NULL AND g.cannot_rate = ''
           THEN '' ELSE ',' || coalesce(g.content::text, 'null') || ',"' || g.cannot_rate
                || '",' || coalesce(g.first_answer::text, 'null') END || ']', E'\\n')
    FROM annotations_rating g WHERE g.assignment_id = a.id"""
CHOICES = """
    SELECT string_agg(
        coalesce(p.criterion_id::text, '') || '  [' || coalesce(p.preferred_id::text, 'null')
        || ',' || coalesce(p.strength::text, 'null') || ',"' || p.tie_kind || '"'
        || CASE WHEN p.ranks IS NULL AND p.first_answer IS NULL AND p.cannot_rate = ''
           THEN '' ELSE ',' || coalesce(p.ranks::text, 'null') || ',"' || p.cannot_rate
                || '",' || coalesce(p.first_answer::text, 'null') END || ']', E'\\n')
    FROM annotations_preference p WHERE p.assignment_id = a.id"""
TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'


class Given(NamedTuple):
    """A rating or a choice, as stored."""

    score: int | None = None
    content: Any = None
    preferred: int | None = None
    """A candidate."""
    strength: int | None = None
    ranks: dict[str, int] | None = None
    tie_kind: str = ""
    cannot_rate: str = ""
    first_answer: dict[str, Any] | None = None


class AssignmentRow(NamedTuple):
    item: int
    pseudonym: str
    kind: str
    role: str
    attempt: int
    position: int
    state: str
    display_order: list[int]
    criteria_order: list[str]
    opened_at: str | None
    submitted_at: str | None
    active_ms: int
    comment: str
    answers: str | None
    """A line each."""


def read_given_rating(text: str) -> Given:
    score, *rest = json.loads(text)
    content, cannot_rate, first_answer = rest or (None, "", None)
    return Given(score, content, cannot_rate=cannot_rate, first_answer=first_answer)


def read_given_choice(text: str) -> Given:
    preferred, strength, tie_kind, *rest = json.loads(text)
    ranks, cannot_rate, first_answer = rest or (None, "", None)
    return Given(
        preferred=preferred,
        strength=strength,
        ranks=ranks,
        tie_kind=tie_kind,
        cannot_rate=cannot_rate,
        first_answer=first_answer,
    )


@dataclass(frozen=True)
class Batch:
    items: Mapping[int, tuple[Any, ...]]
    """Item -> itself, pool, stimulus, corpus, session, client."""
    candidates: Sequence[tuple[int, int, int, int]]
    """Candidate, item, response, generation run."""
    assignments: Sequence[AssignmentRow]


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All statements within see the database as it was at the first. Inside a transaction that one
    decides; it cannot be changed any more. Whoever stops reading a file without going away does
    not hold the snapshot for ever."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = %s", [PATIENCE])
        yield


def batches(
    part: StudyPart, left_out: Sequence[str], *, training_only: bool, questions: int
) -> Iterator[Batch]:
    """In the order of the items. left_out: roles. training_only: of raters who allow it."""
    for items in _groups(part, questions):
        candidates = Candidate.objects.filter(item__in=items).order_by("pk")
        yield Batch(
            items,
            list(candidates.values_list("pk", "item_id", "response_id", "response__run_id")),
            _assignments(part, list(items), left_out, training_only),
        )


def _groups(part: StudyPart, questions: int) -> Iterator[dict[int, tuple[Any, ...]]]:
    """Items with at most so many rows together, and at least one item."""
    group: dict[int, tuple[Any, ...]] = {}
    size, most = 0, FIRST_ROWS
    for *about, assignments in _items(part):
        rows = assignments * questions
        if group and size + rows > most:
            yield group
            group, size, most = {}, 0, ROWS
        group[about[0]] = tuple(about)
        size += rows
    if group:
        yield group


def _items(part: StudyPart) -> Iterator[tuple[Any, ...]]:
    last = -1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(ITEMS_OF_PART, [part.pk, last, ITEMS])
            rows = cursor.fetchall()
        for row in rows:
            yield row[1:]
        if len(rows) < ITEMS:
            return
        last = rows[-1][0]


def _assignments(
    part: StudyPart, items: list[int], left_out: Sequence[str], training_only: bool
) -> list[AssignmentRow]:
    answers = RATINGS if part.design == StudyPart.Design.ABSOLUTE else CHOICES
    with connection.cursor() as cursor:
        cursor.execute(
            ASSIGNMENTS.replace("ANSWERS", answers),
            {
                "items": items,
                "left_out": list(left_out),
                "training_only": training_only,
                "time": TIME,
            },
        )
        return [AssignmentRow._make(row) for row in cursor.fetchall()]
