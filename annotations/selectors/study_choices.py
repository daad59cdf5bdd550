"""Instruments that a part can use: those that ship, and the team's own in every version."""

from __future__ import annotations

from typing import Any

from annotations.instruments import (
    InstrumentText,
    StudyTemplate,
    read_template,
    shipped_instruments,
)
from annotations.models import Instrument, Study
from mood_eval.models import Team

Choice = tuple[str, Any]
SHIPPED = "shipped:"


def instrument_choices(team: Team, used: Instrument | None) -> list[Choice]:
    """A shipped one by its name in the files, a row by its number; `used` stays as it is."""
    shipped = [
        (row_or_name(text, used), f"{text.name} (version {text.version})")
        for text in shipped_instruments()
    ]
    own = [
        (str(row.pk), str(row))
        for row in Instrument.objects.filter(team=team).order_by("name", "-version")
    ]
    groups: list[Choice] = [("Shipped", shipped)]
    if own:
        groups.insert(0, ("Your team's", own))
    if used is not None and str(used.pk) not in dict([*shipped, *own]):
        groups.insert(0, ("In this part", [(str(used.pk), str(used))]))
    return groups


def row_or_name(text: InstrumentText, used: Instrument | None) -> str:
    """As a row where the part uses this very version already."""
    this = (None, text.slug, text.version)
    if used is not None and (used.team_id, used.slug, used.version) == this:
        return str(used.pk)
    return SHIPPED + text.slug


def template_of(study: Study) -> StudyTemplate | None:
    """None where the study began empty, or its template no longer ships."""
    return read_template(study.template)
