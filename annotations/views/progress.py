"""A running study as its team sees it, anew every 20 seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from annotations.models import Study
from annotations.selectors.progress import RaterProgress, StudyProgress, study_progress
from annotations.selectors.progress_items import SHOWN, item_page
from annotations.views.results import for_researchers
from inference.charts import bar_chart
from mood_eval.htmx import page_or_fragment

PAGE = 50
Key = Callable[[RaterProgress], Any]
COLUMNS: dict[str, tuple[str, Key, bool]] = {
    "rater": ("Rater", lambda r: r.pseudonym, False),
    "stage": ("Stage", lambda r: r.stage.label, False),
    "done": ("Done", lambda r: r.done_share, True),
    "pace": ("Seconds an item", lambda r: r.patterns.median_seconds, True),
    "seen": ("Last seen", lambda r: r.seen, True),
    "panel": ("Agrees with panel", lambda r: r.panel.kappa if r.panel else None, True),
    "twice": ("Same twice", lambda r: r.equal_share, True),
    "straight": ("One score for all", lambda r: r.all_same_share, True),
    "run": ("Longest run", lambda r: r.patterns.longest_run, True),
    "fast": ("Quick", lambda r: r.patterns.too_fast, True),
    "cannot": ("Can't rate", lambda r: r.cannot_share, True),
    "skipped": ("Skipped", lambda r: r.skipped, True),
    "flags": ("Flags", lambda r: r.flags, True),
    "notes": ("Worth a look", lambda r: len(r.notes), True),
}
"""Name in the address -> its heading, what it sorts by, and whether the largest comes first."""
WORDS = ("rater", "stage", "seen", "notes")


@require_GET
@never_cache
@for_researchers
def study_progress_page(request: HttpRequest, study: Study) -> HttpResponse:
    found = study_progress(study)
    sort = request.GET.get("sort", "")
    sort = sort if sort in COLUMNS else "rater"
    turned = "turn" in request.GET
    without = empty_columns(found)
    raters = Paginator(sorted_raters(found.raters, sort, turned), PAGE)
    context = {
        "study": study,
        "progress": found,
        "page": raters.get_page(request.GET.get("page")),
        "columns": headings(sort, turned, without),
        "sort": sort,
        "turned": turned,
        "without": without,
        "live": found.open and request.GET.get("live") != "0",
        "query": request.GET.urlencode(),
        "chart": bar_chart([(str(n), count) for n, count in sorted(found.items.items())])
        if found.items
        else None,
    }
    return page_or_fragment(
        request, "studies/progress.html", "studies/progress_figures.html", context
    )


def sorted_raters(raters: list[RaterProgress], name: str, turned: bool) -> list[RaterProgress]:
    """Those without a figure come last either way."""
    _, key, largest_first = COLUMNS[name]
    having = [rater for rater in raters if key(rater) is not None]
    without = [rater for rater in raters if key(rater) is None]
    return sorted(having, key=key, reverse=largest_first != turned) + without


def headings(sort: str, turned: bool, without: set[str]) -> list[dict[str, object]]:
    """`order` as aria-sort says it; a second click turns it round."""
    shown: list[dict[str, object]] = []
    for name, (label, _, largest_first) in COLUMNS.items():
        if name in without:
            continue
        current = name == sort
        order = "" if not current else "descending" if largest_first != turned else "ascending"
        query = f"?sort={name}{'&turn' if current and not turned else ''}"
        number = name not in WORDS
        shown.append(
            {"name": name, "label": label, "order": order, "query": query, "number": number}
        )
    return shown


def empty_columns(found: StudyProgress) -> set[str]:
    """Of studies without hidden panel items, or without repeats."""
    empty = set()
    if not any(rater.panel for rater in found.raters):
        empty.add("panel")
    if not any(rater.patterns.repeated for rater in found.raters):
        empty.add("twice")
    return empty


@require_GET
@never_cache
@for_researchers
def progress_items(request: HttpRequest, study: Study) -> HttpResponse:
    which = request.GET.get("show", "")
    which = which if which in SHOWN else "incomplete"
    number = request.GET.get("page", "1")
    context = {
        "study": study,
        "which": which,
        "choices": [(name, words) for name, (words, _) in SHOWN.items()],
        "page": item_page(study, which, int(number) if number.isdecimal() else 1),
    }
    return render(request, "studies/progress_items.html", context)
