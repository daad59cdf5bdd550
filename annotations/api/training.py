"""Training runs for members of their team: started, followed while they learn, stopped, resumed."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import Plain, person, sent
from annotations.models import PreferenceDataset
from annotations.selectors.studies import releases_shown_to
from annotations.services.training import train_on_release
from inference.api import (
    OldestFirst,
    TeamViewSet,
    TrainingPointSerializer,
    TrainingRunSerializer,
    TrainingSampleSerializer,
)
from inference.errors import InvalidOptionsError
from inference.models import Corpus, ModelVersion, TrainingPoint, TrainingRun, TrainingSample
from inference.selectors.training_lines import MEDIA_TYPE, progress_lines
from inference.services.training import cancel_training_run, resume_training_run
from inference.services.training_corpora import train_on_corpus
from inference.training.presets import PRESETS
from mood_eval.access import current_team, for_teams_of
from mood_eval.models import User

M = TypeVar("M", bound=Model)
MOST_REWARD_MODELS = 16


class RunSerializer(TrainingRunSerializer):
    dataset = serializers.IntegerField(
        source="dataset_link.dataset_id",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="The release that it learns from.",
    )

    class Meta(TrainingRunSerializer.Meta):
        fields = (*TrainingRunSerializer.Meta.fields, "dataset")


class RunDetailSerializer(RunSerializer):
    report = serializers.DictField(
        help_text="Base against result; empty before the run is done, and where none was asked for."
    )

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "report")


class StartSerializer(Plain):
    method = serializers.ChoiceField(choices=TrainingRun.Method.choices)
    base = serializers.IntegerField(min_value=1, help_text="The model to start from.")
    dataset = serializers.IntegerField(
        min_value=1, required=False, help_text="A release: for dpo, reward, ppo and grpo."
    )
    corpus = serializers.IntegerField(
        min_value=1, required=False, help_text="Instead, for sft, compressor, ppo and grpo."
    )
    reward_models = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        max_length=MOST_REWARD_MODELS,
        help_text="For ppo and grpo: models that score answers.",
    )
    preset = serializers.ChoiceField(choices=sorted(PRESETS), required=False)
    config = serializers.DictField(
        required=False, help_text="As docs/training.md names the keys; they win over the preset's."
    )
    name = serializers.CharField(
        max_length=120,
        required=False,
        allow_blank=True,
        help_text="Of the run and of the new model; empty makes one from the base's.",
    )


class JsonLinesRenderer(JSONRenderer):
    """So that lines can be asked for by their media type; it writes refusals, each as one line."""

    media_type = MEDIA_TYPE
    format = "ndjson"


class ByStep(OldestFirst):
    ordering = ("step", "pk")


class TrainingRunViewSet(TeamViewSet):
    serializer_class = RunSerializer
    rows = TrainingRun.objects.select_related(
        "base", "result", "corpus", "dataset_link"
    ).prefetch_related("reward_models")

    @extend_schema(responses=RunDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        return ApiResponse(RunDetailSerializer(self.get_object()).data)

    @extend_schema(request=StartSerializer, responses={201: RunDetailSerializer})
    def create(self, request: Request) -> ApiResponse:
        """Waits for a worker afterwards. Give either `dataset` or `corpus`."""
        current_team(request.user)  # raters have none
        run = start(person(request), sent(StartSerializer, request))
        return ApiResponse(RunDetailSerializer(self.rows.get(pk=run.pk)).data, status=201)

    @extend_schema(request=None, responses=RunDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> ApiResponse:
        """A trainer that works writes a checkpoint first, from which the run can be resumed."""
        cancel_training_run(self.get_object())
        return ApiResponse(RunDetailSerializer(self.get_object()).data)

    @extend_schema(request=None, responses=RunDetailSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> ApiResponse:
        """From the last checkpoint of what was cancelled or has failed."""
        resume_training_run(self.get_object())
        return ApiResponse(RunDetailSerializer(self.get_object()).data)

    @extend_schema(responses=TrainingPointSerializer(many=True))
    @action(detail=True, serializer_class=TrainingPointSerializer, pagination_class=ByStep)
    def points(self, request: Request, pk: str) -> ApiResponse:
        """What was logged, by step."""
        return self._page(TrainingPoint.objects.filter(run=self.get_object()))

    @extend_schema(responses=TrainingSampleSerializer(many=True))
    @action(detail=True, serializer_class=TrainingSampleSerializer, pagination_class=ByStep)
    def samples(self, request: Request, pk: str) -> ApiResponse:
        """Answers of the model in training to the same client turns, by step."""
        return self._page(TrainingSample.objects.filter(run=self.get_object()))

    @extend_schema(responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY})
    @action(detail=True, renderer_classes=[JSONRenderer, JsonLinesRenderer])
    def progress(self, request: Request, pk: str) -> HttpResponseBase:
        """Points and samples as JSON lines, sent while they are read."""
        return StreamingHttpResponse(progress_lines(self.get_object()), content_type=MEDIA_TYPE)

    def _page(self, rows: QuerySet[Any]) -> ApiResponse:
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def start(user: User, given: dict[str, Any]) -> TrainingRun:
    if ("dataset" in given) == ("corpus" in given):
        raise InvalidOptionsError("dataset, corpus: give one of them.")
    models = for_teams_of(user, ModelVersion.objects.all())
    options = {
        "method": given["method"],
        "base": row_named(models, given["base"], "base", "model"),
        "reward_models": [
            row_named(models, key, "reward_models", "model")
            for key in dict.fromkeys(given.get("reward_models", ()))
        ],
        "preset": given.get("preset", ""),
        "config": given.get("config"),
        "name": given.get("name", ""),
        "user": user,
    }
    if "corpus" in given:
        corpora = for_teams_of(user, Corpus.objects.all())
        corpus = row_named(corpora, given["corpus"], "corpus", "corpus")
        return train_on_corpus(corpus=corpus, **options)
    shown: QuerySet[PreferenceDataset] = for_teams_of(user, releases_shown_to(user))
    return train_on_release(
        dataset=row_named(shown, given["dataset"], "dataset", "release"), **options
    )


def row_named(rows: QuerySet[M], key: int, field: str, kind: str) -> M:
    row = rows.filter(pk=key).first()
    if row is None:
        raise serializers.ValidationError({field: [f"There is no {kind} {key} for you."]})
    return row
