"""What of a study its models have learned from, and who of its raters taught them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from annotations.analysis.words import counted
from annotations.models import Candidate, Item, Study, StudyRater
from annotations.selectors.fresh_sessions import learned_from
from annotations.selectors.gate_rules import reference_stimuli
from annotations.selectors.lineage import TrainingsBehind, shared_raters, trainings_behind
from annotations.selectors.study_material import material_for
from inference.errors import DomainError
from inference.models import Corpus, Stimulus


@dataclass(frozen=True)
class Leaks:
    seen: int
    """Client turns of sessions that a model in the study learned from, of `turns`."""
    turns: int
    shared: int
    """Raters who also gave answers that a model in the study learned from, of `raters`."""
    raters: int


def leaks_in(study: Study) -> Leaks | None:
    """None where no model in the study learned from anything that is known here."""
    behind = trainings_behind(models_in(study))
    if not behind.releases and not behind.files and not behind.corpora:
        return None
    turns = shown_turns(study)
    people = people_in(study)
    return Leaks(
        seen=len(turns & seen_turns(study, behind, turns)),
        turns=len(turns),
        shared=shared_raters(people, behind),
        raters=len(people),
    )


def models_in(study: Study) -> set[int]:
    return set(study.study_runs.values_list("run__model_version", flat=True))


def people_in(study: Study) -> set[int]:
    people = study.raters.filter(kind=StudyRater.Kind.PERSON)
    here = people.exclude(stage=StudyRater.Stage.WITHDRAWN)
    return set(here.values_list("user_id", flat=True))


def shown_turns(study: Study) -> set[int]:
    """Stimuli, of whole dialogues those that any reply in an item is to: of a draft those that the
    launch would draw, as far as that can be said."""
    if study.state != Study.State.DRAFT:
        items = Item.objects.filter(part__study=study, pool=Item.Pool.STUDY)
        shown = Candidate.objects.filter(item__in=items)
        return {
            *items.values_list("stimulus_id", flat=True),
            *shown.values_list("response__stimulus_id", flat=True),
        }
    reserved = reference_stimuli(study)
    found: set[int] = set()
    for unit in study.parts.order_by("unit").values_list("unit", flat=True).distinct():
        try:
            material = material_for(study, unit, reserved)
        except DomainError:
            continue  # the launch refuses it, and says why
        found |= {reply.stimulus for replies in material.values() for reply in replies}
    return found


def seen_turns(study: Study, behind: TrainingsBehind, turns: set[int]) -> set[int]:
    corpora = Corpus.objects.filter(dialogues__stimuli__in=turns).distinct()
    sessions = set().union(*(learned_from(corpus, behind) for corpus in corpora))
    seen = Stimulus.objects.filter(pk__in=turns, dialogue__session__in=sessions)
    return set(seen.values_list("pk", flat=True))


def leak_advice(study: Study) -> Iterator[str]:
    found = leaks_in(study)
    if found is None:
        return
    if found.seen:
        yield (
            f"Of {counted(found.turns, 'client turn')}, {found.seen:,} come from sessions that a "
            "model in this study learned from, so it may do better on them than on new ones. "
            "Choose runs over sessions that no training saw."
        )
    if found.shared:
        yield (
            f"Of {counted(found.raters, 'rater')}, {found.shared} also gave answers that a model "
            "in this study learned from: it may please them more than it would please others."
        )
