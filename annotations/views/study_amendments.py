"""What can be changed after the launch, with a reason."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotations.models import Study
from annotations.selectors.content_notes import noted_items
from annotations.selectors.studies import item_of_study, study_for_team
from annotations.services.amendments import amend_item_note, amend_study
from annotations.study_forms import AmendForm, ItemNoteForm
from inference.errors import DomainError

ITEMS_PER_PAGE = 50


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def study_amend(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    if study.state == Study.State.DRAFT:
        return redirect("study_texts", pk)
    form = AmendForm(request.POST or None, study=study)
    if request.method == "POST" and form.is_valid():
        try:
            assert request.user.is_authenticated  # noqa: S101
            amend_study(
                study=study,
                by=request.user,
                reason=form.cleaned_data["reason"],
                changes=form.changes,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Changed. The history of the study says what and why.")
            return redirect("study_detail", pk)
    return render(request, "studies/amend.html", {"study": study, "form": form})


@require_GET
@never_cache
@login_required
def study_item_notes(request: HttpRequest, pk: int) -> HttpResponse:
    """Items whose raters are told something before."""
    study = study_for_team(request.user, pk)
    if study.state == Study.State.DRAFT:
        return redirect("study_notes", pk)
    page = Paginator(noted_items(study), ITEMS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "studies/item_notes.html", {"study": study, "page": page})


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def study_item_note(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    row = item_of_study(study, item)
    form = ItemNoteForm(request.POST or None, initial={"note": row.content_note})
    if request.method == "POST" and form.is_valid():
        try:
            assert request.user.is_authenticated  # noqa: S101
            amend_item_note(item=row, by=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Changed. The history of the study says what and why.")
            return redirect("study_item_notes", pk)
    return render(request, "studies/item_note.html", {"study": study, "item": row, "form": form})
