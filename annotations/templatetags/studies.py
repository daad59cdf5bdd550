"""Words of the design report."""

from __future__ import annotations

from django import template

from annotations.answers import LETTERS

register = template.Library()
CELLS = {
    "item": "item",
    "source": "model",
    "source pair": "pair of models",
    "rater": "rater",
    "criterion": "criterion",
}


@register.filter
def cell_name(name: str) -> str:
    return CELLS.get(name, name)


@register.filter
def letter(place: int) -> str:
    """Of the response at this place, from 0."""
    return LETTERS[place]
