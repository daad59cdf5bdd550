"""Figures as a job: one row for one state of the data, section by section under a lease."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from django.db import transaction

from annotations.analysis.filters import ResultsFilter, apply_filter, read_filter
from annotations.analysis.sections import SECTIONS, MadeSection, make_section
from annotations.analysis.settings import AnalysisSettings
from annotations.models import (
    AnalysisSection,
    EarlyLook,
    ResultFigure,
    Study,
    StudyAnalysis,
)
from annotations.selectors.analyses import analysis_settings, contrasts_open
from annotations.selectors.data_version import data_state
from annotations.selectors.study_arrays import PartData
from annotations.selectors.study_data import part_data
from inference.errors import DomainError, WrongStateError
from inference.models import JobState
from inference.services import jobs
from inference.services.jobs import Lease, work_under_lease
from mood_eval.models import User

Progress = Callable[[StudyAnalysis], None]
KEPT = 5
"""Analyses of one study and filter beside the newest."""


class ReasonMissingError(DomainError):
    """A look before the close is recorded with its reason."""


@transaction.atomic
def request_analysis(
    study: Study, chosen: ResultsFilter | None = None, *, user: User | None = None
) -> StudyAnalysis:
    """The figures on the data as it is now: those there are, or a job that makes them."""
    if study.state == Study.State.DRAFT:
        raise WrongStateError("A draft has no answers: launch the study first.")
    return _requested(study, chosen or ResultsFilter(), None, user)


@transaction.atomic
def look_early(
    study: Study, *, user: User, reason: str, chosen: ResultsFilter | None = None
) -> StudyAnalysis:
    """Compares the models of an open study, once, on the answers there are; on record."""
    if study.state != Study.State.OPEN:
        raise WrongStateError("Only an open study is closed to comparisons.")
    look = _record(study, EarlyLook.Kind.CONTRASTS, user, reason)
    return _requested(study, chosen or ResultsFilter(), look, user)


@transaction.atomic
def reveal_models(study: Study, *, user: User, reason: str) -> EarlyLook:
    """Ends the team's own blinding before the close; on record."""
    if not study.blind_researchers or study.state == Study.State.CLOSED:
        raise WrongStateError("The names of the models are shown already.")
    return _record(study, EarlyLook.Kind.MODEL_NAMES, user, reason)


def _record(study: Study, kind: EarlyLook.Kind, user: User, reason: str) -> EarlyLook:
    if not reason.strip():
        raise ReasonMissingError("Say why: it is printed with every result of this study.")
    state = data_state(study, fresh=True)
    return EarlyLook.objects.create(
        study=study,
        kind=kind,
        user=user,
        reason=reason.strip(),
        submitted=state.submitted,
        assignments=state.assignments,
    )


def _requested(
    study: Study, chosen: ResultsFilter, look: EarlyLook | None, user: User | None
) -> StudyAnalysis:
    analysis, made = StudyAnalysis.objects.get_or_create(
        study=study,
        filters_key=chosen.key,
        data_version=data_state(study, fresh=True).version,
        with_contrasts=look is not None or contrasts_open(study),
        look=look,
        defaults={
            "filters": chosen.as_json(),
            "total": len(SECTIONS),
            "created_by": user,
        },
    )
    if made:
        jobs.enqueue(analysis)
    elif analysis.state in (JobState.FAILED, JobState.CANCELLED):
        jobs.resume(analysis)
    return analysis


def run_analysis(pk: int, *, on_section: Progress | None = None) -> bool:
    """False when another worker has the row."""

    def work(lease: Lease[StudyAnalysis]) -> None:
        _make_sections(lease, on_section or (lambda row: None))

    return work_under_lease(StudyAnalysis, pk, work, "The figures could not be computed")


def _make_sections(lease: Lease[StudyAnalysis], on_section: Progress) -> None:
    analysis = StudyAnalysis.objects.select_related("study").get(pk=lease.pk)
    parts, settings = read_parts(analysis.study, read_filter(analysis.filters))
    _begin(lease, parts)
    for name, maker in SECTIONS.items():
        lease.check()
        if analysis.sections.filter(name=name).exists():
            continue
        began = time.monotonic()
        made = make_section(maker, parts, settings, with_contrasts=analysis.with_contrasts)
        with lease.commit_chunk() as row:
            _store(row, name, made, shows_models=maker.shows_models, began=began)
            row.done += 1
        on_section(row)
    _forget_older(analysis)


def _forget_older(analysis: StudyAnalysis) -> None:
    """Of figures on earlier answers the newest few stay; their pictures stay for good."""
    older = StudyAnalysis.objects.filter(
        study=analysis.study, filters_key=analysis.filters_key, look=None, state=JobState.DONE
    )
    kept = older.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    older.exclude(pk__in=list(kept)).exclude(pk=analysis.pk).delete()


def _store(
    analysis: StudyAnalysis, name: str, made: MadeSection, *, shows_models: bool, began: float
) -> None:
    for figure in made.figures:
        ResultFigure.objects.get_or_create(
            study=analysis.study,
            sha256=figure.sha256,
            defaults={
                "key": figure.key,
                "spec": figure.spec,
                "svg": figure.svg,
                "shows_models": shows_models,
            },
        )
    AnalysisSection.objects.create(
        analysis=analysis, name=name, results=made.results, seconds=time.monotonic() - began
    )


def read_parts(study: Study, chosen: ResultsFilter) -> tuple[list[PartData], AnalysisSettings]:
    parts = study.parts.select_related("instrument").prefetch_related("instrument__criteria")
    return [apply_filter(part_data(part), chosen) for part in parts], analysis_settings(study)


def _begin(lease: Lease[StudyAnalysis], parts: list[PartData]) -> None:
    """Sections that another worker made on other answers are made again."""
    sha256 = hashlib.sha256("".join(part.sha256() for part in parts).encode()).hexdigest()
    with lease.commit_chunk() as row:
        if row.data_sha256 != sha256:
            row.sections.all().delete()
            row.done = 0
            row.data_sha256 = sha256
            row.save(update_fields=["data_sha256"])
