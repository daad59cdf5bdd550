"""Stored pictures and tables as files."""

from __future__ import annotations

from typing import cast

from annotations.models import ResultFigure
from annotations.selectors.results_tables import ReportTable

KINDS = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
}
TABLE_KINDS = {"tex": "application/x-tex; charset=utf-8", "csv": "text/csv; charset=utf-8"}


def figure_file(figure: ResultFigure, kind: str) -> bytes | str:
    """SVG, PDF and PNG are drawn here; CSV is the picture's data."""
    from annotations.figures.render import Format, as_csv, render
    from annotations.figures.specs import FigureSpec

    spec = FigureSpec.from_json(figure.spec)
    return as_csv(spec) if kind == "csv" else render(spec, cast(Format, kind))


def table_file(table: ReportTable, kind: str) -> str:
    from annotations.analysis.tables import csv_table, latex_table

    if kind == "csv":
        return csv_table(table.columns, table.rows)
    return latex_table(table.columns, table.rows, caption=table.caption, label=f"tab:{table.name}")
