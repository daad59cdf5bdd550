"""Whether an analysis plan still fits the study that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from annotations.answers import OVERALL, OVERALL_QUESTION
from annotations.models import AnalysisPlan, Criterion, Study, StudyPart
from annotations.selectors.analyses import run_labels

COMPARISONS = (StudyPart.Design.PAIRWISE, StudyPart.Design.BEST_OF_N, StudyPart.Design.RANKING)
WITHOUT_FIGURES = (Criterion.Kind.TEXT, Criterion.Kind.SPANS)
"""Answers in words and marks are counted and listed: no result of theirs can be primary."""


def primary_choices(study: Study) -> list[tuple[str, str]]:
    """Criteria that a result can be about, as "part/slug", with their names."""
    parts = list(study.parts.select_related("instrument").prefetch_related("instrument__criteria"))
    found = []
    for part in parts:
        of = f"Part {part.position}: " if len(parts) > 1 else ""
        found += [
            (f"{part.position}/{criterion.slug}", f"{of}{criterion.name}")
            for criterion in part.instrument.criteria.all()
            if asks_comparison(part) or criterion.kind not in WITHOUT_FIGURES
        ]
        if asks_comparison(part) and part.with_overall:
            found.append((f"{part.position}/{OVERALL}", f"{of}{OVERALL_QUESTION}"))
    return found


def contrast_choices(study: Study) -> list[tuple[str, str]]:
    """Pairs of the study's runs as "older-newer", with the names of their models."""
    return [
        (contrast_key(one, other), f"{name} against {other_name}")
        for (one, name), (other, other_name) in combinations(sorted(run_labels(study).items()), 2)
    ]


def contrast_key(one: int, other: int) -> str:
    return f"{min(one, other)}-{max(one, other)}"


def asks_comparison(part: StudyPart) -> bool:
    return part.design in COMPARISONS


def plan_problems(study: Study, plan: AnalysisPlan) -> Iterator[str]:
    known = {key for key, _ in primary_choices(study)}
    unknown = [key for key in plan.primary_criteria if key not in known]
    if unknown:
        yield (
            f"The analysis plan names criteria as primary that the study does not ask for: "
            f"{', '.join(unknown)}. Choose among those it asks for."
        )
    elif not plan.primary_criteria and known:
        yield "The analysis plan names no primary criterion. Choose at least one."
    runs = set(run_labels(study))
    strange = sorted({run for pair in plan.contrasts for run in pair} - runs)
    if strange:
        yield (
            f"The analysis plan compares generation run {', '.join(map(str, strange))}, which the "
            "study does not show. Choose the comparisons again."
        )
    if any(len(set(pair)) != 2 for pair in plan.contrasts):
        yield "A comparison of the analysis plan needs two different runs. Choose it again."
