"""Any item of a study as a rater would see it, before there are items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from django.db.models import QuerySet
from django.http import Http404

from annotations.models import Study, StudyPart
from annotations.selectors.content_notes import find_in_turns, joined, notes_of
from annotations.selectors.gate_rules import reference_stimuli
from annotations.selectors.planned_study import candidate_groups
from annotations.selectors.rating_page import RatingPage, preview_page
from annotations.selectors.study_material import (
    Material,
    Reply,
    answered_turns,
    finished_runs,
    first_answers,
    material_for,
    similar_turns,
)
from inference.errors import DomainError
from inference.models import GenerationRun, Response, Stimulus


@dataclass(frozen=True)
class Preview:
    part: StudyPart
    parts: Sequence[StudyPart]
    number: int
    """From 1, of the client turns (or dialogues) that could be drawn."""
    total: int
    replies: Sequence[Reply]
    """In the order shown; empty where there is nothing to show."""
    why_empty: str = ""

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1 if self.number < self.total else 0


def preview_of(study: Study, position: int, number: int) -> Preview:
    """The item of the part at this position; a number beyond the last gives the last, 0 the
    first."""
    parts = list(study.parts.select_related("study", "instrument"))
    part = next((part for part in parts if part.position == position), None)
    if part is None:
        raise Http404("The study has no such part.")
    try:
        total, number, material = material_at(study, part, max(1, number))
    except DomainError as error:
        return Preview(part, parts, 1, 0, (), str(error))
    groups = list(candidate_groups(part, material, study.seed + part.position))
    if not groups:
        why = "Choose more generation runs: there are too few for this part."
        return Preview(part, parts, number, total, (), why)
    replies = list(groups[number % len(groups)])
    Random(f"{study.seed}:preview:{number}").shuffle(replies)  # noqa: S311
    return Preview(part, parts, number, total, replies)


def page_of(preview: Preview, *, labels: bool = False) -> RatingPage:
    """labels: the second step, where a study shows labels after the text."""
    stimuli = [reply.stimulus for reply in preview.replies]
    notes = notes_of(find_in_turns(stimuli, preview.part.unit))
    return preview_page(
        preview.part,
        Stimulus.objects.select_related("dialogue").get(pk=stimuli[0]),
        [reply.pk for reply in preview.replies],
        content_note=joined(notes.values()),
        labels=labels,
    )


def material_at(study: Study, part: StudyPart, number: int) -> tuple[int, int, Material]:
    """How many there are, which of them this is, and its replies."""
    reserved = reference_stimuli(study)
    if part.unit == StudyPart.Unit.DIALOGUE:
        everything = material_for(study, part.unit, reserved)
        keys = list(everything)
        number = min(number, len(keys))
        return len(keys), number, {keys[number - 1]: everything[keys[number - 1]]}
    runs = finished_runs(study)
    turns = turns_of(runs, study.longest_ratio)
    if reserved:
        turns = turns.exclude(stimulus__in=reserved)
    total = turns.count() if runs else 0
    if not total:
        # Says why there is nothing.
        material_for(study, part.unit, reserved)
    number = min(number, total)
    stimulus = turns[number - 1]
    order = {run.pk: place for place, run in enumerate(runs)}
    rows = first_answers(order).filter(stimulus=stimulus).values_list("pk", "run_id", "stimulus_id")
    replies = sorted((Reply(*row) for row in rows), key=lambda reply: order[reply.run])
    return total, number, {stimulus: replies}


def turns_of(runs: Sequence[GenerationRun], longest_ratio: float | None) -> QuerySet[Response, int]:
    keys = [run.pk for run in runs]
    return answered_turns(keys) if longest_ratio is None else similar_turns(keys, longest_ratio)
