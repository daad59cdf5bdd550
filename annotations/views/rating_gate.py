"""The rater's pages of training and qualification."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.queue import assignment_for, has_consented, rater_for
from annotations.selectors.training_pages import gate_page, next_in_list, training_answer

BEFORE_THE_WORK = (StudyRater.Stage.TRAINING, StudyRater.Stage.GATE)


def stage_address(rater: StudyRater, just_submitted: Assignment | None = None) -> str | None:
    """Where a rater goes who is not at the study's own items yet; None: the work goes on.

    After a training item the panel's answer comes; after the last item of an attempt how it ended.
    """
    gate = reverse("rating_gate", args=[rater.uuid])
    if just_submitted is None:
        return gate if rater.stage in BEFORE_THE_WORK else None
    if just_submitted.track == Assignment.Track.WORK:
        return None
    submitted = just_submitted.state == Assignment.State.SUBMITTED
    if submitted and just_submitted.track == Assignment.Track.TRAINING:
        return reverse("training_answer", args=[just_submitted.pk])
    return None if next_in_list(just_submitted) else gate


@require_GET
@never_cache
@login_required
def rating_gate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    rater = rater_for(request.user, uuid)
    page = None
    if rater.study.state == Study.State.OPEN and has_consented(rater):
        page = gate_page(rater)
    if page is None:
        return redirect("rating_study", uuid)
    return render(request, "gates/rating_gate.html", {"page": page})


@require_GET
@never_cache
@login_required
def rating_training_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Only of one's own submitted training items: everywhere else the panel stays unseen."""
    assignment = assignment_for(request.user, pk)
    if assignment.track != Assignment.Track.TRAINING:
        raise Http404
    if assignment.state != Assignment.State.SUBMITTED or not has_consented(assignment.rater):
        return redirect("rating_study", assignment.rater.uuid)
    return render(request, "rating/training_answer.html", {"page": training_answer(assignment)})
