"""Having a study's figures made in a command, by this process or by a worker that is faster."""

from __future__ import annotations

from collections.abc import Callable

from annotations.analysis.filters import ResultsFilter
from annotations.models import Study, StudyAnalysis
from annotations.services.analyses import request_analysis, run_analysis
from inference.errors import DomainError
from inference.management.waiting import work_until_ended
from inference.models import JobState


def analysed(study: Study, chosen: ResultsFilter, tell: Callable[[str], None]) -> StudyAnalysis:
    """On the answers as they are now; made only if nobody has made it."""
    job = request_analysis(study, chosen)
    if job.state != JobState.DONE:
        tell(f"Computing the figures of “{study.name}”: {job.total} sections.")

    def show(row: StudyAnalysis) -> None:
        tell(f"{row.done}/{row.total} sections")

    work_until_ended(job, lambda: run_analysis(job.pk, on_section=show), lambda: None)
    if job.state != JobState.DONE:
        raise DomainError(job.error or "The computation was cancelled.")
    return StudyAnalysis.objects.select_related("study").get(pk=job.pk)
