"""The answers of one held assignment: rows of ratings or of choices, and what is to be written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from annotations.answers import Answer
from annotations.models import Assignment, Criterion, Preference, Rating, StudyPart
from annotations.services.held import Held
from annotations.stored_answers import preference_fields, rating_fields, read_rating
from mood_eval.prepared import prepared_cursor

Row = Rating | Preference
RATING_FIELDS = ("score", "content", "cannot_rate")
PREFERENCE_FIELDS = ("preferred_id", "strength", "ranks", "tie_kind", "cannot_rate")


@dataclass
class AnswerRows:
    held: Held
    by_criterion: dict[int | None, Row]
    """The overall question has no criterion."""
    made: dict[int | None, Row] = field(default_factory=dict)
    changed: dict[int | None, Row] = field(default_factory=dict)
    cleared: list[Row] = field(default_factory=list)

    @property
    def is_submitted(self) -> bool:
        return self.held.assignment.state == Assignment.State.SUBMITTED

    def put(self, criterion: Criterion | None, answer: Answer | None) -> None:
        """None takes the answer back, except in a submitted item: that stays complete."""
        key = criterion.pk if criterion else None
        found = self.by_criterion.get(key)
        if answer is None:
            if found is not None and not self.is_submitted:
                self.clear(key)
            return
        said = self.fields_of(answer)
        if found is None:
            self.by_criterion[key] = self.made[key] = self.new_row(criterion, said)
        elif any(getattr(found, name) != value for name, value in said.items()):
            self.change(key, found, said)

    def clear(self, key: int | None) -> None:
        row = self.by_criterion.pop(key)
        self.changed.pop(key, None)
        if self.made.pop(key, None) is None:
            self.cleared.append(row)

    def change(self, key: int | None, row: Row, said: dict[str, Any]) -> None:
        """The answer first submitted is kept beside the newest one."""
        if self.is_submitted and row.first_answer is None:
            names = RATING_FIELDS if isinstance(row, Rating) else PREFERENCE_FIELDS
            row.first_answer = {name.removesuffix("_id"): getattr(row, name) for name in names}
        for name, value in said.items():
            setattr(row, name, value)
        if key not in self.made:
            self.changed[key] = row

    def new_row(self, criterion: Criterion | None, said: dict[str, Any]) -> Row:
        assignment = self.held.assignment
        if not is_absolute(assignment):
            return Preference(assignment=assignment, criterion=criterion, **said)
        first = self.held.candidates[0]
        return Rating(assignment=assignment, criterion=criterion, candidate_id=first, **said)

    def fields_of(self, answer: Answer) -> dict[str, Any]:
        assignment = self.held.assignment
        if is_absolute(assignment):
            return {**rating_fields(answer)}
        shown = assignment.display_order
        said: dict[str, Any] = {**preference_fields(answer, shown)}
        preferred = said.pop("preferred")
        place = None if preferred is None else shown.index(preferred)
        return {"preferred_id": None if place is None else self.held.candidates[place], **said}

    def write(self) -> None:
        ratings = [row for row in self.made.values() if isinstance(row, Rating)]
        preferences = [row for row in self.made.values() if isinstance(row, Preference)]
        if ratings:
            insert_ratings(ratings)
        if preferences:
            Preference.objects.bulk_create(preferences)
        for row in self.changed.values():
            row.save()
        for row in self.cleared:
            row.delete()


# Written out: it is part of nearly every submission. The history is kept by a trigger as always.
INSERT = """
    INSERT INTO annotations_rating
           (assignment_id, candidate_id, criterion_id, score, content, cannot_rate, saved_at)
    SELECT %s, %s, criterion, score, content, cannot_rate, %s
    FROM unnest(%s::bigint[], %s::smallint[], %s::jsonb[], %s::text[])
         AS given (criterion, score, content, cannot_rate)"""


def insert_ratings(ratings: Sequence[Rating]) -> None:
    """New ones of one assignment and one candidate."""
    first = ratings[0]
    columns = (
        [rating.criterion_id for rating in ratings],
        [rating.score for rating in ratings],
        [None if rating.content is None else json.dumps(rating.content) for rating in ratings],
        [rating.cannot_rate for rating in ratings],
    )
    with prepared_cursor() as cursor:
        cursor.execute(INSERT, [first.assignment_id, first.candidate_id, timezone.now(), *columns])


def is_absolute(assignment: Assignment) -> bool:
    return assignment.item.part.design == StudyPart.Design.ABSOLUTE


def rows_of(held: Held) -> AnswerRows:
    """Nothing is asked of the database while nothing was ever saved."""
    assignment = held.assignment
    untouched = assignment.state == Assignment.State.ASSIGNED and assignment.saved_at is None
    found: Mapping[int | None, Row] = {}
    if not untouched and is_absolute(assignment):
        found = {row.criterion_id: row for row in Rating.objects.filter(assignment=assignment)}
    elif not untouched:
        found = {row.criterion_id: row for row in Preference.objects.filter(assignment=assignment)}
    return AnswerRows(held, dict(found))


def said_by_slug(
    rows: AnswerRows, questions: Mapping[str, Criterion | None]
) -> dict[str, Answer | None]:
    """What the conditions of follow-up questions look at; choices between responses have none."""
    found: dict[str, Answer | None] = {}
    for slug, criterion in questions.items():
        row = rows.by_criterion.get(criterion.pk) if criterion else None
        if criterion is not None and isinstance(row, Rating):
            found[slug] = read_rating(criterion.kind, row.score, row.content, row.cannot_rate)
    return found
