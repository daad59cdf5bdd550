"""What a draft would be: its design in figures, and any item as a rater would see it."""

from __future__ import annotations

from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from annotations.models import Study
from annotations.selectors.content_notes import suggested_notes
from annotations.selectors.design_report import (
    is_quick,
    kept_report,
    parts_of,
    report_on,
    usual_assumptions,
)
from annotations.selectors.launch_checks import launch_advice, launch_problems
from annotations.selectors.leaks import leak_advice
from annotations.selectors.studies import study_for_team
from annotations.selectors.study_choices import template_of
from annotations.selectors.study_preview import page_of, preview_of
from annotations.selectors.wizard import LOOK_OVER, wizard_steps
from annotations.study_forms.design import AssumptionsForm
from annotations.study_forms.launch import LaunchForm
from annotations.views.study_wizard import with_draft
from inference.errors import DomainError

NOTES_PER_PAGE = 50


@require_GET
@never_cache
@login_required
@with_draft
def study_look_over(request: HttpRequest, study: Study) -> HttpResponse:
    context = {
        "study": study,
        "parts": parts_of(study),
        "runs": study.study_runs.select_related("run__model_version", "run__corpus"),
        "template": template_of(study),
        "problems": launch_problems(study),
        "advice": list(launch_advice(study)),
        "form": LaunchForm(),
        "steps": wizard_steps(study, LOOK_OVER),
    }
    return render(request, "studies/look_over.html", context)


@require_GET
@never_cache
@login_required
@with_draft
def study_design_report(request: HttpRequest, study: Study) -> HttpResponse:
    """Worked out at once for small studies; for large ones when asked, because it takes a while."""
    parts = parts_of(study)
    form = AssumptionsForm(request.GET, usual=usual_assumptions(study, parts), least=study.overlap)
    report, why, waiting = None, "", False
    if form.is_valid():
        try:
            report = kept_report(study, form.assumed)
            if report is None and ("ask" in request.GET or is_quick(study, parts)):
                report = report_on(study, form.assumed)
            waiting = report is None
        except DomainError as error:
            why = str(error)
    context = {
        "study": study,
        "form": form,
        "report": report,
        "why": why,
        "waiting": waiting,
        "leaks": list(leak_advice(study)),
        "steps": wizard_steps(study, LOOK_OVER),
    }
    return render(request, "studies/design_report.html", context)


@require_GET
@never_cache
@login_required
@with_draft
def study_notes(request: HttpRequest, study: Study) -> HttpResponse:
    """Client turns in which a theme was found, and by which words."""
    why, notes = "", []
    try:
        notes = suggested_notes(study)
    except DomainError as error:
        why = str(error)
    page = Paginator(notes, NOTES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "study": study,
        "page": page,
        "why": why,
        "steps": wizard_steps(study, LOOK_OVER),
    }
    return render(request, "studies/notes.html", context)


@require_GET
@never_cache
@login_required
def study_preview(request: HttpRequest, pk: int, position: int, number: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    preview = preview_of(study, position, number)
    if preview.number != number:
        return redirect("study_preview", pk, position, preview.number)
    context = {
        "study": study,
        "preview": preview,
        "labels": "labels" in request.GET,
        "after": study.response_fields == Study.ResponseFields.AFTER,
    }
    return render(request, "studies/preview.html", context)


@require_GET
@never_cache
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": [SELF]})  # type: ignore[arg-type]  # its views take no keys
@login_required
def study_preview_item(request: HttpRequest, pk: int, position: int, number: int) -> HttpResponse:
    """The page of the item itself, in the frame of the one above."""
    preview = preview_of(study_for_team(request.user, pk), position, number)
    page = page_of(preview, labels="labels" in request.GET) if preview.replies else None
    if page is None:
        return render(request, "studies/preview_empty.html", {"preview": preview})
    return render(request, "rating/item.html", {"page": page, "sequence": 0})
