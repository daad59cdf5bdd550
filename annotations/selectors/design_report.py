"""The design report of a draft: worked out when it is asked for, then kept for an hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.core.cache import cache
from django.db.models import Avg

from annotations.design import DesignReport, Planned, PlannedDesign, PlannedPart, design_report
from annotations.design.planned import PartDesign
from annotations.models import Criterion, Study, StudyPart
from annotations.selectors.analyses import model_labels
from annotations.selectors.draft_state import state_of_draft
from annotations.selectors.launch_checks import runs_shown
from annotations.selectors.planned_study import PartPlan, design_item, plan_study
from annotations.selectors.study_material import Words, count_turns, finished_runs, first_answers
from inference.models import Clip

REPORT_VERSION = 1
"""Raised when the same draft gets another report, because the code has changed."""
KEPT_SECONDS = 3600
AT_ONCE = 4000
"""Assignments that are designed within a second, and so while the page is asked for."""
WORDS_PER_SECOND = 3.5
SECONDS_PER_QUESTION = 6
SECONDS_OF_CONTEXT = 20
"""For situation and dialogue so far, besides the clip and the responses."""
Kind = Criterion.Kind
WITHOUT_SCALE = (Kind.MULTIPLE, Kind.TEXT, Kind.SPANS)


@dataclass(frozen=True)
class Assumptions:
    raters: int
    alpha: float
    tie_share: float
    seconds: int
    """That an item takes."""


def usual_assumptions(study: Study, parts: Sequence[StudyPart]) -> Assumptions:
    raters = max(study.raters.count(), study.overlap)
    return Assumptions(raters, alpha=0.5, tie_share=0.2, seconds=usual_seconds(study, parts))


def usual_seconds(study: Study, parts: Sequence[StudyPart]) -> int:
    """From the length of replies and clips and the number of questions, to the next 5."""
    runs = list(study.study_runs.values_list("run_id", flat=True))
    words = first_answers(runs).aggregate(mean=Avg(Words("text")))["mean"] or 0.0
    clips = Clip.objects.filter(corpus__generation_runs__study_runs__study=study)
    clip = clips.aggregate(mean=Avg("duration_ms"))["mean"] or 0.0
    shown = max((runs_shown(part, len(runs)) for part in parts), default=1)
    asked = max((len(part.instrument.criteria.all()) for part in parts), default=0)
    reading = shown * float(words) / WORDS_PER_SECOND
    total = SECONDS_OF_CONTEXT + float(clip) / 1000 + reading + SECONDS_PER_QUESTION * asked
    return 5 * round(total / 5)


def parts_of(study: Study) -> list[StudyPart]:
    found = study.parts.select_related("instrument", "gate")
    return list(found.prefetch_related("instrument__criteria"))


def is_quick(study: Study, parts: Sequence[StudyPart]) -> bool:
    """Whether the report can be made while the page is waited for."""
    runs = finished_runs(study)
    counts = count_turns(runs, longest_ratio=None, limit=study.stimulus_limit)
    items = sum(counts.drawn * items_per_turn(part, len(runs)) for part in parts)
    return items * study.overlap <= AT_ONCE


def items_per_turn(part: StudyPart, runs: int) -> int:
    if part.design == StudyPart.Design.ABSOLUTE:
        return runs
    return runs * (runs - 1) // 2 if part.design == StudyPart.Design.PAIRWISE else 1


def kept_report(study: Study, assumed: Assumptions) -> DesignReport | None:
    found: DesignReport | None = cache.get(key_of(study, assumed))
    return found


def report_on(study: Study, assumed: Assumptions) -> DesignReport:
    """Raises DomainError where nothing can be designed."""
    key = key_of(study, assumed)
    known: DesignReport | None = cache.get(key)
    if known is None:
        design = planned_design(study, plan_study(study, assumed.raters), assumed)
        known = design_report(
            design, seed=study.seed, alpha=assumed.alpha, tie_share=assumed.tie_share
        )
        cache.set(key, known, KEPT_SECONDS)
    return known


def key_of(study: Study, assumed: Assumptions) -> str:
    return f"design:{state_of_draft(study, REPORT_VERSION, assumed, model_labels(study))}"


def planned_design(study: Study, plans: Sequence[PartPlan], assumed: Assumptions) -> PlannedDesign:
    return PlannedDesign(
        parts=[planned_part(plan, assumed.seconds) for plan in plans],
        work={
            place: [Planned(step.item, step.role) for plan in plans for step in plan.work[place]]
            for place in range(assumed.raters)
        },
        shown={
            (place, step.item): tuple(reply.run for reply in step.order)
            for plan in plans
            for place, steps in plan.work.items()
            for step in steps
            if step.role == "independent"
        },
        block_size=study.block_size,
        source_names=model_labels(study),
        rater_names={place: f"rater {place + 1}" for place in range(assumed.raters)},
    )


def planned_part(plan: PartPlan, seconds: float) -> PlannedPart:
    part = plan.part
    criteria = list(part.instrument.criteria.all())
    return PlannedPart(
        name=f"Part {part.position}: {part.instrument.name}",
        design=cast(PartDesign, part.design),
        items=[design_item(item) for item in plan.items if item.reference is None],
        criteria=[criterion.slug for criterion in criteria],
        seconds_per_item=seconds,
        scale=first_scale(part, criteria),
        ties=part.tie_allowed,
        reference_items=[item.key for item in plan.items if item.reference is not None],
    )


def first_scale(part: StudyPart, criteria: Sequence[Criterion]) -> tuple[float, float] | None:
    """Of the first criterion with an ordinal alpha."""
    if part.design == StudyPart.Design.PAIRWISE:
        return (-2.0, 2.0) if part.with_strength else (-1.0, 1.0)
    if part.design != StudyPart.Design.ABSOLUTE:
        return None
    for criterion in criteria:
        if criterion.level == Criterion.Level.NOMINAL or criterion.kind in WITHOUT_SCALE:
            continue
        values = [option["value"] for option in criterion.options]
        if criterion.kind == Kind.CHOICE and values:
            return float(min(values)), float(max(values))
        return float(criterion.scale_min), float(criterion.scale_max)
    return None
