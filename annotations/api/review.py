"""What a study's team looks through: concerns, and who qualified. Closed to members who rate."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import (
    LONGEST_REASON,
    YOU_RATE,
    ActsViewSet,
    Plain,
    person,
    sent,
    study_to_review,
)
from annotations.models import Flag, GateAttempt, Study
from annotations.selectors.flags import Concern, flag_in, flag_inbox, unread_flags
from annotations.selectors.gate_attempts import attempts_in
from annotations.selectors.gate_pages import attempt_of, rates_here
from annotations.selectors.studies import study_for_team
from annotations.services.flags import read_flag
from annotations.services.gate_decisions import decide_attempt

PAGE = OpenApiParameter("page", int, description="Of the list, from 1; unread concerns first.")


class FlagSerializer(serializers.ModelSerializer[Flag]):
    read_by = serializers.SerializerMethodField()

    class Meta:
        model = Flag
        fields = ("id", "kind", "text", "created_at", "read_at", "read_by", "outcome")

    def get_read_by(self, flag: Flag) -> str:
        return str(flag.read_by) if flag.read_by else ""


class ConcernSerializer(serializers.Serializer[Concern]):
    flag = FlagSerializer()
    part = serializers.IntegerField()
    item = serializers.IntegerField(help_text="Its position in the part.")
    rater = serializers.CharField(source="pseudonym")
    about = serializers.CharField(help_text="Which response, by the letter the rater saw.")


class InboxSerializer(Plain):
    unread = serializers.IntegerField()
    pages = serializers.IntegerField()
    page = serializers.IntegerField()
    concerns = ConcernSerializer(many=True)


class OutcomeSerializer(Plain):
    outcome = serializers.CharField(max_length=LONGEST_REASON, help_text="What was done about it.")


class FlagViewSet(ActsViewSet):
    @extend_schema(parameters=[PAGE], responses=InboxSerializer)
    def inbox(self, request: Request, study: int) -> ApiResponse:
        """Concerns that raters flagged."""
        found = study_to_review(request, study)
        concerns, page = flag_inbox(found, page_number(request))
        inbox = {
            "unread": unread_flags(found),
            "pages": page.paginator.num_pages,
            "page": page.number,
            "concerns": concerns,
        }
        return ApiResponse(InboxSerializer(inbox).data)

    @extend_schema(request=OutcomeSerializer, responses=FlagSerializer)
    def read(self, request: Request, study: int, flag: int) -> ApiResponse:
        """Marks a concern as read, with what was done about it."""
        found = flag_in(study_to_review(request, study), flag)
        row = read_flag(found, by=person(request), **sent(OutcomeSerializer, request))
        return ApiResponse(FlagSerializer(row).data)


def page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise serializers.ValidationError({"page": ["A whole number from 1 is needed."]})
    return int(text)


class AttemptSerializer(serializers.ModelSerializer[GateAttempt]):
    rater = serializers.CharField(source="rater.pseudonym")
    part = serializers.IntegerField(source="gate.part.position")
    threshold = serializers.FloatField(source="gate.threshold")
    by_criterion = serializers.DictField(help_text="Question -> the same figures.")
    decided_by = serializers.SerializerMethodField()

    class Meta:
        model = GateAttempt
        fields = (
            *("id", "rater", "part", "number", "started_at", "finished_at", "kappa", "low", "high"),
            *("threshold", "answers", "agreement", "by_criterion", "passed", "why", "decided_by"),
        )

    def get_decided_by(self, attempt: GateAttempt) -> str:
        """Empty where the figures decided."""
        return str(attempt.decided_by) if attempt.decided_by else ""


class DecisionSerializer(Plain):
    passed = serializers.BooleanField()
    reason = serializers.CharField(max_length=LONGEST_REASON)


class AttemptViewSet(ActsViewSet):
    @extend_schema(responses=AttemptSerializer(many=True))
    def list(self, request: Request, study: int) -> ApiResponse:
        """Attempts at the qualification, with the agreement that each one showed."""
        rows = attempts_in(study_with_gate(request, study))
        return ApiResponse(AttemptSerializer(rows, many=True).data)

    @extend_schema(request=DecisionSerializer, responses=AttemptSerializer)
    def decide(self, request: Request, study: int, attempt: int) -> ApiResponse:
        """A named person's decision, with the reason; what follows is as if figures had decided."""
        found = study_with_gate(request, study)
        decide_attempt(
            attempt=attempt_of(found, attempt),
            by=person(request),
            **sent(DecisionSerializer, request),
        )
        return ApiResponse(AttemptSerializer(attempt_of(found, attempt)).data)


def study_with_gate(request: Request, pk: int) -> Study:
    """Not for a member who is to be qualified, in a draft as little as later."""
    study = study_for_team(request.user, pk)
    if rates_here(request.user, study):
        raise PermissionDenied(YOU_RATE)
    return study
