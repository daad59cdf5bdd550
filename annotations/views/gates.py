"""The team's pages of a study's reference panel, training and qualification."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.gate_forms import DecisionForm, MarkForm, PanelFileForm, RulesForm, SourceForm
from annotations.models import Study
from annotations.selectors.gate_pages import (
    attempt_of,
    attempt_row,
    panel_item_rows,
    panel_items,
    panel_parts,
    part_of,
    question_names,
    rater_rows,
    rates_here,
)
from annotations.selectors.gates import GATING_RAISES_AGREEMENT, gate_outcomes, gate_problems
from annotations.selectors.panel_material import FORM_ITEMS, form_rows
from annotations.selectors.panel_sources import consensus_of
from annotations.selectors.studies import study_for_team
from annotations.services.gate_decisions import decide_attempt
from annotations.services.gates import save_rules
from annotations.services.panel_files import PanelFileError
from annotations.services.reference_panel import (
    PanelAdded,
    add_panel_from_file,
    add_panel_from_study,
    mark_for_training,
    remove_panel_items,
    set_pool,
)
from inference.errors import DomainError

PER_PAGE = 20
GateView = Callable[..., HttpResponse]
"""Takes the request, the study, and what else the address names."""


def for_researchers(view: GateView) -> Callable[..., HttpResponse]:
    """A member who is to rate in the study sees neither the panel's answers nor who qualified."""

    @wraps(view)
    @never_cache
    @login_required
    def inner(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        study = study_for_team(request.user, pk)
        if rates_here(request.user, study):
            return render(request, "gates/you_rate.html", {"study": study})
        return view(request, study, **kwargs)

    return inner


@require_GET
@for_researchers
def study_gate(request: HttpRequest, study: Study) -> HttpResponse:
    return gate_page(request, study)


def gate_page(
    request: HttpRequest,
    study: Study,
    *,
    rules: tuple[int, RulesForm] | None = None,
    upload: tuple[int, PanelFileForm] | None = None,
    problems: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """`rules` and `upload`: position of the part, and the form that was not accepted."""
    draft = study.state == Study.State.DRAFT
    rows = []
    for row in panel_parts(study):
        place = row.part.position
        rows.append(
            {
                "panel": row,
                "rules": rules[1] if rules and rules[0] == place else RulesForm(gate=row.gate),
                "upload": upload[1] if upload and upload[0] == place else PanelFileForm(),
                "mark": MarkForm(initial={"count": row.gate.training_items if row.gate else 0}),
                "wrong": problems if upload and upload[0] == place else None,
            }
        )
    context = {
        "study": study,
        "draft": draft,
        "rows": rows,
        "problems": gate_problems(study) if draft else [],
        "raters": [] if draft else rater_rows(study),
        "outcomes": None if draft else gate_outcomes(study),
        "gating": GATING_RAISES_AGREEMENT,
        "form_items": FORM_ITEMS,
    }
    return render(request, "gates/study_gate.html", context, status=status)


@require_POST
@for_researchers
def gate_rules(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    part = part_of(study, position)
    form = RulesForm(request.POST, gate=None)
    if form.is_valid():
        try:
            save_rules(part=part, **form.rules)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The rules of part {position} are saved.")
            return redirect("study_gate", study.pk)
    return gate_page(request, study, rules=(position, form), status=422)


@require_GET
@for_researchers
def panel_form(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    """The blank form as CSV, with a byte order mark for spreadsheet programs."""
    part = part_of(study, position)
    wanted = request.GET.get("items", "")
    count = (
        int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 5 else FORM_ITEMS
    )
    try:
        rows = list(form_rows(part, count))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("study_gate", study.pk)
    content = io.StringIO()
    csv.writer(content).writerows([[guarded(cell) for cell in row] for row in rows])
    response = HttpResponse("\ufeff" + content.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"panel-form-study-{study.pk}-part-{position}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def guarded(cell: str) -> str:
    """What begins like a formula is text to a spreadsheet program."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@require_POST
@for_researchers
def panel_upload(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    part = part_of(study, position)
    form = PanelFileForm(request.POST, request.FILES)
    problems: list[str] = []
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            added = add_panel_from_file(
                part=part, name=file.name, content=file.read(), pool=form.cleaned_data["pool"]
            )
        except PanelFileError as error:
            problems = error.lines
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, added_in_words(added))
            return redirect("panel_items", study.pk, position)
    return gate_page(request, study, upload=(position, form), problems=problems, status=422)


def added_in_words(added: PanelAdded) -> str:
    new = f"{added.items} item{'' if added.items == 1 else 's'} added to the panel"
    again = f", {added.replaced} with new answers" if added.replaced else ""
    left = f" Left out: {'; '.join(added.left)}." if added.left else ""
    return f"{new}{again}; {added.answers} answers in all.{left}"


@require_http_methods(["GET", "POST"])
@for_researchers
def panel_from_study(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    """By GET it counts on what the chosen raters agree; by POST it takes that."""
    part = part_of(study, position)
    data = request.POST if request.method == "POST" else request.GET
    form = SourceForm(data if "source" in data else None, part=part)
    found = None
    if form.is_bound and form.is_valid() and len(form.cleaned_data["raters"]) > 1:
        chosen = form.cleaned_data
        if request.method == "POST":
            try:
                added = add_panel_from_study(part=part, **chosen)
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, added_in_words(added))
                return redirect("panel_items", study.pk, position)
        found = consensus_of(chosen["source"], chosen["raters"], chosen["tolerance"])
    elif request.method == "POST" and not form.errors:
        form.add_error("raters", "A panel has at least two raters: choose those who agree.")
    context = {"study": study, "part": part, "form": form, "found": found}
    status = 422 if request.method == "POST" else 200
    return render(request, "gates/panel_from_study.html", context, status=status)


@require_GET
@for_researchers
def panel_item_list(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    part = part_of(study, position)
    page = Paginator(panel_items(part).select_related("stimulus"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "study": study,
        "part": part,
        "page": page,
        "items": panel_item_rows(part, list(page.object_list)),
        "draft": study.state == Study.State.DRAFT,
    }
    return render(request, "gates/panel_items.html", context)


@require_POST
@for_researchers
def panel_mark(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    part = part_of(study, position)
    form = MarkForm(request.POST)
    try:
        mark_for_training(part=part, count=form.cleaned_data["count"] if form.is_valid() else -1)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The items for training are marked.")
    return redirect("study_gate", study.pk)


@require_POST
@for_researchers
def panel_item_change(request: HttpRequest, study: Study, position: int, item: int) -> HttpResponse:
    """Its use, or its removal."""
    part = part_of(study, position)
    act = request.POST.get("act", "")
    try:
        if act == "remove":
            remove_panel_items(part=part, items=[item])
        else:
            set_pool(part=part, item=item, pool=act)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("panel_items", study.pk, position)


@require_http_methods(["GET", "POST"])
@for_researchers
def panel_clear(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    part = part_of(study, position)
    if request.method == "GET":
        context = {"study": study, "part": part, "count": panel_items(part).count()}
        return render(request, "gates/panel_clear.html", context)
    try:
        count = remove_panel_items(part=part)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{count} items are removed from the panel of part {position}.")
    return redirect("study_gate", study.pk)


@require_http_methods(["GET", "POST"])
@for_researchers
def gate_decide(request: HttpRequest, study: Study, attempt: int) -> HttpResponse:
    found = attempt_of(study, attempt)
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            assert request.user.is_authenticated  # noqa: S101
            decide_attempt(attempt=found, by=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Your decision about {found.rater} is kept.")
            return redirect("study_gate", study.pk)
    row = attempt_row(found, question_names(study))
    context = {"study": study, "row": row, "rater": found.rater, "form": form}
    return render(request, "gates/gate_decide.html", context, status=422 if form.errors else 200)
