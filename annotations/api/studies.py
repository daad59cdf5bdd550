"""A study's life: draft, launch, amendments, close."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import LONGEST_REASON, Plain, json_in, person, sent
from annotations.api.kinds import check_kinds
from annotations.api.results import ResultsActs
from annotations.models import Amendment, Study, StudyPart
from annotations.selectors.studies import runs_to_judge
from annotations.services.amendments import AMENDABLE, amend_study
from annotations.services.studies import close_study, create_study, launch_study
from annotations.services.study_drafts import EDITABLE, edit_draft
from inference.errors import InvalidOptionsError, UnknownNameError
from inference.models import GenerationRun
from mood_eval.access import current_team
from mood_eval.models import Team

SETTINGS = sorted(EDITABLE - {"longest_ratio"})
MOST_RATERS = 2000
MOST_RUNS = 50


class StudySerializer(serializers.ModelSerializer[Study]):
    class Meta:
        model = Study
        fields = (
            *("id", "name", "template", "state", "seed", "overlap", "response_fields"),
            *("created_at", "launched_at", "closed_at"),
        )


class PartSerializer(serializers.ModelSerializer[StudyPart]):
    instrument = serializers.CharField(source="instrument.name")
    instrument_version = serializers.IntegerField(source="instrument.version")

    class Meta:
        model = StudyPart
        fields = (
            *("position", "design", "unit", "instrument", "instrument_version", "candidates"),
            *("same_raters", "tie_allowed", "with_strength", "with_overall", "resolution"),
            *("dispute_range", "dispute_disagreement", "dispute_flags"),
        )


class StudyDetailSerializer(serializers.ModelSerializer[Study]):
    parts = PartSerializer(many=True)
    runs = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = (
            *StudySerializer.Meta.fields,
            *(name for name in SETTINGS if name not in StudySerializer.Meta.fields),
            *("longest_ratio", "parts", "runs"),
        )

    def get_runs(self, study: Study) -> list[int]:
        """Generation runs whose replies are judged."""
        return [link.run_id for link in study.study_runs.all()]


class DraftSerializer(Plain):
    template = serializers.CharField(max_length=80, help_text="As /api/templates/ names it.")
    runs = serializers.ListField(
        child=serializers.IntegerField(min_value=1), max_length=MOST_RUNS, allow_empty=False
    )
    name = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Raters see it."
    )
    raters = serializers.ListField(
        child=serializers.EmailField(), required=False, max_length=MOST_RATERS
    )
    overlap = serializers.IntegerField(min_value=1, max_value=50, required=False)
    limit = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="Client turns, drawn by seed."
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    blind_researchers = serializers.BooleanField(required=False, default=False)


class SettingsSerializer(serializers.ModelSerializer[Study]):
    class Meta:
        model = Study
        fields = SETTINGS
        extra_kwargs = {
            "overlap": {"min_value": 1, "max_value": 50},
            "block_size": {"min_value": 1},
            "stimulus_limit": {"min_value": 1},
            "seed": {"max_value": 2**31 - 1},
            "repeat_share": {"min_value": 0, "max_value": 1},
        }


class ChangesSerializer(serializers.ModelSerializer[Study]):
    class Meta:
        model = Study
        fields = list(AMENDABLE)
        extra_kwargs = {name: {"required": False} for name in AMENDABLE}


class AmendSerializer(Plain):
    reason = serializers.CharField(max_length=LONGEST_REASON)
    changes = ChangesSerializer()


class AmendmentSerializer(serializers.ModelSerializer[Amendment]):
    by = serializers.SerializerMethodField()
    changes = serializers.DictField(help_text="Field -> before and after.")

    class Meta:
        model = Amendment
        fields = ("id", "at", "by", "what", "changes", "reason")

    def get_by(self, amendment: Amendment) -> str:
        return str(amendment.by) if amendment.by else ""


class StudyViewSet(ResultsActs):
    serializer_class = StudySerializer
    rows = Study.objects.order_by("pk")

    @extend_schema(responses=StudyDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        return ApiResponse(StudyDetailSerializer(self.get_object()).data)

    @extend_schema(request=DraftSerializer, responses={201: StudyDetailSerializer})
    def create(self, request: Request) -> ApiResponse:
        """A draft from a template: nothing is drawn before the launch."""
        team = current_team(request.user)
        given = sent(DraftSerializer, request)
        runs = runs_named(team, given.pop("runs"))
        study = create_study(team=team, runs=runs, user=person(request), **given)
        return ApiResponse(StudyDetailSerializer(study).data, status=201)

    @extend_schema(request=SettingsSerializer, responses=StudyDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> ApiResponse:
        """Of a draft. After the launch see amend."""
        study = self.get_object()
        read = SettingsSerializer(study, data=json_in(request), partial=True)
        check_kinds(read)
        read.is_valid(raise_exception=True)
        if read.validated_data:
            study = edit_draft(study=study, **read.validated_data)
        return ApiResponse(StudyDetailSerializer(study).data)

    @extend_schema(request=None, responses=StudyDetailSerializer)
    @action(detail=True, methods=["post"])
    def launch(self, request: Request, pk: str) -> ApiResponse:
        """Freezes items and assignments and opens the study for its raters."""
        return ApiResponse(StudyDetailSerializer(launch_study(self.get_object())).data)

    @extend_schema(request=None, responses=StudyDetailSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> ApiResponse:
        """Answers that arrive later are kept apart."""
        return ApiResponse(StudyDetailSerializer(close_study(self.get_object())).data)

    @extend_schema(request=AmendSerializer, responses={201: AmendmentSerializer})
    @action(detail=True, methods=["post"])
    def amend(self, request: Request, pk: str) -> ApiResponse:
        """Changes what no answer depends on, with a reason that is kept."""
        study = self.get_object()
        given = sent(AmendSerializer, request)
        amendment = amend_study(study=study, by=person(request), **given)
        return ApiResponse(AmendmentSerializer(amendment).data, status=201)

    @extend_schema(responses=AmendmentSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def amendments(self, request: Request, pk: str) -> ApiResponse:
        """From the first to the last."""
        rows = self.get_object().amendments.select_related("by")
        return ApiResponse(AmendmentSerializer(rows, many=True).data)


def runs_named(team: Team, keys: list[int]) -> list[GenerationRun]:
    """In the given order."""
    if len(set(keys)) < len(keys):
        raise InvalidOptionsError("A generation run is named twice.")
    found = {run.pk: run for run in runs_to_judge(team).filter(pk__in=keys)}
    missing = [str(key) for key in keys if key not in found]
    if missing:
        raise UnknownNameError(
            f"The team has no finished generation run {', '.join(missing)} whose replies can be "
            "judged."
        )
    return [found[key] for key in keys]
