"""What the planner page shows: computed when it is asked for, then kept for an hour."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.cache import cache

from annotations.analysis.settings import AnalysisSettings, ratings_of
from annotations.models import Study
from annotations.selectors.data_version import DataState
from annotations.selectors.study_criteria import criteria_of
from annotations.selectors.study_data import part_data

if TYPE_CHECKING:
    from annotations.statistics.planner import Plan
    from annotations.statistics.ratings import Ratings

KEPT_SECONDS = 3600
PLAN_VERSION = 1
"""Raised when the same question gets another answer, because the code has changed."""
USUAL_SCALE = (1, 10)


@dataclass(frozen=True)
class IntervalQuestion:
    pilot: str
    """The criterion whose answers are the pilot, as "part/slug"; empty: `assumed` holds."""
    assumed: tuple[Any, ...]
    """Alpha, lowest and highest score; empty with a pilot."""
    raters: tuple[int, ...]
    items: tuple[int, ...]


@dataclass(frozen=True)
class PowerQuestion:
    win_rate: float
    power: float
    cluster_size: float
    icc: float


def first_scale(study: Study) -> tuple[int, int]:
    """Of the study's first criterion."""
    for part in study.parts.select_related("instrument").order_by("position"):
        for criterion in criteria_of(part):
            if criterion.is_scored:
                return criterion.scale
    return USUAL_SCALE


def possible_pilots(study: Study, state: DataState) -> list[tuple[str, str]]:
    """Criteria as "part/slug" with what they are called; none before the first answer."""
    if not state.submitted:
        return []
    return [
        (f"{part.position}/{criterion.slug}", f"Answers of this study so far: {criterion.name}")
        for part in study.parts.select_related("instrument").order_by("position")
        for criterion in criteria_of(part)
        if criterion.is_scored
    ]


def interval_answer(study: Study, state: DataState, asked: IntervalQuestion) -> dict[str, Any]:
    """The plan in words, as a table and as a picture; a pilot's holds for the data as it is."""
    about = (study.pk, state.version) if asked.pilot else ()
    key = hashlib.sha256(repr((PLAN_VERSION, about, asked)).encode()).hexdigest()
    known: dict[str, Any] | None = cache.get(f"planner:{key}")
    if known is None:
        known = _interval_answer(study, asked)
        cache.set(f"planner:{key}", known, KEPT_SECONDS)
    return known


def _interval_answer(study: Study, asked: IntervalQuestion) -> dict[str, Any]:
    from annotations.analysis.planner import plan_sentences, planning_figure, width_table
    from annotations.figures.render import inline_svg

    plan = _plan(study, asked)
    if plan.undefined_because:
        return {"undefined_because": plan.undefined_because}
    figure = planning_figure(plan)
    return {
        "undefined_because": "",
        "alpha": plan.alpha,
        "percent": f"{100 * plan.confidence:g} %",
        "notes": list(plan.notes),
        "sentences": plan_sentences(plan),
        "raters": list(asked.raters),
        "table": width_table(plan),
        "title": figure.title,
        "caption": figure.caption,
        "svg": inline_svg(figure, id_prefix="planner"),
    }


def _plan(study: Study, asked: IntervalQuestion) -> Plan:
    from annotations.statistics.planner import planner, planner_from_pilot

    if asked.pilot:
        pilot = _pilot(study, asked.pilot)
        return planner_from_pilot(pilot, raters=asked.raters, items=asked.items)
    alpha, low, high = asked.assumed
    return planner(alpha=alpha, scale=(low, high), raters=asked.raters, items=asked.items)


def _pilot(study: Study, criterion: str) -> Ratings:
    position, slug = criterion.split("/", 1)
    data = part_data(study.parts.get(position=position))
    (answers,) = (one for one in data.answers if one.criterion.slug == slug)
    return ratings_of(data, answers, AnalysisSettings())


def power_answer(asked: PowerQuestion) -> str:
    from annotations.analysis.planner import power_sentence
    from annotations.statistics.planner import design_effect, win_rate_power

    times = design_effect(asked.cluster_size, asked.icc)
    return power_sentence(win_rate_power(asked.win_rate, power=asked.power, design_effect=times))
