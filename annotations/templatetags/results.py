"""Figures in templates: numbers to a fixed number of digits, "undefined" where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from annotations.models import StudyPart

register = template.Library()
MINUS = "\u2212"


@register.filter
def figure(value: float | None, digits: int = 2) -> str:
    """With a true minus sign."""
    return "undefined" if value is None else f"{value:.{digits}f}".replace("-", MINUS)


@register.filter
def share(value: float | None, digits: int = 0) -> str:
    return "undefined" if value is None else f"{100 * value:.{digits}f} %"


@register.filter
def interval(estimate: Mapping[str, Any] | None, digits: int = 2) -> str:
    """ "0.41 to 0.62", or the reason why there is none."""
    if not estimate or estimate.get("low") is None:
        return ""
    return f"{figure(estimate['low'], digits)} to {figure(estimate['high'], digits)}"


@register.filter
def p_value(value: float | None) -> str:
    if value is None:
        return "undefined"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


@register.filter
def cell(value: object) -> str:
    """Of a table that mixes words, counts and figures."""
    if isinstance(value, float):
        return figure(value, 3)
    return "\u2013" if value is None else str(value)


@register.filter
def table_cells(rows: Iterable[Iterable[object]]) -> list[list[str]]:
    return [[cell(value) for value in row] for row in rows]


@register.filter
def entry(mapping: Mapping[str, Any] | None, key: str) -> Any:
    """mapping[key], for keys that are not names."""
    return (mapping or {}).get(key)


@register.filter
def entry_named(rows: Sequence[Mapping[str, Any]] | None, model: str) -> Mapping[str, Any]:
    """The row of a model; empty where there is none."""
    return next((row for row in rows or () if row["model"] == model), {"value": None})


@register.filter
def table_body(rows: Iterable[Iterable[object]], head: str = "") -> SafeString:
    """Rows of a table of figures, many of which are a page's slowest part as a template. With
    head, "row", the first cell is the row's heading and the others are numbers."""
    first, last = ('<th scope="row">', "</th>") if head else ("<td>", "</td>")
    number = '<td class="number">' if head else "<td>"
    made = []
    for row in rows:
        texts = [escape("\u2013" if value is None else value) for value in row]
        others = "".join(f"{number}{text}</td>" for text in texts[1:])
        made.append(f"<tr>{first}{texts[0]}{last}{others}</tr>")
    return mark_safe("".join(made))  # noqa: S308 - every cell is escaped above


@register.filter
def design_name(design: str) -> str:
    """Of a part, as a heading."""
    return str(StudyPart.Design(design).label) if design != StudyPart.Design.ABSOLUTE else "Scores"


@register.filter
def drawn(svg: str) -> SafeString:
    """An SVG of ours, in which every label was escaped when it was drawn."""
    return mark_safe(svg)  # noqa: S308
