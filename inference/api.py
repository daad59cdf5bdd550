"""JSON for scripts: what the members of a team may see, and nothing else."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from inference.models import (
    Corpus,
    GenerationRun,
    ModelVersion,
    Response,
    TrainingPoint,
    TrainingRun,
    TrainingSample,
)
from inference.selectors.cautions import Caution, cautions_about_models
from inference.selectors.runs import Failure, failures_of, with_failed
from inference.selectors.training import public_config
from mood_eval.access import for_teams_of


class OldestFirst(CursorPagination):
    ordering: str | tuple[str, ...] = "pk"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_page_size(self, request: Request) -> int | None:
        given = request.query_params.get(self.page_size_query_param, "1")
        if not (given.isascii() and given.isdecimal() and int(given[:9]) > 0 and len(given) < 10):
            raise serializers.ValidationError({"page_size": ["A whole number from 1 is needed."]})
        return super().get_page_size(request)


class TeamViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    """Rows of the caller's teams; to everyone else they do not exist."""

    pagination_class = OldestFirst
    rows: QuerySet[Any, Any]

    def get_queryset(self) -> QuerySet[Any, Any]:
        return for_teams_of(self.request.user, self.rows.all())


class CorpusSerializer(serializers.ModelSerializer[Corpus]):
    class Meta:
        model = Corpus
        fields = ("id", "name", "format", "licence", "citation", "note", "created_at")


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    parent = serializers.SlugRelatedField[ModelVersion](  # type: ignore[assignment]
        slug_field="name", read_only=True, allow_null=True
    )
    cautions = serializers.SerializerMethodField(
        help_text="What speaks against using the model, such as answers that were erased since."
    )

    class Meta:
        model = ModelVersion
        fields = (
            *("id", "name", "kind", "parent", "weights_sha256", "prompt", "is_demo"),
            *("created_at", "cautions"),
        )

    @cached_property
    def _known(self) -> dict[int, list[Caution]]:
        """Of a list, of all its rows at once."""
        rows = getattr(self.parent, "instance", None) or [self.instance]
        return cautions_about_models(rows)

    def get_cautions(self, model: ModelVersion) -> list[str]:
        return [caution.sentence for caution in self._known.get(model.pk, ())]


class GenerationRunSerializer(serializers.ModelSerializer[GenerationRun]):
    model = serializers.CharField(source="model_version.name")
    corpus = serializers.CharField(source="corpus.name")
    failed = serializers.IntegerField(help_text="Responses that hold an error, not an answer.")

    class Meta:
        model = GenerationRun
        fields = (
            *("id", "model", "corpus", "splits", "options", "state", "done", "total"),
            *("failed", "error", "created_at", "started_at", "finished_at"),
        )


class FailureSerializer(serializers.Serializer[Failure]):
    reason = serializers.CharField()
    stimuli = serializers.IntegerField()


class GenerationRunDetailSerializer(GenerationRunSerializer):
    not_answered = serializers.SerializerMethodField()

    class Meta:
        model = GenerationRun
        fields = (*GenerationRunSerializer.Meta.fields, "not_answered")

    @extend_schema_field(FailureSerializer(many=True))
    def get_not_answered(self, run: GenerationRun) -> list[dict[str, Any]]:
        return [asdict(failure) for failure in failures_of(run)]


class ResponseSerializer(serializers.ModelSerializer[Response]):
    dialogue = serializers.CharField(source="stimulus.dialogue.external_id")
    first_position = serializers.IntegerField(source="stimulus.first_position")

    class Meta:
        model = Response
        fields = (
            *("id", "dialogue", "first_position", "sample", "client_emotion"),
            *("therapist_emotion", "strategy", "text", "raw", "label_probabilities", "error"),
            *("seconds", "prompt_tokens", "new_tokens"),
        )


class TrainingRunSerializer(serializers.ModelSerializer[TrainingRun]):
    base = serializers.CharField(source="base.name")
    config = serializers.SerializerMethodField(
        help_text="What the run was given, without where its judges are reached."
    )
    corpus = serializers.SlugRelatedField[Corpus](
        slug_field="name", read_only=True, allow_null=True
    )
    reward_models = serializers.SlugRelatedField[ModelVersion](
        slug_field="name", read_only=True, many=True
    )
    result = serializers.SlugRelatedField[ModelVersion](
        slug_field="name", read_only=True, allow_null=True
    )

    class Meta:
        model = TrainingRun
        fields: tuple[str, ...] = (
            *("id", "name", "method", "preset", "base", "corpus", "reward_models"),
            *("dataset_sha256", "config", "state", "stage", "done", "total", "error", "result"),
            *("created_at", "started_at", "finished_at"),
        )

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_config(self, run: TrainingRun) -> dict[str, Any]:
        return public_config(run)


class TrainingPointSerializer(serializers.ModelSerializer[TrainingPoint]):
    values = serializers.DictField(
        child=serializers.FloatField(),
        help_text="Name -> value, such as loss, reward_margin, eval_loss, kl.",
    )

    class Meta:
        model = TrainingPoint
        fields = ("step", "values", "logged_at")


class TrainingSampleSerializer(serializers.ModelSerializer[TrainingSample]):
    class Meta:
        model = TrainingSample
        fields = (
            *("step", "key", "client", "client_emotion", "therapist_emotion", "strategy", "text"),
        )


class CorpusViewSet(TeamViewSet):
    serializer_class = CorpusSerializer
    rows = Corpus.objects.all()


class ModelVersionViewSet(TeamViewSet):
    serializer_class = ModelVersionSerializer
    rows = ModelVersion.objects.select_related("parent")


class GenerationRunViewSet(TeamViewSet):
    serializer_class = GenerationRunSerializer
    rows = with_failed(GenerationRun.objects.select_related("model_version", "corpus"))

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        is_one = self.action == "retrieve"
        return GenerationRunDetailSerializer if is_one else super().get_serializer_class()

    @extend_schema(responses=ResponseSerializer(many=True))
    @action(detail=True, serializer_class=ResponseSerializer)
    def responses(self, request: Request, pk: str) -> ApiResponse:
        rows = Response.objects.filter(run=self.get_object())
        page = self.paginate_queryset(rows.select_related("stimulus__dialogue"))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
