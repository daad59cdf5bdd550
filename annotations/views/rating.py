"""The rater's pages: consent, blocks, and one item at a time."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.queue import (
    assignment_for,
    block_of,
    has_consented,
    late_answers,
    next_assignment,
    progress_of,
    rater_for,
    skipped_assignments,
    studies_to_rate,
)
from annotations.selectors.rating_page import RatingPage, rating_page
from annotations.services.consent import give_consent
from annotations.services.flags import set_flag
from annotations.services.ratings import (
    IncompleteError,
    Missing,
    skip_assignment,
    submit_assignment,
)
from annotations.views.answer_forms import answers_in_form, is_signed_in
from annotations.views.sittings import pause_is_due
from inference.errors import DomainError, WrongStateError


@require_GET
@never_cache
@login_required
def rating_home(request: HttpRequest) -> HttpResponse:
    return render(request, "rating/home.html", {"places": studies_to_rate(request.user)})


@require_GET
@never_cache
@login_required
def rating_recorded(request: HttpRequest) -> HttpResponse:
    return render(request, "rating/recorded.html")


@require_GET
@never_cache
@login_required
def rating_study(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Between items: consent, welcome, end of a block, a pause, the end."""
    rater = rater_for(request.user, uuid)
    study, progress, following = rater.study, progress_of(rater), next_assignment(rater)
    block = block_of(following, progress) if following else None
    if study.state == Study.State.CLOSED:
        stage = "closed"
    elif not has_consented(rater):
        stage = "consent"
    elif following is None:
        stage = "done"
    elif "pause" in request.GET:
        stage = "pause"
    elif block and block.starts_here:
        stage = "block"
    else:
        stage = "welcome"
    context = {
        "rater": str(rater.uuid),
        "study": study,
        "stage": stage,
        "progress": progress,
        "late": late_answers(rater) if stage == "closed" else 0,
        "current_block": block,
        "next": str(following.pk) if following else "",
        "skipped": [(str(a.pk), a.position) for a in skipped_assignments(rater)],
    }
    return render(request, "rating/study.html", context)


@require_POST
@login_required
def rating_consent(request: HttpRequest, uuid: UUID) -> HttpResponse:
    rater = rater_for(request.user, uuid)
    if request.POST.get("agree"):
        give_consent(rater)
    return redirect("rating_study", uuid)


@require_GET
@never_cache
@login_required
def rating_item(request: HttpRequest, pk: UUID) -> HttpResponse:
    assignment = assignment_for(request.user, pk)
    if not has_consented(assignment.rater) or assignment.rater.study.state == Study.State.CLOSED:
        return redirect("rating_study", assignment.rater.uuid)
    return item_page(request, rating_page(assignment))


def item_page(
    request: HttpRequest, page: RatingPage, missing: list[Missing] | None = None
) -> HttpResponse:
    newest = max(page.sequence + 1, int(timezone.now().timestamp() * 1000))
    context = {"page": page, "missing": missing or [], "sequence": newest}
    return render(request, "rating/item.html", context, status=422 if missing else 200)


@require_POST
def rating_submit(request: HttpRequest, pk: UUID) -> HttpResponse:
    if not is_signed_in(request):
        return signed_out(request, pk)
    assignment = assignment_for(request.user, pk)
    try:
        submit_assignment(assignment, answers_in_form(request.POST))
    except IncompleteError as error:
        return incomplete(request, assignment_for(request.user, pk), error.missing)
    except DomainError as error:
        if wants_json(request):
            return JsonResponse({"message": str(error)}, status=status_of(error))
        return redirect("rating_study", assignment.rater.uuid)
    return go_on(request, assignment)


def incomplete(
    request: HttpRequest, assignment: Assignment, missing: list[Missing]
) -> HttpResponse:
    if wants_json(request):
        gaps = [{"question": gap.question, "message": gap.message} for gap in missing]
        return JsonResponse({"missing": gaps}, status=422)
    return item_page(request, rating_page(assignment), missing)


def go_on(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """To the next item, or to the page between items when a block or half an hour is over."""
    url = url_after(request, assignment.rater, assignment.position)
    return JsonResponse({"next": url}) if wants_json(request) else redirect(url)


def url_after(request: HttpRequest, rater: StudyRater, position: int) -> str:
    pause = pause_is_due(request)
    following = next_assignment(rater, position)
    between = reverse("rating_study", args=[rater.uuid])
    if following is None or block_of(following, progress_of(rater)).starts_here:
        return between
    if pause:
        return f"{between}?pause=1"
    return reverse("rating_item", args=[following.pk])


@require_POST
@login_required
def rating_skip(request: HttpRequest, pk: UUID) -> HttpResponse:
    assignment = assignment_for(request.user, pk)
    try:
        skip_assignment(assignment)
    except DomainError:
        return redirect("rating_study", assignment.rater.uuid)
    return redirect(url_after(request, assignment.rater, assignment.position))


@require_POST
def rating_flag(request: HttpRequest, pk: UUID) -> HttpResponse:
    if not is_signed_in(request):
        return signed_out(request, pk)
    assignment = assignment_for(request.user, pk)
    try:
        set_flag(
            assignment,
            request.POST.get("kind", ""),
            request.POST.get("text", ""),
            request.POST.get("letter", ""),
        )
    except DomainError as error:
        if wants_json(request):
            return JsonResponse({"message": str(error)}, status=status_of(error))
        return render(request, "rating/flag_sent.html", {"error": error, "pk": str(pk)}, status=400)
    if wants_json(request):
        return JsonResponse({"sent": True})
    context = {"contacts": assignment.rater.study.contacts, "pk": str(pk)}
    return render(request, "rating/flag_sent.html", context)


def signed_out(request: HttpRequest, pk: UUID) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": "You were signed out."}, status=401)
    return redirect(f"{reverse('account_login')}?next={reverse('rating_item', args=[pk])}")


def wants_json(request: HttpRequest) -> bool:
    return request.accepts("application/json") and not request.accepts("text/html")


def status_of(error: DomainError) -> int:
    return 409 if isinstance(error, WrongStateError) else 400
