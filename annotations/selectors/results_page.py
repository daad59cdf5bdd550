"""What one results page shows: stored figures and pictures, and how fresh they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from annotations.analysis.filters import ResultsFilter
from annotations.figures.specs import FigureSpec
from annotations.models import AnalysisSection, ResultFigure, Study, StudyAnalysis
from annotations.selectors.analyses import (
    LINK_LENGTH,
    Shown,
    contrasts_open,
    figures_of,
    latest_look,
    section_results,
    shown_analysis,
)
from inference.models import JobState
from inference.selectors.runs import seconds_in_words, seconds_left

TABLE_ROWS = 200
"""Of a picture's data table on the page; the CSV has all."""


@dataclass(frozen=True)
class Picture:
    key: str
    title: str
    caption: str
    link: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more_rows: int


@dataclass(frozen=True)
class ResultsPage:
    study: Study
    chosen: ResultsFilter
    shown: Shown
    analysis: StudyAnalysis | None
    """Whose figures are on the page."""
    parts: list[dict[str, Any]]
    look: StudyAnalysis | None
    """While the study is open: the last early look at the models, on the models page."""
    unfiltered: dict[str, dict[str, Any]]
    """With filters: "part/slug" -> the same criterion without them."""

    @property
    def query(self) -> str:
        pairs = urlencode(self.chosen.query)
        return f"?{pairs}" if pairs else ""

    @property
    def made_at(self) -> datetime | None:
        return self.analysis.finished_at if self.analysis else None

    @property
    def link(self) -> str:
        """The start of the data's hash."""
        return self.analysis.data_sha256[:LINK_LENGTH] if self.analysis else ""


def results_page(
    study: Study, chosen: ResultsFilter, name: str, criterion: str | None = None
) -> ResultsPage:
    """criterion: the one whose pictures are wanted, or the first one where there is none such."""
    shown = shown_analysis(study, chosen)
    analysis, look = shown.analysis, None
    if name == "models" and not contrasts_open(study):
        look = latest_look(study, chosen)
        analysis = look if look and look.state == JobState.DONE else None
    section = section_results(analysis, name)
    only = (
        None if criterion is None else criterion_named((section or {}).get("parts", ()), criterion)
    )
    return ResultsPage(
        study=study,
        chosen=chosen,
        shown=shown,
        analysis=analysis,
        look=look,
        parts=with_pictures(study, section, only),
        unfiltered=_unfiltered(study, chosen, name),
    )


def with_pictures(
    study: Study, section: dict[str, Any] | None, only: str | None = None
) -> list[dict[str, Any]]:
    """Parts with `pictures` by name; a criterion's own ("bars:empathy") stand in the criterion.

    only: of criteria, the pictures of this one, "part/slug".
    """
    parts: list[dict[str, Any]] = section["parts"] if section else []
    wanted = [(part, name, sha) for part in parts for name, sha in _wanted(part, only)]
    found = figures_of(study, [sha for _, _, sha in wanted])
    for part in parts:
        part["pictures"] = {}
    for part, name, sha in wanted:
        kind, _, slug = name.partition(":")
        owner = next((c for c in part.get("criteria", ()) if c["slug"] == slug), part)
        owner.setdefault("pictures", {})[kind] = picture(found[sha])
    return parts


def _wanted(part: dict[str, Any], only: str | None) -> list[tuple[str, str]]:
    figures: dict[str, str] = part["figures"]
    return [
        (name, sha)
        for name, sha in figures.items()
        if ":" not in name or only in (None, f"{part['position']}/{name.partition(':')[2]}")
    ]


def picture(figure: ResultFigure) -> Picture:
    spec = FigureSpec.from_json(figure.spec)
    columns, rows = spec.table
    return Picture(
        key=figure.key,
        title=spec.title,
        caption=spec.caption,
        link=figure.sha256[:LINK_LENGTH],
        svg=figure.svg,
        columns=columns,
        rows=rows[:TABLE_ROWS],
        more_rows=max(0, len(rows) - TABLE_ROWS),
    )


def _unfiltered(study: Study, chosen: ResultsFilter, name: str) -> dict[str, dict[str, Any]]:
    if not chosen.active:
        return {}
    whole = section_results(shown_analysis(study, ResultsFilter()).analysis, name)
    return {
        f"{part['position']}/{criterion['slug']}": criterion
        for part in (whole or {"parts": []})["parts"]
        for criterion in part.get("criteria", ())
    }


@dataclass(frozen=True)
class AnalysisProgress:
    done: int
    total: int
    remaining: str
    """In words; empty while unknown."""


def analysis_progress(job: StudyAnalysis) -> AnalysisProgress:
    """The remaining time is what the missing sections took last time."""
    made = set(job.sections.values_list("name", flat=True))
    last = StudyAnalysis.objects.filter(study=job.study_id, state=JobState.DONE).order_by("-pk")
    times = AnalysisSection.objects.filter(analysis=last.first()).values_list("name", "seconds")
    seconds = sum(seconds for name, seconds in times if name not in made)
    if not times:
        seconds = seconds_left(job)
    return AnalysisProgress(job.done, job.total, seconds_in_words(seconds))


def criterion_named(parts: Iterable[dict[str, Any]], wanted: str) -> str:
    """The criterion "part/slug" that the address names, or the first one there is."""
    known = [
        f"{part['position']}/{criterion['slug']}"
        for part in parts
        for criterion in part.get("criteria", ())
    ]
    return wanted if wanted in known else next(iter(known), "")
