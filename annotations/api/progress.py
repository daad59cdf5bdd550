"""How far a running study is, by rater and by item; nothing here compares models."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import ActsViewSet, Plain, study_to_review
from annotations.models import StudyRater
from annotations.selectors.progress import RaterProgress, StudyProgress, study_progress


class NoteSerializer(Plain):
    short = serializers.CharField()
    why = serializers.CharField()


class RaterProgressSerializer(serializers.Serializer[RaterProgress]):
    rater = serializers.IntegerField(source="pk")
    pseudonym = serializers.CharField()
    stage = serializers.ChoiceField(choices=StudyRater.Stage.choices)
    total = serializers.IntegerField(help_text="Independent items.")
    submitted = serializers.IntegerField()
    skipped = serializers.IntegerField()
    seen = serializers.DateTimeField(allow_null=True, help_text="Last at work.")
    flags = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True, help_text="Per item.")
    all_same_share = serializers.FloatField(allow_null=True)
    first_share = serializers.FloatField(allow_null=True)
    cannot_share = serializers.FloatField(allow_null=True)
    equal_share = serializers.FloatField(allow_null=True, help_text="Of repeated answers.")
    panel = serializers.SerializerMethodField()
    notes = NoteSerializer(many=True, help_text="What deserves a look; no verdict.")

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_panel(self, rater: RaterProgress) -> float | None:
        """Kappa with the reference panel on the items hidden among the work."""
        return rater.panel.kappa if rater.panel else None


class MissingSerializer(Plain):
    kind = serializers.CharField()
    count = serializers.IntegerField()
    of = serializers.CharField()


class ProgressSerializer(serializers.Serializer[StudyProgress]):
    items = serializers.IntegerField(source="item_count")
    complete_items = serializers.IntegerField(help_text="With all their answers.")
    places = serializers.IntegerField(help_text="Answers that the study asks for.")
    submitted = serializers.IntegerField()
    held = serializers.IntegerField(help_text="Places that somebody holds.")
    free = serializers.IntegerField()
    disputed = serializers.IntegerField()
    flags = serializers.IntegerField()
    finish = serializers.DateTimeField(allow_null=True, help_text="At the pace of the last days.")
    missing = serializers.SerializerMethodField()
    raters = RaterProgressSerializer(many=True)

    @extend_schema_field(MissingSerializer(many=True))
    def get_missing(self, progress: StudyProgress) -> list[dict[str, Any]]:
        return [{"kind": kind, "count": count, "of": of} for kind, count, of in progress.missing]


class ProgressViewSet(ActsViewSet):
    @extend_schema(responses=ProgressSerializer)
    def retrieve(self, request: Request, study: int) -> ApiResponse:
        found = study_progress(study_to_review(request, study))
        return ApiResponse(ProgressSerializer(found).data)
