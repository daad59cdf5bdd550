"""What a rater agreed to, told and answered: to read, to change, to take along, to take back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http import StreamingHttpResponse as Streamed
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotations.care_forms import GUESSES, AboutForm, WithdrawForm
from annotations.models import Study, StudyRater
from annotations.selectors.consents import consents_of, permissions_in
from annotations.selectors.guesses import guesses_open, guesses_page
from annotations.selectors.queue import rater_for
from annotations.selectors.withdrawals import (
    held_of,
    releases_holding,
    taken_back_in,
    withdrawals_in,
)
from annotations.services.consent import change_permissions
from annotations.services.own_words import describe_rater, guess_sources
from annotations.services.rater_records import record_of, record_rows
from annotations.services.withdrawal import withdraw
from annotations.views.results import for_researchers
from inference.errors import DomainError
from inference.recognition.tables import csv_lines

GUESS = "guess-"


@require_GET
@never_cache
@login_required
def rating_recorded(request: HttpRequest) -> HttpResponse:
    return render(request, "rating/recorded.html")


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def rating_agreement(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The words agreed to, and the two permissions that can be changed at any time."""
    rater = rater_for(request.user, uuid)
    if request.method == "POST":
        training, release = "training" in request.POST, "release" in request.POST
        try:
            change_permissions(rater, training=training, release=release)
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Saved. It holds from now on."))
        return redirect("rating_agreement", uuid)
    consents = consents_of(rater)
    context = {
        "rater": rater,
        "study": rater.study,
        "newest": consents[0] if consents else None,
        "consents": consents,
        "releases": releases_holding(rater),
    }
    return render(request, "rating/agreement.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def rating_about(request: HttpRequest, uuid: UUID) -> HttpResponse:
    rater = rater_for(request.user, uuid)
    form = AboutForm(request.POST) if request.method == "POST" else AboutForm.of(rater)
    if request.method == "POST" and form.is_valid():
        try:
            describe_rater(rater, **form.cleaned_data)
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Saved."))
        return redirect("rating_study", uuid)
    context = {"rater": rater, "study": rater.study, "form": form}
    return render(request, "rating/about.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def rating_guesses(request: HttpRequest, uuid: UUID) -> HttpResponse:
    rater = rater_for(request.user, uuid)
    if not guesses_open(rater):
        return redirect("rating_study", uuid)
    if request.method == "POST":
        given = {
            name.removeprefix(GUESS): str(request.POST.get(name, ""))
            for name in request.POST
            if name.startswith(GUESS)
        }
        try:
            guess_sources(rater, given)
        except DomainError as error:
            messages.error(request, str(error))
            return redirect("rating_guesses", uuid)
        messages.success(request, _("Thank you. Your guesses are kept apart from your ratings."))
        return redirect("rating_study", uuid)
    context = {
        "rater": rater,
        "study": rater.study,
        "responses": guesses_page(rater),
        "choices": GUESSES,
    }
    return render(request, "rating/guesses.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def rating_withdraw(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Says what stops, what is erased and what cannot be recalled, before anything happens."""
    rater = rater_for(request.user, uuid)
    left_before = rater.stage == StudyRater.Stage.WITHDRAWN
    form = WithdrawForm(request.POST or None, left_before=left_before)
    if request.method == "POST" and form.is_valid():
        erase = form.cleaned_data["what"] == WithdrawForm.ERASE
        try:
            withdraw(rater, erase=erase, reason=form.cleaned_data["reason"])
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Your answers are erased.") if erase else _("You left."))
        return redirect("rating_study", uuid)
    context = {
        "rater": rater,
        "study": rater.study,
        "form": form,
        "left_before": left_before,
        "held": held_of(rater),
        "releases": releases_holding(rater),
    }
    return render(request, "rating/withdraw.html", context, status=422 if form.errors else 200)


@require_GET
@never_cache
@login_required
def rating_record(request: HttpRequest, uuid: UUID) -> HttpResponse:
    rater = rater_for(request.user, uuid)
    context = {"rater": rater, "study": rater.study, "held": held_of(rater)}
    return render(request, "rating/record.html", context)


@require_GET
@never_cache
@login_required
def rating_record_json(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    record = record_of(rater_for(request.user, uuid))
    response = JsonResponse(record, json_dumps_params={"ensure_ascii": False, "indent": 2})
    return as_file(response, "my-record.json")


@require_GET
@never_cache
@login_required
def rating_record_csv(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The byte order mark tells spreadsheets that this is UTF-8."""
    rows = record_rows(record_of(rater_for(request.user, uuid)))
    lines = ["\ufeff", *csv_lines(rows)]
    return as_file(Streamed(lines, content_type="text/csv; charset=utf-8"), "my-record.csv")


def as_file(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_GET
@never_cache
@for_researchers
def study_consents(request: HttpRequest, study: Study) -> HttpResponse:
    """For the team: how many agreed to what, and who left with what that touches."""
    context = {
        "study": study,
        "permissions": permissions_in(study),
        "withdrawals": withdrawals_in(study),
        "taken_back": taken_back_in(study),
    }
    return render(request, "studies/consents.html", context)
