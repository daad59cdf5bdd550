"""Instruments and study templates, for researchers."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import ActsViewSet, Plain, sent
from annotations.instruments import InstrumentText, study_templates
from annotations.selectors.instruments import (
    instrument_for,
    instrument_of_team,
    instruments_listed,
    shipped_instrument_for,
    text_of,
)
from annotations.selectors.study_choices import SHIPPED
from annotations.services.instruments import delete_instrument, import_instrument
from mood_eval.access import current_team

LONGEST_FILE = 1_000_000
REF = OpenApiParameter(
    "ref",
    str,
    OpenApiParameter.PATH,
    description="The number of one of the team's, or `shipped:` and the name of one that ships.",
)


class CriterionSerializer(Plain):
    slug = serializers.CharField()
    name = serializers.CharField()
    definition = serializers.CharField()
    guiding_question = serializers.CharField()
    good_example = serializers.CharField()
    poor_example = serializers.CharField()
    kind = serializers.CharField()
    widget = serializers.CharField()
    level = serializers.CharField()
    scale_min = serializers.IntegerField()
    scale_max = serializers.IntegerField()
    anchor_low = serializers.CharField()
    anchor_high = serializers.CharField()
    anchors = serializers.DictField(child=serializers.CharField())
    options = serializers.ListField(child=serializers.DictField())
    reverse_scored = serializers.BooleanField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # the criterion's own word
    about_labels = serializers.BooleanField()
    about_chain = serializers.CharField(
        help_text="The part of the reasoning it asks about; empty: none."
    )
    only_if = serializers.DictField()


class InstrumentSerializer(Plain):
    ref = serializers.CharField(help_text="As a part of a study names it.")
    slug = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    citation = serializers.CharField()
    note = serializers.CharField()


class InstrumentDetailSerializer(InstrumentSerializer):
    criteria = CriterionSerializer(many=True)


class ImportSerializer(Plain):
    content = serializers.CharField(
        max_length=LONGEST_FILE, trim_whitespace=False, help_text="The TOML file's text."
    )


def described(ref: str, text: InstrumentText) -> dict[str, Any]:
    return {"ref": ref, **{name: getattr(text, name) for name in text.__dataclass_fields__}}


class InstrumentViewSet(ActsViewSet):
    @extend_schema(responses=InstrumentSerializer(many=True), operation_id="instruments_list")
    def list(self, request: Request) -> ApiResponse:
        """The team's own, and then those that ship."""
        rows = [
            described(ref, text) for ref, text in instruments_listed(current_team(request.user))
        ]
        return ApiResponse(InstrumentSerializer(rows, many=True).data)

    @extend_schema(request=ImportSerializer, responses={201: InstrumentDetailSerializer})
    def create(self, request: Request) -> ApiResponse:
        """Imports a TOML file as an instrument of the team. The same file twice makes one."""
        team = current_team(request.user)
        instrument = import_instrument(team=team, **sent(ImportSerializer, request))
        shown = described(str(instrument.pk), text_of(instrument))
        return ApiResponse(InstrumentDetailSerializer(shown).data, status=201)

    @extend_schema(parameters=[REF], responses=InstrumentDetailSerializer)
    def retrieve(self, request: Request, ref: str) -> ApiResponse:
        return ApiResponse(InstrumentDetailSerializer(described(ref, named(request, ref))).data)

    @extend_schema(parameters=[REF], responses={204: None})
    def destroy(self, request: Request, ref: str) -> ApiResponse:
        """One of the team's that no study uses."""
        delete_instrument(instrument=instrument_of_team(request.user, number(ref)))
        return ApiResponse(status=204)


def named(request: Request, ref: str) -> InstrumentText:
    if ref.startswith(SHIPPED):
        return shipped_instrument_for(request.user, ref.removeprefix(SHIPPED))
    return text_of(instrument_for(request.user, number(ref)))


def number(ref: str) -> int:
    if not (ref.isascii() and ref.isdecimal() and len(ref) < 19):
        raise Http404("There is no such instrument.")
    return int(ref)


class TemplatePartSerializer(Plain):
    design = serializers.CharField()
    instrument = serializers.CharField()
    unit = serializers.CharField()
    resolution = serializers.CharField()


class TemplateSerializer(Plain):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    citation = serializers.CharField()
    note = serializers.CharField()
    min_runs = serializers.IntegerField(help_text="Generation runs that a study needs.")
    overlap = serializers.IntegerField(help_text="Raters per item.")
    block_size = serializers.IntegerField()
    parts = TemplatePartSerializer(many=True)
    statistics = serializers.ListField(child=serializers.CharField())
    published = serializers.ListField(child=serializers.CharField())
    open_choices = serializers.ListField(child=serializers.CharField())


class TemplateViewSet(ActsViewSet):
    @extend_schema(responses=TemplateSerializer(many=True), operation_id="templates_list")
    def list(self, request: Request) -> ApiResponse:
        """Study templates, ready to use."""
        current_team(request.user)
        return ApiResponse(TemplateSerializer(study_templates(), many=True).data)
