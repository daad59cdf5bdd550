"""The newest figures of a study, whether they are stale, and what is closed to whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from annotations.analysis.filters import ResultsFilter
from annotations.analysis.settings import AnalysisSettings
from annotations.models import (
    AnalysisPlan,
    EarlyLook,
    ResultFigure,
    Study,
    StudyAnalysis,
)
from annotations.selectors.data_version import DataState, data_state
from inference.models import JobState
from mood_eval.access import team_object
from mood_eval.models import User

FRESH = timedelta(seconds=30)
LINK_LENGTH = 16
"""Characters of a figure's hash in its address: enough for one study."""


@dataclass(frozen=True)
class Shown:
    """What a results page has to go by."""

    state: DataState
    analysis: StudyAnalysis | None
    """The newest finished one."""
    current: bool
    """Whether it was made on the data as it is now."""
    job: StudyAnalysis | None
    """One that is being made, or has failed, for the data as it is now."""

    @property
    def waiting(self) -> bool:
        return self.job is not None and self.job.is_active

    @property
    def wanted(self) -> bool:
        """Nothing is being made for the data as it is now."""
        return not self.current and self.job is None

    @property
    def overdue(self) -> bool:
        """Wanted, and the figures there are have had their time: a page that stays open while
        raters work does not keep a worker busy all the time."""
        made = self.analysis.finished_at if self.analysis else None
        return self.wanted and (made is None or timezone.now() - made > FRESH)


def study_for_results(user: User | AnonymousUser, pk: int) -> Study:
    studies = Study.objects.select_related("team", "analysis_plan")
    return team_object(user, studies, pk=pk)


def contrasts_open(study: Study) -> bool:
    """Comparisons of models stay closed until the study is, so that nobody stops it early."""
    return study.state == Study.State.CLOSED


def shown_analysis(study: Study, chosen: ResultsFilter) -> Shown:
    state = data_state(study)
    rows = list(_of(study, chosen).filter(look=None).order_by("-pk").defer("error")[:20])
    done = next((row for row in rows if row.state == JobState.DONE), None)
    newest = [row for row in rows if row.data_version == state.version]
    job = next((row for row in newest if row.state != JobState.DONE), None)
    current = done is not None and done.data_version == state.version
    return Shown(state, done, current, job)


def latest_look(study: Study, chosen: ResultsFilter) -> StudyAnalysis | None:
    """The figures of the last early look at the models, while the study is open."""
    rows = _of(study, chosen).filter(look__isnull=False).select_related("look__user")
    return rows.order_by("-pk").first()


def _of(study: Study, chosen: ResultsFilter) -> QuerySet[StudyAnalysis]:
    return StudyAnalysis.objects.filter(study=study, filters_key=chosen.key)


def section_results(analysis: StudyAnalysis | None, name: str) -> dict[str, Any] | None:
    if analysis is None:
        return None
    rows = analysis.sections.filter(name=name).values_list("results", flat=True)
    return rows.first()


def figures_of(study: Study, hashes: list[str]) -> dict[str, ResultFigure]:
    found = ResultFigure.objects.filter(study=study, sha256__in=hashes)
    return {figure.sha256: figure for figure in found}


def figure_for_member(user: User | AnonymousUser, study_pk: int, link: str) -> ResultFigure:
    """404 for everybody else, and for pictures of what is still closed."""
    study = study_for_results(user, study_pk)
    if len(link) < LINK_LENGTH:
        raise Http404
    figure = get_object_or_404(
        ResultFigure.objects.select_related("study"), study=study, sha256__startswith=link
    )
    if figure.shows_models and not contrasts_open(study) and not has_looked(study):
        raise Http404
    return figure


def has_looked(study: Study, kind: str = EarlyLook.Kind.CONTRASTS) -> bool:
    return study.early_looks.filter(kind=kind).exists()


def early_looks(study: Study) -> QuerySet[EarlyLook]:
    return study.early_looks.select_related("user")


def plan_of(study: Study) -> AnalysisPlan | None:
    return AnalysisPlan.objects.filter(study=study).first()


def names_shown(study: Study) -> bool:
    return (
        not study.blind_researchers
        or study.state == Study.State.CLOSED
        or has_looked(study, EarlyLook.Kind.MODEL_NAMES)
    )


def model_labels(study: Study) -> dict[int, str]:
    """Run -> the name the team sees, in the study's order (in an order drawn by seed while the
    team is blind)."""
    names = run_labels(study)
    if names_shown(study):
        return names
    runs = list(names)
    Random(f"{study.seed}:model names").shuffle(runs)  # noqa: S311
    return {run: f"Model {number}" for number, run in enumerate(runs, start=1)}


def run_labels(study: Study) -> dict[int, str]:
    """Run -> model name, in the study's order; the run is named where a model stands twice."""
    rows = list(study.study_runs.values_list("run_id", "run__model_version__name"))
    often = Counter(name for _, name in rows)
    return {run: f"{name} (run {run})" if often[name] > 1 else name for run, name in rows}


def analysis_settings(study: Study) -> AnalysisSettings:
    plan = plan_of(study)
    labels = model_labels(study)
    if plan is None:
        return AnalysisSettings(models=labels, seed=study.seed)
    return AnalysisSettings(
        models=labels,
        confidence=plan.confidence,
        resamples=plan.resamples,
        seed=plan.seed,
        cluster=plan.cluster,
        new_raters=plan.population == AnalysisPlan.Population.STIMULI_AND_RATERS,
        primary=frozenset(plan.primary_criteria),
        contrasts=tuple((one, two) for one, two in plan.contrasts),
        planned=plan.frozen_at is not None,
        first_version=plan.answer_version == AnalysisPlan.AnswerVersion.FIRST,
    )
