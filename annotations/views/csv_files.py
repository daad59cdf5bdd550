from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpResponse


def csv_response(rows: Iterable[Sequence[object]], name: str) -> HttpResponse:
    """A cell that a spreadsheet would run as a formula comes with an apostrophe before it."""
    lines = io.StringIO()
    csv.writer(lines).writerows([harmless(cell) for cell in row] for row in rows)
    return HttpResponse(
        "\ufeff" + lines.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell
