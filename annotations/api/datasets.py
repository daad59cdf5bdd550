"""Releases for members of their team: made by rules, followed while they are, and exported."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import ActsViewSet, Plain, person, sent, study_to_review
from annotations.derivation.rules import RulesError, rules_from_json
from annotations.exports.formats import FORMATS
from annotations.models import PreferenceDataset, ReleaseJob
from annotations.selectors.release_pages import release_job_for
from annotations.selectors.studies import releases_shown_to
from annotations.services.exports import export_release
from annotations.services.release_jobs import request_release
from annotations.views.exports import sent_as_file
from inference.api import TeamViewSet
from inference.errors import InvalidOptionsError
from mood_eval.access import for_teams_of


class PreferenceDatasetSerializer(serializers.ModelSerializer[PreferenceDataset]):
    study = serializers.CharField(
        source="title",
        read_only=True,
        help_text="Its name, or the one given to what was made elsewhere.",
    )

    erased = serializers.SerializerMethodField()

    class Meta:
        model = PreferenceDataset
        fields = ("id", "study", "version", "sha256", "rows", "erased", "manifest", "created_at")

    def get_erased(self, dataset: PreferenceDataset) -> bool:
        """Whether answers in it were erased since: it is then for citation only."""
        return hasattr(dataset, "erasure")


class ReleaseJobSerializer(serializers.ModelSerializer[ReleaseJob]):
    rules = serializers.DictField()

    class Meta:
        model = ReleaseJob
        fields = (
            *("id", "study", "state", "done", "total", "step", "error", "dataset", "made"),
            *("rules", "created_at", "started_at", "finished_at"),
        )


class ReleaseSerializer(Plain):
    rules = serializers.DictField(
        required=False,
        default=dict,
        help_text="As docs/datasets.md names them; what is left out is as usual.",
    )


class ExportSerializer(Plain):
    """The query of an export. (`format` would ask for another format of the API itself.)"""

    kind = serializers.ChoiceField(choices=sorted(FORMATS))
    replies = serializers.ChoiceField(choices=["response", "all"], default="response")
    media = serializers.ChoiceField(choices=["reference", "copied"], default="reference")
    split = serializers.CharField(required=False, default="", help_text="Empty: all of them.")


class PreferenceDatasetViewSet(TeamViewSet):
    serializer_class = PreferenceDatasetSerializer
    rows = PreferenceDataset.objects.all()

    def get_queryset(self) -> QuerySet[PreferenceDataset]:
        shown = releases_shown_to(self.request.user).select_related("erasure")
        return for_teams_of(self.request.user, shown)

    @extend_schema(
        parameters=[ExportSerializer],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True)
    def export(self, request: Request, pk: str) -> HttpResponseBase:
        """The release as a trainer or statistician reads it, sent while it is read."""
        dataset = self.get_object()
        asked = ExportSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        download = export_release(
            dataset,
            given["kind"],
            fields=given["replies"],
            media=given["media"],
            splits=[given["split"]] if given["split"] else None,
        )
        return sent_as_file(download)


class ReleaseViewSet(ActsViewSet):
    """Of a study: a release being made."""

    serializer_class = ReleaseJobSerializer

    @extend_schema(request=ReleaseSerializer, responses={202: ReleaseJobSerializer})
    def create(self, request: Request, study: int) -> ApiResponse:
        """Asks for a release. Unchanged answers by the same rules lead to the one there is."""
        reviewed = study_to_review(request, study)
        given = sent(ReleaseSerializer, request)
        try:
            rules = rules_from_json(given["rules"])
        except RulesError as error:
            raise InvalidOptionsError(str(error)) from error
        job = request_release(study=reviewed, rules=rules, user=person(request))
        return ApiResponse(ReleaseJobSerializer(job).data, status=202)

    @extend_schema(responses=ReleaseJobSerializer)
    def retrieve(self, request: Request, pk: int) -> ApiResponse:
        """How far it is; `dataset` once it is done."""
        job = release_job_for(request.user, pk)
        return ApiResponse(ReleaseJobSerializer(job).data)
