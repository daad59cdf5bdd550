"""What raters disagree on: a queue, and one item at a time with everything but the models."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotations.answer_fields import value_in_form
from annotations.models import Dispute, Study
from annotations.selectors.dispute_evidence import evidence
from annotations.selectors.disputes import (
    asked_to_settle,
    dispute_counts,
    disputed_item,
    disputed_items,
)
from annotations.services.adjudication import settle, settle_flag
from annotations.views.results import for_researchers
from inference.errors import DomainError

ON_A_PAGE = 50
HARM = "harm"


@require_GET
@never_cache
@for_researchers
def study_disputes(request: HttpRequest, study: Study) -> HttpResponse:
    rule, settled = request.GET.get("rule", ""), request.GET.get("state") == "settled"
    known = rule if rule in Dispute.Rule.values else ""
    items = disputed_items(study, rule=known, settled=settled)
    context = {
        "study": study,
        "page": Paginator(items, ON_A_PAGE).get_page(request.GET.get("page")),
        "counts": dispute_counts(study),
        "rules": Dispute.Rule.choices,
        "rule": known,
        "settled": settled,
    }
    return render(request, "adjudication/queue.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@for_researchers
def study_dispute(request: HttpRequest, study: Study, item: int) -> HttpResponse:
    found = disputed_item(study, item)
    error = ""
    if request.method == "POST":
        assert request.user.is_authenticated  # noqa: S101
        question = request.POST.get("question", "")
        reason = request.POST.get("reason", "")
        try:
            if question == HARM:
                settle_flag(found, by=request.user, reason=reason)
            else:
                asked = asked_to_settle(found, question)
                written = value_in_form(asked, question, request.POST.getlist) or ""
                settle(found, question, written, by=request.user, reason=reason)
        except DomainError as refusal:
            error = str(refusal)
        else:
            messages.success(request, "Settled. What the raters said stays as it is.")
            return redirect("study_dispute", study.pk, item)
    context = {"study": study, "evidence": evidence(study, found), "error": error}
    return render(request, "adjudication/item.html", context, status=422 if error else 200)
