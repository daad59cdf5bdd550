"""Concerns: a rater sends one from the item; the team reads them in an inbox of the study."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.models import Study
from annotations.selectors.flags import (
    concern_page,
    flag_in,
    flag_inbox,
    flag_promise,
    unread_flags,
)
from annotations.services.flags import read_flag, set_flag
from annotations.views.own_assignment import own_assignment
from annotations.views.rating import signed_out, status_of, wants_json
from annotations.views.results import for_researchers
from inference.errors import DomainError


@require_POST
def rating_flag(request: HttpRequest, pk: UUID) -> HttpResponse:
    assignment = own_assignment(request, pk)
    if assignment is None:
        return signed_out(request, pk)
    study = assignment.rater.study
    inbox = request.build_absolute_uri(reverse("study_flags", args=[study.pk]))
    kind, text, letter = (request.POST.get(name, "") for name in ("kind", "text", "letter"))
    shown: dict[str, Any] = {"pk": str(pk), "contacts": study.contacts}
    try:
        set_flag(assignment, kind, text, letter, inbox)
    except DomainError as error:
        if wants_json(request):
            return JsonResponse({"message": str(error)}, status=status_of(error))
        return render(request, "rating/flag_sent.html", {**shown, "error": error}, status=400)
    promise = flag_promise(study)
    if wants_json(request):
        return JsonResponse({"sent": True, "message": promise})
    return render(request, "rating/flag_sent.html", {**shown, "promise": promise})


@require_GET
@never_cache
@for_researchers
def study_flags(request: HttpRequest, study: Study) -> HttpResponse:
    number = request.GET.get("page", "1")
    concerns, page = flag_inbox(study, int(number) if number.isdecimal() else 1)
    context = {
        "study": study,
        "concerns": concerns,
        "page": page,
        "unread": unread_flags(study),
        "promise": flag_promise(study),
    }
    return render(request, "studies/flags.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def study_flag(request: HttpRequest, study: Study, flag: int) -> HttpResponse:
    found = flag_in(study, flag)
    error = ""
    if request.method == "POST":
        assert request.user.is_authenticated  # noqa: S101
        try:
            read_flag(found, by=request.user, outcome=request.POST.get("outcome", ""))
        except DomainError as refusal:
            error = str(refusal)
        else:
            messages.success(request, "Marked as read.")
            return redirect("study_flags", study.pk)
    context = {"study": study, "page": concern_page(found), "error": error}
    return render(request, "studies/flag.html", context, status=422 if error else 200)
