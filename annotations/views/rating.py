"""The rater's page: one item at a time. What lies between items is in sittings.py."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotations.models import Assignment
from annotations.selectors.care import waits_for_tomorrow
from annotations.selectors.queue import can_open, next_assignment
from annotations.selectors.rating_page import RatingPage, rating_page
from annotations.services.ratings import (
    IncompleteError,
    Missing,
    show_fields,
    skip_assignment,
    submit_assignment,
)
from annotations.views.answer_forms import answers_in_form
from annotations.views.own_assignment import own_assignment
from annotations.views.rating_gate import stage_address
from annotations.views.sittings import interruption
from inference.errors import DomainError, WrongStateError


@require_GET
@never_cache
def rating_item(request: HttpRequest, pk: UUID) -> HttpResponse:
    assignment = own_assignment(request, pk)
    if assignment is None:
        return signed_out(request, pk)
    if not can_open(assignment) or waits_for_tomorrow(assignment):
        return redirect("rating_study", assignment.rater.uuid)
    return item_page(request, rating_page(assignment))


@require_GET
@never_cache
def rating_next(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The item that comes after this one, so that the page can fetch it beforehand."""
    assignment = own_assignment(request, pk)
    if assignment is None:
        return signed_out(request, pk)
    following = next_assignment(assignment.rater, assignment.position)
    known = following is not None and following.pk != assignment.pk
    return JsonResponse({"url": item_url(following) if following and known else ""})


def item_page(
    request: HttpRequest, page: RatingPage, missing: list[Missing] | None = None
) -> HttpResponse:
    newest = max(page.sequence + 1, int(timezone.now().timestamp() * 1000))
    context = {"page": page, "missing": missing or [], "sequence": newest}
    return render(request, "rating/item.html", context, status=422 if missing else 200)


@require_POST
def rating_submit(request: HttpRequest, pk: UUID) -> HttpResponse:
    assignment = own_assignment(request, pk)
    if assignment is None:
        return signed_out(request, pk)
    try:
        submit_assignment(assignment, answers_in_form(request.POST, assignment))
    except IncompleteError as error:
        return incomplete(request, assignment, error.missing)
    except DomainError as error:
        return refused(request, assignment, error)
    return go_on(request, assignment)


@require_POST
def rating_fields(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where labels are shown after the text: locks its scores, then shows them."""
    assignment = own_assignment(request, pk)
    if assignment is None:
        return signed_out(request, pk)
    try:
        show_fields(assignment, answers_in_form(request.POST, assignment))
    except IncompleteError as error:
        return incomplete(request, assignment, error.missing)
    except DomainError as error:
        return refused(request, assignment, error)
    if wants_json(request):
        return JsonResponse({"next": item_url(assignment)})
    return redirect(item_url(assignment))


def incomplete(
    request: HttpRequest, assignment: Assignment, missing: list[Missing]
) -> HttpResponse:
    if wants_json(request):
        gaps = [{"question": gap.question, "message": gap.message} for gap in missing]
        return JsonResponse({"missing": gaps}, status=422)
    return item_page(request, rating_page(assignment), missing)


def go_on(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """To the next item, or to the page between items when a block or half an hour is over."""
    url = url_after(request, assignment)
    return JsonResponse({"next": url}) if wants_json(request) else redirect(url)


def url_after(request: HttpRequest, assignment: Assignment) -> str:
    rater = assignment.rater
    before_the_work = stage_address(rater, assignment)
    if before_the_work:
        return before_the_work
    following = next_assignment(rater, assignment.position)
    address = interruption(request, rater, following)
    if address or following is None:
        return address or reverse("rating_study", args=[rater.uuid])
    return item_url(following)


def item_url(assignment: Assignment) -> str:
    return reverse("rating_item", args=[assignment.pk])


@require_POST
def rating_skip(request: HttpRequest, pk: UUID) -> HttpResponse:
    assignment = own_assignment(request, pk)
    if assignment is None:
        return signed_out(request, pk)
    try:
        skip_assignment(assignment, request.POST.get("reason", ""))
    except DomainError as error:
        return refused(request, assignment, error)
    return go_on(request, assignment)


def refused(request: HttpRequest, assignment: Assignment, error: DomainError) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": str(error)}, status=status_of(error))
    return redirect("rating_study", assignment.rater.uuid)


def signed_out(request: HttpRequest, pk: UUID) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": _("You were signed out.")}, status=401)
    return redirect(f"{reverse('account_login')}?next={reverse('rating_item', args=[pk])}")


def wants_json(request: HttpRequest) -> bool:
    return request.accepts("application/json") and not request.accepts("text/html")


def status_of(error: DomainError) -> int:
    return 409 if isinstance(error, WrongStateError) else 400
