"""The first page of results: counts, primary results, and what can be filtered by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import F, QuerySet

from annotations.analysis.filters import FLAGS
from annotations.models import Item, Study, StudyRater
from annotations.selectors.analyses import section_results
from annotations.selectors.results_page import ResultsPage, with_pictures
from inference.models import Turn

OPTIONS_SECONDS = 600


@dataclass(frozen=True)
class PrimaryResult:
    """A criterion of the plan: its agreement, and its comparisons once they are open."""

    part: dict[str, Any]
    criterion: dict[str, Any]
    models: dict[str, Any] | None


def primary_results(page: ResultsPage) -> list[PrimaryResult]:
    compared = {
        f"{part['position']}/{criterion['slug']}": criterion
        for part in with_pictures(page.study, section_results(page.analysis, "models"))
        for criterion in part.get("criteria", ())
    }
    return [
        PrimaryResult(part, criterion, compared.get(f"{part['position']}/{criterion['slug']}"))
        for part in page.parts
        for criterion in part["criteria"]
        if criterion["primary"]
    ]


def filter_options(study: Study) -> dict[str, Any]:
    """What each filter can be set to. Items are frozen at the launch, so it is kept a while."""
    key = f"results-options:{study.pk}:{study.state}"
    known: dict[str, Any] | None = cache.get(key)
    if known is None:
        known = _filter_options(study)
        cache.set(key, known, OPTIONS_SECONDS)
    return known


def _filter_options(study: Study) -> dict[str, Any]:
    items = Item.objects.filter(part__study=study)
    shown = {"dialogue__stimuli__items__part__study": study}
    last = Turn.objects.filter(position=F("dialogue__stimuli__last_position"), **shown)
    after = Turn.objects.filter(position=F("dialogue__stimuli__last_position") + 1, **shown)
    return {
        "corpus": _values(items, "stimulus__dialogue__corpus__name"),
        "problem": _values(items, "stimulus__dialogue__problem_type"),
        "emotion": _values(last, "emotion"),
        "strategy": _values(after, "strategy"),
        "flag": list(FLAGS.items()),
        "without": list(
            study.raters.filter(kind=StudyRater.Kind.PERSON)
            .order_by("pseudonym")
            .values_list("pseudonym", flat=True)
        ),
    }


def _values(rows: QuerySet[Any], name: str) -> list[str]:
    return sorted(value for value in rows.values_list(name, flat=True).distinct() if value)
