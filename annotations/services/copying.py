"""Many rows at once. PostgreSQL's COPY takes a fifth of the time of INSERT with its parameters."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import JSONField, Model
from psycopg import sql
from psycopg.types.json import Jsonb


def copy_rows(model: type[Model], rows: Iterable[Model]) -> int:
    """Number of rows written. Each brings all its values, its primary key included (none is set by
    `auto_now`); constraints and triggers hold."""
    fields = model._meta.concrete_fields
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join([sql.Identifier(str(field.column)) for field in fields]),
    )
    # psycopg writes Python's own types as they are; only JSON has to be told from a dict.
    documents = [at for at, field in enumerate(fields) if isinstance(field, JSONField)]
    names = [field.attname for field in fields]
    count = 0
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for row in rows:
            values = [getattr(row, name) for name in names]
            for at in documents:
                values[at] = Jsonb(values[at])
            copy.write_row(values)
            count += 1
    return count
