"""A rater's own studies and items. What is told of an item is what its page shows, and no more:
text and letters, never a model, a run or a response.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.answers import Written
from annotations.api.common import ActsViewSet, sent
from annotations.api.rating_shapes import (
    AnswersSerializer,
    ConsentSerializer,
    FlaggedSerializer,
    FlagInSerializer,
    ItemSerializer,
    NextSerializer,
    PlaceDetailSerializer,
    PlaceSerializer,
    PreviousAnswersSerializer,
    SavedSerializer,
    SkipSerializer,
    SubmittedSerializer,
    TrainingAnswerSerializer,
)
from annotations.api.schema import ERROR
from annotations.models import Assignment, StudyRater
from annotations.selectors.care import Between, between
from annotations.selectors.consents import consent_version
from annotations.selectors.flags import flag_promise
from annotations.selectors.queue import (
    assignment_for,
    can_open,
    has_consented,
    next_assignment,
    rater_for,
    studies_to_rate,
)
from annotations.selectors.rating_page import clip_of, rating_page
from annotations.selectors.training_pages import training_answer
from annotations.services.consent import give_consent
from annotations.services.flags import set_flag
from annotations.services.ratings import (
    save_answers,
    show_fields,
    skip_assignment,
    submit_assignment,
)
from inference.errors import WrongStateError
from mood_eval.media import ranged_file_response

INCOMPLETE = OpenApiResponse(
    description=f"Kept, but not complete: `missing` of {ERROR} names the questions.",
    response={"$ref": f"#/components/schemas/{ERROR}"},
)
CLIP = {
    (200, "video/mp4"): OpenApiTypes.BINARY,
    (200, "audio/wav"): OpenApiTypes.BINARY,
    (206, "video/mp4"): OpenApiTypes.BINARY,
    (206, "audio/wav"): OpenApiTypes.BINARY,
}
NOT_NOW = "This item cannot be opened now. Ask its study, which says where you stand."


class PlaceViewSet(ActsViewSet):
    """The studies that the caller rates in."""

    @extend_schema(responses=PlaceSerializer(many=True), operation_id="rating_list")
    def list(self, request: Request) -> ApiResponse:
        rows = studies_to_rate(request.user)
        return ApiResponse(PlaceSerializer(rows, many=True).data)

    @extend_schema(responses=PlaceDetailSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> ApiResponse:
        """Where the rater stands, and what taking part means."""
        return ApiResponse(PlaceDetailSerializer(told(rater_for(request.user, uuid))).data)

    @extend_schema(request=ConsentSerializer, responses=PlaceDetailSerializer)
    def consent(self, request: Request, uuid: UUID) -> ApiResponse:
        """Agrees to the text as it is now; training and publication are agreed to apart."""
        rater = rater_for(request.user, uuid)
        given = sent(ConsentSerializer, request)
        if given.pop("version") != consent_version(rater.study):
            raise WrongStateError("The text has changed meanwhile. Read it again, then agree.")
        give_consent(rater, **given)
        return ApiResponse(PlaceDetailSerializer(told(rater_for(request.user, uuid))).data)

    @extend_schema(responses=NextSerializer)
    def following(self, request: Request, uuid: UUID) -> ApiResponse:
        """The next item, or why there is none now (`stage`)."""
        place = between(rater_for(request.user, uuid))
        shown = None
        if place.following:
            shown = page_of(assignment_for(request.user, UUID(place.following)))
        return ApiResponse(NextSerializer({"stage": place.stage, "item": shown}).data)


def told(rater: StudyRater) -> dict[str, Any]:
    place: Between = between(rater)
    study = rater.study
    return {
        "place": rater.uuid,
        "title": study.name,
        "stage": place.stage,
        "total": place.progress.total,
        "submitted": place.progress.submitted,
        "skipped": [key for key, _ in place.skipped],
        "late": place.late,
        "next": place.following or None,
        "consent_text": study.consent_text,
        "consent_version": consent_version(study),
        "consented": has_consented(rater),
        "allows_training": rater.allows_training,
        "allows_release": rater.allows_release,
        "contacts": study.contacts,
        "content_note": study.content_note,
    }


class ItemViewSet(ActsViewSet):
    """One item of the caller's own."""

    @extend_schema(responses=ItemSerializer)
    def retrieve(self, request: Request, pk: UUID) -> ApiResponse:
        assignment = assignment_for(request.user, pk)
        if not can_open(assignment):
            raise WrongStateError(NOT_NOW)
        return ApiResponse(ItemSerializer(page_of(assignment)).data)

    @extend_schema(request=AnswersSerializer, responses=SavedSerializer)
    def answers(self, request: Request, pk: UUID) -> ApiResponse:
        """Saves answers; of each question the one with the highest sequence stays."""
        assignment = assignment_for(request.user, pk)
        given = sent(AnswersSerializer, request)
        saved = save_answers(assignment, written(given["answers"]), given.get("seen"))
        shown = {
            "saved_at": saved.at,
            "taken": saved.taken,
            "late": saved.late,
            "closed": saved.why_not,
        }
        return ApiResponse(SavedSerializer(shown).data)

    @extend_schema(
        request=PreviousAnswersSerializer, responses={200: SubmittedSerializer, 422: INCOMPLETE}
    )
    def submit(self, request: Request, pk: UUID) -> ApiResponse:
        """With the last answers, or without any. Twice is as once."""
        assignment = assignment_for(request.user, pk)
        given = sent(PreviousAnswersSerializer, request)
        submit_assignment(assignment, written(given["answers"]))
        return ApiResponse(SubmittedSerializer(gone_on(assignment)).data)

    @extend_schema(
        request=PreviousAnswersSerializer, responses={200: ItemSerializer, 422: INCOMPLETE}
    )
    def fields(self, request: Request, pk: UUID) -> ApiResponse:
        """Where labels are shown after the text: locks its scores, then shows them."""
        assignment = assignment_for(request.user, pk)
        given = sent(PreviousAnswersSerializer, request)
        show_fields(assignment, written(given["answers"]))
        return ApiResponse(ItemSerializer(page_of(assignment_for(request.user, pk))).data)

    @extend_schema(request=SkipSerializer, responses=SubmittedSerializer)
    def skip(self, request: Request, pk: UUID) -> ApiResponse:
        """A reason is welcome, not needed."""
        assignment = assignment_for(request.user, pk)
        skip_assignment(assignment, **sent(SkipSerializer, request))
        return ApiResponse(SubmittedSerializer(gone_on(assignment)).data)

    @extend_schema(request=FlagInSerializer, responses=FlaggedSerializer)
    def flag(self, request: Request, pk: UUID) -> ApiResponse:
        """Sends a concern to the people who read flags. Separate from every score."""
        assignment = assignment_for(request.user, pk)
        study = assignment.rater.study
        inbox = request.build_absolute_uri(reverse("study_flags", args=[study.pk]))
        set_flag(assignment, **sent(FlagInSerializer, request), inbox=inbox)
        shown = {"message": flag_promise(study), "contacts": study.contacts}
        return ApiResponse(FlaggedSerializer(shown).data)

    @extend_schema(responses=TrainingAnswerSerializer)
    def reference(self, request: Request, pk: UUID) -> ApiResponse:
        """Of a submitted training item: the panel's answers beside one's own."""
        assignment = assignment_for(request.user, pk)
        if assignment.track != Assignment.Track.TRAINING:
            raise Http404
        if assignment.state != Assignment.State.SUBMITTED or not has_consented(assignment.rater):
            raise WrongStateError("The panel's answers are shown once yours are submitted.")
        return ApiResponse(TrainingAnswerSerializer(training_answer(assignment)).data)

    @extend_schema(responses=CLIP)
    def clip(self, request: Request, pk: UUID, number: int) -> HttpResponseBase:
        """A clip of the item, whole or a range of it."""
        assignment = assignment_for(request.user, pk)
        found = clip_of(assignment, number) if number and has_consented(assignment.rater) else None
        if found is None:
            raise Http404("There is no such clip.")
        return ranged_file_response(request._request, *found[0].shown)


def page_of(assignment: Assignment) -> Any:
    return rating_page(assignment)


def written(answers: list[dict[str, Any]]) -> list[Written]:
    return [Written(**answer) for answer in answers]


def gone_on(assignment: Assignment) -> dict[str, Any]:
    following = next_assignment(assignment.rater, assignment.position)
    return {"state": assignment.state, "next": following.pk if following else None}
