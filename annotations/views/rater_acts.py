"""Acts on a rater's work. Each has a page that says in numbers what will happen, and asks why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotations.models import Study
from annotations.rater_forms import ExtendForm, ReasonForm, ReleaseForm, WithdrawForm
from annotations.selectors.progress import study_progress
from annotations.selectors.work import (
    assignment_of,
    before_act,
    before_sharing,
    items_of,
    rater_in,
)
from annotations.services.reassignment import (
    extend_work,
    let_back_in,
    release_open_items,
    reopen_assignment,
    share_out,
    withdraw_rater,
)
from annotations.views.results import for_researchers
from inference.errors import DomainError
from mood_eval.models import User

PAGE = 50


def done_by(request: HttpRequest) -> User:
    assert request.user.is_authenticated  # noqa: S101
    return request.user


@require_GET
@never_cache
@for_researchers
def rater_detail(request: HttpRequest, study: Study, rater: int) -> HttpResponse:
    row = rater_in(study, rater)
    found = next((r for r in study_progress(study).raters if r.pk == row.pk), None)
    pages = Paginator(items_of(row), PAGE)
    context = {
        "study": study,
        "rater": row,
        "progress": found,
        "page": pages.get_page(request.GET.get("page")),
    }
    return render(request, "raters/rater.html", context)


def asked(
    request: HttpRequest,
    form: ReasonForm,
    act: Callable[[], str],
    template: str,
    context: dict[str, Any],
    back: tuple[Any, ...],
) -> HttpResponse:
    """The page that asks; with a valid answer the act, and back with what came of it."""
    if form.is_bound and form.is_valid():
        try:
            messages.success(request, act())
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect(*back)
    status = 422 if form.errors else 200
    return render(request, template, {**context, "form": form}, status=status)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def rater_withdraw(request: HttpRequest, study: Study, rater: int) -> HttpResponse:
    row, form = rater_in(study, rater), WithdrawForm(request.POST or None)

    def act() -> str:
        left = withdraw_rater(rater=row, by=done_by(request), **form.cleaned_data)
        kept = f"{left.withdrawn} answers count no more" if left.withdrawn else "answers kept"
        return (
            f"{row} has left the study: {left.freed} items freed, {kept}. "
            f"{left.given} places given to others."
        )

    context = {"study": study, "rater": row, "before": before_act(row)}
    back = ("rater_detail", study.pk, row.pk)
    return asked(request, form, act, "raters/withdraw.html", context, back)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def rater_back(request: HttpRequest, study: Study, rater: int) -> HttpResponse:
    row, form = rater_in(study, rater), ReasonForm(request.POST or None)

    def act() -> str:
        back = let_back_in(rater=row, by=done_by(request), **form.cleaned_data)
        return f"{row} is back, with {back.given} of the items from before."

    context = {"study": study, "rater": row, "before": before_act(row)}
    back = ("rater_detail", study.pk, row.pk)
    return asked(request, form, act, "raters/back.html", context, back)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def rater_release(request: HttpRequest, study: Study, rater: int) -> HttpResponse:
    row, form = rater_in(study, rater), ReleaseForm(request.POST or None)

    def act() -> str:
        left = release_open_items(rater=row, by=done_by(request), **form.cleaned_data)
        return f"{left.freed} items taken from {row}; {left.given} places given to others."

    context = {"study": study, "rater": row, "before": before_act(row)}
    back = ("rater_detail", study.pk, row.pk)
    return asked(request, form, act, "raters/release.html", context, back)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def rater_extend(request: HttpRequest, study: Study, rater: int) -> HttpResponse:
    row, form = rater_in(study, rater), ExtendForm(request.POST or None)

    def act() -> str:
        more = extend_work(rater=row, by=done_by(request), **form.cleaned_data)
        return f"{row} has {more.given} more items."

    context = {
        "study": study,
        "rater": row,
        "before": before_act(row),
        "sharing": before_sharing(study),
    }
    back = ("rater_detail", study.pk, row.pk)
    return asked(request, form, act, "raters/extend.html", context, back)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def rater_reopen(request: HttpRequest, study: Study, rater: int, assignment: UUID) -> HttpResponse:
    row, form = rater_in(study, rater), ReasonForm(request.POST or None)
    item = assignment_of(row, assignment)

    def act() -> str:
        reopen_assignment(assignment=item, by=done_by(request), **form.cleaned_data)
        return f"Item {item.position} of {row} is open again."

    context = {"study": study, "rater": row, "assignment": item}
    back = ("rater_detail", study.pk, row.pk)
    return asked(request, form, act, "raters/reopen.html", context, back)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def work_share(request: HttpRequest, study: Study) -> HttpResponse:
    form = ReasonForm(request.POST or None)

    def act() -> str:
        handed = share_out(study=study, by=done_by(request), **form.cleaned_data)
        left = (
            f" {handed.left} places stay open: every rater has had the item." if handed.left else ""
        )
        return f"{handed.given} places given to {handed.raters} raters.{left}"

    context = {"study": study, "before": before_sharing(study)}
    return asked(request, form, act, "raters/share.html", context, ("study_progress", study.pk))
