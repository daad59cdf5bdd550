"""Which items mention something that raters are told of beforehand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Q

from annotations.content_themes import ANY, THEMES, find_themes, note_of
from annotations.models import Item, Study, StudyPart
from annotations.selectors.draft_state import state_of_draft
from annotations.selectors.gate_rules import reference_stimuli
from annotations.selectors.study_material import material_for
from inference.models import Dialogue, Stimulus, Turn

Found = Mapping[int, Mapping[str, str]]
"""Client turn -> theme -> the words it was found by."""
WHOLE_DIALOGUE = 2**31
KEPT_SECONDS = 3600


class Place(NamedTuple):
    dialogue: int
    last: int
    """Position of the last turn that is shown."""


@dataclass(frozen=True)
class Suggestion:
    part: int
    """The first part that shows it."""
    number: int
    """In the preview of that part."""
    client: str
    themes: Mapping[str, str]
    """Theme -> the words it was found by."""


@dataclass(frozen=True)
class NotedItem:
    pk: int
    part: int
    position: int
    note: str
    client: str


def find_in_turns(stimuli: Collection[int], unit: str = StudyPart.Unit.RESPONSE) -> Found:
    """In what is shown with a client turn: type of problem, situation, and all turns up to it; of
    whole dialogues all turns. Three queries."""
    rows = Stimulus.objects.filter(pk__in=stimuli).values_list("pk", "dialogue_id", "last_position")
    whole = unit == StudyPart.Unit.DIALOGUE
    places = {pk: Place(of, WHOLE_DIALOGUE if whole else last) for pk, of, last in rows}
    dialogues = {place.dialogue for place in places.values()}
    about: dict[int, dict[str, str]] = defaultdict(dict)
    for pk, problem, situation in Dialogue.objects.filter(
        Q(problem_type__iregex=ANY) | Q(situation__iregex=ANY), pk__in=dialogues
    ).values_list("pk", "problem_type", "situation"):
        about[pk] = find_themes(f"{problem}\n{situation}")
    said: dict[int, list[tuple[int, dict[str, str]]]] = defaultdict(list)
    turns = Turn.objects.filter(dialogue__in=dialogues, text__iregex=ANY).order_by("position")
    for dialogue, position, text in turns.values_list("dialogue_id", "position", "text"):
        said[dialogue].append((position, find_themes(text)))
    found = {}
    for pk, place in places.items():
        themes = dict(about[place.dialogue]) if place.dialogue in about else {}
        for position, words in said.get(place.dialogue, ()):
            if position <= place.last:
                themes = words | themes
        if themes:
            found[pk] = {theme: themes[theme] for theme in THEMES if theme in themes}
    return found


def notes_of(found: Found, themes: Collection[str] | None = None) -> dict[int, str]:
    """Client turn -> the note, of these themes only; None: of all."""
    kept = THEMES if themes is None else themes
    notes = {pk: note_of([t for t in words if t in kept]) for pk, words in found.items()}
    return {pk: note for pk, note in notes.items() if note}


def joined(notes: Iterable[str]) -> str:
    """One note for what is shown together."""
    return note_of({theme for note in notes for theme in note.split(", ")})


def suggested_notes(study: Study) -> list[Suggestion]:
    """Of a draft: client turns (or dialogues) that would be drawn and mention a theme. Kept for an
    hour: of a large corpus they take a second.

    Raises DomainError where nothing can be drawn yet.
    """
    key = f"content-notes:{state_of_draft(study, ANY)}"
    known: list[Suggestion] | None = cache.get(key)
    if known is None:
        known = find_suggestions(study)
        cache.set(key, known, KEPT_SECONDS)
    return known


def find_suggestions(study: Study) -> list[Suggestion]:
    units: dict[str, int] = {}
    for part in study.parts.order_by("position"):
        units.setdefault(part.unit, part.position)
    found: list[Suggestion] = []
    for unit, position in units.items():
        material = material_for(study, unit, reference_stimuli(study))
        shown = {reply.stimulus for replies in material.values() for reply in replies}
        themes = find_in_turns(shown, unit)
        said = client_words(set(themes))
        numbers = {key: place for place, key in enumerate(material, start=1)}
        found += [
            Suggestion(position, numbers.get(key, 0), said.get(key, ""), words)
            for key, words in sorted(themes.items())
        ]
    return found


def noted_items(study: Study) -> list[NotedItem]:
    """Of a launched study: items whose raters are told something before."""
    rows = (
        Item.objects.filter(part__study=study)
        .exclude(content_note="")
        .order_by("part__position", "position")
        .values_list("pk", "part__position", "position", "content_note", "stimulus")
    )
    spoken = client_words({row[4] for row in rows})
    return [NotedItem(*row[:4], client=spoken.get(row[4], "")) for row in rows]


def client_words(stimuli: Collection[int]) -> dict[int, str]:
    """The last thing the client says in each."""
    rows = Stimulus.objects.filter(pk__in=stimuli).values_list("pk", "dialogue_id", "last_position")
    last = {(dialogue, position): pk for pk, dialogue, position in rows}
    turns = Turn.objects.filter(dialogue__in={dialogue for dialogue, _ in last})
    return {
        last[dialogue, position]: text
        for dialogue, position, text in turns.values_list("dialogue_id", "position", "text")
        if (dialogue, position) in last
    }
