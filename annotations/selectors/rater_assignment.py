"""The hot query of the product: an assignment with all that its page and its rater's account need.

The same as `select_related` over seven relations, but the statement is built once. Building it
anew took more processor time than everything else that opening an item asks of the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Field, Model

from annotations.models import Assignment, Item, Study, StudyPart, StudyRater
from inference.models import Dialogue, Stimulus
from mood_eval.models import User
from mood_eval.prepared import prepared_cursor

TABLES: tuple[tuple[str, type[Model]], ...] = (
    ("a", Assignment),
    ("r", StudyRater),
    ("s", Study),
    ("u", User),
    ("i", Item),
    ("p", StudyPart),
    ("t", Stimulus),
    ("d", Dialogue),
)
JOINS = """
    FROM annotations_assignment a
    JOIN annotations_studyrater r ON r.id = a.rater_id
    JOIN annotations_study s ON s.id = r.study_id
    JOIN mood_eval_user u ON u.id = r.user_id
    JOIN annotations_item i ON i.id = a.item_id
    JOIN annotations_studypart p ON p.id = i.part_id
    JOIN inference_stimulus t ON t.id = i.stimulus_id
    JOIN inference_dialogue d ON d.id = t.dialogue_id
    WHERE a.id = %s AND r.user_id = %s AND s.state IN ('open', 'closed')"""
BESIDE = """
    FROM annotations_assignment o
    WHERE o.rater_id = a.rater_id AND o.track = a.track AND o.attempt = a.attempt
      AND o.role <> 'released'"""
PLACE = f"""
    (SELECT max(o.position) {BESIDE}),
    (SELECT o.id {BESIDE} AND o.position < a.position ORDER BY o.position DESC LIMIT 1)"""
PLACE_ALONE = f"SELECT {PLACE} FROM annotations_assignment a WHERE a.id = %s"  # noqa: S608


@dataclass(frozen=True)
class Columns:
    """Of one of the tables, in the order of the statement."""

    model: type[Model]
    names: tuple[str, ...]
    start: int
    converted: tuple[tuple[int, Field[Any, Any]], ...]
    """Columns whose values a field turns into Python's own."""

    def instance(self, row: list[Any]) -> Any:
        for at, field in self.converted:
            convert = field.from_db_value  # type: ignore[attr-defined]
            row[at] = convert(row[at], None, connection)
        values = row[self.start : self.start + len(self.names)]
        return self.model.from_db(connection.alias, self.names, values)


@lru_cache(maxsize=1)
def statement() -> tuple[str, tuple[Columns, ...]]:
    selected: list[str] = []
    columns: list[Columns] = []
    for letter, model in TABLES:
        fields = model._meta.concrete_fields
        start = len(selected)
        converted = tuple(
            (start + place, field)
            for place, field in enumerate(fields)
            if hasattr(field, "from_db_value") and field.get_internal_type() == "JSONField"
        )
        selected += [f'{letter}."{field.column}"' for field in fields]
        columns.append(Columns(model, tuple(f.attname for f in fields), start, converted))
    return f"SELECT {', '.join(selected)}, {PLACE} {JOINS}", tuple(columns)


def place_in_list(assignment: Assignment) -> tuple[int, str]:
    """How many items the list holds, and the key of the one before; nothing is asked again where
    the assignment was read by `assignment_with_account`."""
    known: tuple[int, str] | None = getattr(assignment, "place_in_list", None)
    if known is not None:
        return known
    with prepared_cursor() as cursor:
        cursor.execute(PLACE_ALONE, [assignment.pk])
        return placed(assignment, *cursor.fetchone())


def placed(assignment: Assignment, last: int | None, before: UUID | None) -> tuple[int, str]:
    return last or assignment.position, str(before or "")


def assignment_with_account(user: int, pk: UUID) -> Assignment | None:
    """The rater's own assignment in a launched study. Whether this person is signed in is still
    to be checked. Its `place_in_list` holds how many items there are, and the one before."""
    sql, columns = statement()
    with prepared_cursor() as cursor:
        cursor.execute(sql, [pk, user])
        found = cursor.fetchone()
    if found is None:
        return None
    row = list(found)
    assignment, rater, study, person, item, part, stimulus, dialogue = (
        table.instance(row) for table in columns
    )
    assignment.rater, assignment.item = rater, item
    rater.study, rater.user = study, person
    item.part, item.stimulus = part, stimulus
    part.study = study
    stimulus.dialogue = dialogue
    assignment.place_in_list = placed(assignment, *row[-2:])
    owned: Assignment = assignment
    return owned
