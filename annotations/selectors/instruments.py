"""Instruments: those that ship, for every researcher, and a team's own, for the team alone."""

from __future__ import annotations

from dataclasses import dataclass, fields

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse

from annotations.instruments import (
    CriterionText,
    InstrumentText,
    StudyTemplate,
    instrument_to_toml,
    read_instrument,
    shipped_instruments,
    study_templates,
)
from annotations.models import Criterion, Instrument, Study
from annotations.selectors.study_choices import SHIPPED
from mood_eval.access import current_team, for_teams_of, team_object
from mood_eval.models import Team, User

Viewer = User | AnonymousUser
CRITERION_FIELDS = tuple(field.name for field in fields(CriterionText))


@dataclass(frozen=True)
class InstrumentLine:
    """One line of the list."""

    name: str
    version: int
    criteria: int
    studies: int
    """Of the team."""
    url: str


def instrument_for(user: Viewer, pk: int) -> Instrument:
    """A shipped one, or one of the person's team."""
    shown = Q(team=None) | Q(team__memberships__user_id=user.pk)
    current_team(user)  # 404 for whoever is no researcher
    return get_object_or_404(Instrument.objects.filter(shown).distinct(), pk=pk)


def instrument_of_team(user: Viewer, pk: int) -> Instrument:
    return team_object(user, Instrument.objects.select_related("team"), pk=pk)


def shipped_instrument_for(user: Viewer, slug: str) -> InstrumentText:
    current_team(user)
    text = read_instrument(slug)
    if text is None:
        raise Http404("No instrument of this name ships with the project.")
    return text


def text_of(instrument: Instrument) -> InstrumentText:
    return InstrumentText(
        slug=instrument.slug,
        version=instrument.version,
        name=instrument.name,
        citation=instrument.citation,
        note=instrument.note,
        criteria=tuple(map(criterion_text, instrument.criteria.all())),
    )


def criterion_text(criterion: Criterion) -> CriterionText:
    return CriterionText(**{name: getattr(criterion, name) for name in CRITERION_FIELDS})


def instrument_as_toml(instrument: Instrument) -> str:
    return instrument_to_toml(text_of(instrument))


def shipped_lines(team: Team) -> list[InstrumentLine]:
    """As in the files, and the earlier versions that studies of the team use."""
    rows = _counted(Instrument.objects.filter(team=None), team)
    used = {(row.slug, row.version): row for row in rows if row.study_count}  # type: ignore[attr-defined]
    lines = []
    for text in shipped_instruments():
        row = used.pop((text.slug, text.version), None)
        studies = row.study_count if row else 0  # type: ignore[attr-defined]  # by _counted
        url = reverse("instrument_shipped", args=[text.slug])
        lines.append(InstrumentLine(text.name, text.version, len(text.criteria), studies, url))
    return lines + [_line(row) for row in used.values()]


def team_lines(team: Team) -> list[InstrumentLine]:
    return [_line(row) for row in _counted(Instrument.objects.filter(team=team), team)]


def _counted(instruments: QuerySet[Instrument], team: Team) -> QuerySet[Instrument]:
    return instruments.annotate(
        criterion_count=Count("criteria", distinct=True),
        study_count=Count("parts__study", filter=Q(parts__study__team=team), distinct=True),
    ).order_by("name", "-version", "pk")


def _line(row: Instrument) -> InstrumentLine:
    return InstrumentLine(
        row.name,
        row.version,
        row.criterion_count,  # type: ignore[attr-defined]  # by _counted
        row.study_count,  # type: ignore[attr-defined]
        reverse("instrument_detail", args=[row.pk]),
    )


def studies_with(user: Viewer, text: InstrumentText, team: Team | None) -> QuerySet[Study]:
    """Studies of the person's teams with this version of a shipped (no team) or own instrument."""
    studies = Study.objects.filter(
        parts__instrument__team=team,
        parts__instrument__slug=text.slug,
        parts__instrument__version=text.version,
    )
    return for_teams_of(user, studies).distinct().order_by("-created_at")


def templates_with(text: InstrumentText) -> list[StudyTemplate]:
    return [
        template
        for template in study_templates()
        if text.slug in {part.instrument for part in template.parts}
    ]


def later_version(instrument: Instrument) -> Instrument | None:
    """The newest one, if it is newer."""
    same = Instrument.objects.filter(team=instrument.team, slug=instrument.slug)
    return same.filter(version__gt=instrument.version).order_by("-version").first()


def instruments_listed(team: Team) -> list[tuple[str, InstrumentText]]:
    """As a part names it, and its words: the team's own, then those that ship."""
    own = Instrument.objects.filter(team=team).prefetch_related("criteria")
    return [
        *((str(row.pk), text_of(row)) for row in own.order_by("name", "-version")),
        *((SHIPPED + text.slug, text) for text in shipped_instruments()),
    ]
