"""A study's results as one document: for the command, the interface and the printed page."""

from __future__ import annotations

from typing import Any

from annotations.models import AnalysisPlan, Study, StudyAnalysis
from annotations.selectors.analyses import early_looks, plan_of
from annotations.selectors.data_version import DataState, data_state, raters_who_submitted


def results_document(analysis: StudyAnalysis, known: DataState | None = None) -> dict[str, Any]:
    """Everything that was computed, with what it was computed on. known: the data as it is now."""
    study = analysis.study
    state = known or data_state(study)
    return {
        "study": study.pk,
        "name": study.name,
        "state": study.state,
        "assignments": state.assignments,
        "submitted": state.submitted,
        "raters": raters_who_submitted(study),
        "current": analysis.data_version == state.version,
        "computed_at": analysis.finished_at,
        "data_sha256": analysis.data_sha256,
        "filters": analysis.filters,
        "contrasts_open": analysis.with_contrasts,
        "plan": plan_document(plan_of(study)),
        "early_looks": look_documents(study),
        "sections": dict(analysis.sections.values_list("name", "results")),
    }


def plan_document(plan: AnalysisPlan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {
        "primary_criteria": plan.primary_criteria,
        "contrasts": plan.contrasts,
        "population": plan.get_population_display(),
        "cluster": plan.cluster,
        "min_active_seconds": plan.min_active_seconds,
        "answer_version": plan.answer_version,
        "stopping_rule": plan.stopping_rule,
        "confidence": plan.confidence,
        "resamples": plan.resamples,
        "seed": plan.seed,
        "frozen_at": plan.frozen_at,
    }


def look_documents(study: Study) -> list[dict[str, Any]]:
    return [
        {
            "kind": look.kind,
            "at": look.at,
            "by": look.user.email,
            "reason": look.reason,
            "submitted": look.submitted,
            "assignments": look.assignments,
        }
        for look in early_looks(study)
    ]
