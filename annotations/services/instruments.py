"""Instruments come from files or forms; a version that a study uses never changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Max

from annotations.instruments import (
    CriterionText,
    InstrumentText,
    check_instrument,
    instrument_from_toml,
    read_instrument,
)
from annotations.instruments.problems import raise_any
from annotations.models import Criterion, Instrument, Study
from annotations.selectors.instruments import CRITERION_FIELDS, text_of
from inference.errors import DomainError, UnknownNameError
from mood_eval.models import Team

NAME_LENGTH = 200


class InstrumentChangedError(DomainError):
    """A version that studies may already use must keep its words."""


class InstrumentInUseError(DomainError):
    """Studies use these very words."""


@transaction.atomic
def ensure_instrument(slug: str) -> Instrument:
    """The shipped instrument as rows; made on first use, compared with its file afterwards."""
    text = read_instrument(slug)
    if text is None:
        raise UnknownNameError(f"There is no instrument named “{slug}”.")
    instrument, made = Instrument.objects.get_or_create(
        team=None, slug=text.slug, version=text.version, defaults=_fields(text)
    )
    if made:
        _write_criteria(instrument, text)
    elif text_of(instrument).criteria != text.criteria:
        raise InstrumentChangedError(
            f"The file of “{slug}” differs from version {text.version} in the database. "
            "Give the changed file a new version number."
        )
    return instrument


@transaction.atomic
def import_instrument(*, team: Team, content: str, file: str = "") -> Instrument:
    """From a file's text. The same file twice makes one instrument."""
    text = instrument_from_toml(content, file=file)
    _lock(team)
    existing = Instrument.objects.filter(team=team, slug=text.slug, version=text.version).first()
    if existing is None:
        return _create(team, text)
    if text_of(existing) == text:
        return existing
    raise InstrumentInUseError(
        f"Version {text.version} of “{text.slug}” is here already, with other words. "
        f"Write version = {_next_version(existing)} in the file to add it beside that one."
    )


@transaction.atomic
def make_instrument(*, team: Team, text: InstrumentText) -> Instrument:
    """From a form."""
    raise_any(check_instrument(text))
    _lock(team)
    return _create(team, replace(text, slug=_free_slug(team, text.slug), version=1))


@transaction.atomic
def copy_instrument(*, team: Team, instrument: Instrument) -> Instrument:
    """The team's own, to be edited."""
    text = text_of(instrument)
    origin = f"Copy of “{text.name}”, version {text.version}; words may have been changed since."
    _lock(team)
    copy = replace(
        text,
        slug=_free_slug(team, f"{text.slug[:70]}-copy"),
        version=1,
        name=f"{text.name} (copy)"[:NAME_LENGTH],
        note=f"{text.note}\n\n{origin}".strip(),
    )
    return _create(team, copy)


@transaction.atomic
def edit_instrument(*, instrument: Instrument, text: InstrumentText) -> Instrument:
    """In place while no study uses this version, otherwise as the next one. Its slug stays."""
    if instrument.team is None:
        raise InstrumentChangedError(
            f"“{instrument.name}” ships with the project and stays as it is. Make a copy and edit "
            "that."
        )
    raise_any(check_instrument(text))
    _lock(instrument.team)
    # A study that is being made at this moment waits for the row, or is seen here.
    instrument = Instrument.objects.select_for_update().get(pk=instrument.pk)
    if instrument.parts.exists():
        text = replace(text, slug=instrument.slug, version=_next_version(instrument))
        return _create(instrument.team, text)
    for name, value in _fields(text).items():
        setattr(instrument, name, value)
    instrument.save(update_fields=list(_fields(text)))
    instrument.criteria.all().delete()
    _write_criteria(instrument, text)
    return instrument


@transaction.atomic
def delete_instrument(*, instrument: Instrument) -> None:
    if instrument.team is None:
        raise InstrumentInUseError(f"“{instrument.name}” ships with the project and stays.")
    instrument = Instrument.objects.select_for_update().get(pk=instrument.pk)
    studies = Study.objects.filter(parts__instrument=instrument).order_by("pk")
    names = ", ".join(f"“{name}”" for name in dict.fromkeys(studies.values_list("name", flat=True)))
    if names:
        raise InstrumentInUseError(
            f"Version {instrument.version} of “{instrument.name}” belongs to the study {names} and "
            "stays with it."
        )
    instrument.delete()


def _create(team: Team | None, text: InstrumentText) -> Instrument:
    instrument = Instrument.objects.create(
        team=team, slug=text.slug, version=text.version, **_fields(text)
    )
    _write_criteria(instrument, text)
    return instrument


def _fields(text: InstrumentText) -> dict[str, str]:
    return {"name": text.name, "citation": text.citation, "note": text.note}


def _write_criteria(instrument: Instrument, text: InstrumentText) -> None:
    Criterion.objects.bulk_create(
        Criterion(instrument=instrument, position=position, **_values(criterion))
        for position, criterion in enumerate(text.criteria, start=1)
    )


def _values(criterion: CriterionText) -> dict[str, Any]:
    return {name: getattr(criterion, name) for name in CRITERION_FIELDS}


def _next_version(instrument: Instrument) -> int:
    same = Instrument.objects.filter(team=instrument.team, slug=instrument.slug)
    return int(same.aggregate(newest=Max("version"))["newest"]) + 1


def _free_slug(team: Team, wanted: str) -> str:
    taken = set(Instrument.objects.filter(team=team).values_list("slug", flat=True))
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted[:76]}-{number}"
    return slug


def _lock(team: Team) -> None:
    """One name or version is given once, however many people press at once."""
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
