"""Which responses of a study come with the reasoning behind them, and where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Trim

from annotations.models import Study, StudyPart
from annotations.selectors.study_material import (
    answered_turns,
    first_answers,
    similar_turns,
    whole_dialogues,
)
from inference.labels import CHAIN
from inference.models import GenerationRun, Response


class Lacking(NamedTuple):
    part: StudyPart
    links: tuple[str, ...]
    """What is asked about, in words, and is missing somewhere."""
    without: int
    of: int
    """Responses that the part would show."""


def has_reasoning(study: Study) -> bool:
    """Whether any answer of the chosen runs says how it was reasoned."""
    runs = study.study_runs.values("run")
    return Response.objects.filter(run__in=runs, error="").exclude(chain={}).exists()


def links_asked(part: StudyPart) -> list[str]:
    asked = {criterion.about_chain for criterion in part.instrument.criteria.all()}
    return [link for link in CHAIN if link in asked]


def lacking_in_study(
    study: Study, runs: Sequence[GenerationRun], parts: Sequence[StudyPart]
) -> Iterator[Lacking]:
    for part in parts:
        if links := links_asked(part):
            yield from _lacking(part, links, shown_in(study, runs, part))


def lacking_in_panel(parts: Sequence[StudyPart]) -> Iterator[Lacking]:
    """Of a draft: what has items by now is the reference panel."""
    for part in parts:
        if links := links_asked(part):
            shown = Response.objects.filter(candidates__item__part=part).distinct()
            yield from _lacking(part, links, shown)


def shown_in(
    study: Study, runs: Sequence[GenerationRun], part: StudyPart
) -> QuerySet[Response, Response]:
    """Every response that could be drawn."""
    keys = [run.pk for run in runs]
    if part.unit == StudyPart.Unit.DIALOGUE:
        groups = whole_dialogues(runs, study.seed).values()
        return Response.objects.filter(pk__in=[reply.pk for group in groups for reply in group])
    ratio = study.longest_ratio
    turns = answered_turns(keys) if ratio is None else similar_turns(keys, ratio)
    return first_answers(keys).filter(stimulus__in=turns)


def without_links(
    responses: QuerySet[Response, Response], links: Sequence[str]
) -> QuerySet[Response, Response]:
    """Those of which at least one link is missing or blank."""
    missing = Q()
    for link in links:
        said = f"said_{link}"
        responses = responses.annotate(**{said: Trim(KeyTextTransform(link, "chain"))})
        missing |= Q(**{f"{said}__isnull": True}) | Q(**{said: ""})
    return responses.filter(missing)


def _lacking(
    part: StudyPart, links: Sequence[str], shown: QuerySet[Response, Response]
) -> Iterator[Lacking]:
    if without := without_links(shown, links).count():
        missing = [link for link in links if without_links(shown, [link]).exists()]
        words = tuple(link.replace("_", " ") for link in missing)
        yield Lacking(part, words, without, shown.count())
