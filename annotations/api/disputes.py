"""What raters disagree on, and how a named person settles it. Blind: no model is told."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import LONGEST_REASON, ActsViewSet, Plain, person, sent, study_to_review
from annotations.models import Adjudication, Dispute, Item
from annotations.selectors.dispute_evidence import Evidence, evidence
from annotations.selectors.disputes import disputed_item, disputed_items
from annotations.services.adjudication import settle, settle_flag

HARM = "harm"
MAX_VALUE = 1000


class DisputeState(TextChoices):
    OPEN = "open"
    SETTLED = "settled"


STATE = OpenApiParameter("state", str, enum=DisputeState.values, description="`open` if not said.")


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    question = serializers.SerializerMethodField()

    class Meta:
        model = Dispute
        fields = ("question", "rule", "detail", "opened_at", "settled_at")

    def get_question(self, dispute: Dispute) -> str:
        """`harm` where the item was flagged."""
        if dispute.rule == Dispute.Rule.FLAG:
            return HARM
        return dispute.criterion.slug if dispute.criterion else "overall"


class DisputedItemSerializer(serializers.ModelSerializer[Item]):
    part = serializers.IntegerField(source="part.position")
    disputes = DisputeSerializer(many=True)

    class Meta:
        model = Item
        fields = ("id", "part", "position", "disputes")


class TurnSerializer(Plain):
    speaker = serializers.CharField()
    text = serializers.CharField()


class ShownSerializer(Plain):
    letter = serializers.CharField()
    text = serializers.CharField()


class OpenQuestionSerializer(Plain):
    key = serializers.CharField()
    name = serializers.CharField()
    guiding_question = serializers.CharField()
    why = serializers.ListField(child=serializers.CharField())
    settled = serializers.BooleanField()
    values = serializers.SerializerMethodField()

    def get_values(self, question: Any) -> list[str]:
        """What it can be settled as; empty for an order, which is written `rank:b>a`."""
        return [option.value for option in question.options]


class SaidSerializer(Plain):
    rater = serializers.CharField()
    role = serializers.CharField(help_text="Empty for an independent answer.")
    answers = serializers.ListField(child=serializers.CharField())
    comment = serializers.CharField()
    flags = serializers.ListField(child=serializers.CharField())


class EvidenceSerializer(serializers.Serializer[Evidence]):
    situation = serializers.CharField(source="found.item.stimulus.dialogue.situation")
    turns = TurnSerializer(source="found.turns", many=True)
    responses = ShownSerializer(source="found.candidates", many=True)
    asked = serializers.SerializerMethodField()
    said = serializers.SerializerMethodField()
    questions = OpenQuestionSerializer(many=True)
    flagged = serializers.BooleanField()
    flag_settled = serializers.BooleanField()

    def get_asked(self, shown: Evidence) -> list[str]:
        """Names of all questions, in the order of each rater's answers."""
        return [str(question) for question in shown.found.questions]

    @extend_schema_field(SaidSerializer(many=True))
    def get_said(self, shown: Evidence) -> list[dict[str, Any]]:
        return [
            {
                "rater": str(answer.rater),
                "role": str(answer.role),
                "answers": [str(cell) for cell in answer.cells],
                "comment": answer.comment,
                "flags": [str(flag) for flag in answer.flags],
            }
            for answer in shown.found.answers
        ]


class SettleSerializer(Plain):
    question = serializers.CharField(max_length=80, help_text="`harm`: the flagged item itself.")
    value = serializers.CharField(
        max_length=MAX_VALUE,
        required=False,
        allow_blank=True,
        default="",
        help_text="Written as raters write answers; letters as in the evidence.",
    )
    reason = serializers.CharField(max_length=LONGEST_REASON)


class AdjudicationSerializer(serializers.ModelSerializer[Adjudication]):
    decided_by = serializers.SerializerMethodField()

    class Meta:
        model = Adjudication
        fields = ("id", "method", "decided_by", "reason", "decided_at")

    def get_decided_by(self, adjudication: Adjudication) -> str:
        return str(adjudication.decided_by) if adjudication.decided_by else ""


class DisputeViewSet(ActsViewSet):
    @extend_schema(parameters=[STATE], responses=DisputedItemSerializer(many=True))
    def list(self, request: Request, study: int) -> ApiResponse:
        found = study_to_review(request, study)
        asked = request.query_params.get("state", DisputeState.OPEN)
        if asked not in DisputeState.values:
            raise serializers.ValidationError({"state": ["Say open or settled."]})
        rows = disputed_items(found, settled=asked == DisputeState.SETTLED)
        return ApiResponse(DisputedItemSerializer(rows, many=True).data)

    @extend_schema(responses=EvidenceSerializer)
    def retrieve(self, request: Request, study: int, item: int) -> ApiResponse:
        """The item with every answer to it, by pseudonym."""
        found = study_to_review(request, study)
        return ApiResponse(EvidenceSerializer(evidence(found, disputed_item(found, item))).data)

    @extend_schema(request=SettleSerializer, responses={201: AdjudicationSerializer})
    def settle(self, request: Request, study: int, item: int) -> ApiResponse:
        """Stands beside the ratings, which stay as they are. A later decision replaces it."""
        found = disputed_item(study_to_review(request, study), item)
        given = sent(SettleSerializer, request)
        by, reason = person(request), given["reason"]
        if given["question"] == HARM:
            made = settle_flag(found, by=by, reason=reason)
        else:
            made = settle(found, given["question"], given["value"], by=by, reason=reason)
        return ApiResponse(AdjudicationSerializer(made).data, status=201)
