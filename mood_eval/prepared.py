"""Statements that PostgreSQL plans once per connection instead of at every call.

Django sends values inside the statement, so that each is planned anew. For the few statements that
every rated item needs, planning took several times as long as answering. Behind a pooler that
hands out connections by transaction, the pooler has to support prepared statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """As `connection.cursor()`: errors and transactions are Django's. Where queries are recorded,
    it is that very cursor: a prepared statement is recorded without its text."""
    if connection.queries_logged:
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    plain = psycopg.Cursor(connection.connection)
    # The stubs know wrapped cursors only.
    with connection.make_cursor(plain) as cursor:  # type: ignore[arg-type]
        yield cursor
