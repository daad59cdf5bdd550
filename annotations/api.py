"""Read-only JSON of studies and releases for members of their team; nothing here is for raters."""

from __future__ import annotations

from dataclasses import asdict

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.models import PreferenceDataset, Study
from annotations.selectors.results import study_results
from annotations.selectors.studies import rates_in, releases_shown_to
from inference.api import TeamViewSet
from mood_eval.access import for_teams_of


class StudySerializer(serializers.ModelSerializer[Study]):
    class Meta:
        model = Study
        fields = (
            *("id", "name", "template", "state", "seed", "overlap", "response_fields"),
            *("created_at", "launched_at", "closed_at"),
        )


class PreferenceDatasetSerializer(serializers.ModelSerializer[PreferenceDataset]):
    study = serializers.CharField(source="study.name")

    class Meta:
        model = PreferenceDataset
        fields = ("id", "study", "version", "sha256", "rows", "manifest", "created_at")


class StudyViewSet(TeamViewSet):
    serializer_class = StudySerializer
    rows = Study.objects.all()

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def agreement(self, request: Request, pk: str) -> ApiResponse:
        """What `manage.py agreement STUDY --json` reports."""
        study = self.get_object()
        if rates_in(request.user, study):
            raise PermissionDenied("You rate in this study: it opens to you when it closes.")
        return ApiResponse(asdict(study_results(study)))


class PreferenceDatasetViewSet(TeamViewSet):
    serializer_class = PreferenceDatasetSerializer
    rows = PreferenceDataset.objects.all()

    def get_queryset(self) -> QuerySet[PreferenceDataset]:
        return for_teams_of(self.request.user, releases_shown_to(self.request.user))
