"""Figures of studies for members of their team; nothing here is for raters."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.analysis.filters import FilterError, ResultsFilter, read_filter
from annotations.models import Study
from annotations.selectors.analyses import shown_analysis
from annotations.selectors.results_report import results_document
from annotations.selectors.studies import rates_in
from annotations.services.analyses import request_analysis
from inference.api import TeamViewSet
from inference.errors import DomainError

FILTER_NAMES = tuple(field.name for field in fields(ResultsFilter))


class NotComputed(APIException):
    status_code = 409
    default_detail = "Nothing has been computed on this study yet: POST to this address first."


class NotPossible(APIException):
    status_code = 409


class ResultsActs(TeamViewSet):
    """Of a study: its figures."""

    @extend_schema(
        parameters=[OpenApiParameter(name, str) for name in FILTER_NAMES],
        responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT},
    )
    @action(detail=True)
    def results(self, request: Request, pk: str) -> ApiResponse:
        """The newest figures, as `manage.py agreement` and `results` report them. `current` says
        whether answers have come in since. 409 while nothing was computed: POST first."""
        study, chosen = self._asked(request)
        shown = shown_analysis(study, chosen)
        if shown.analysis is None:
            raise NotComputed
        return ApiResponse(results_document(shown.analysis))

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    @results.mapping.post
    def compute_results(self, request: Request, pk: str) -> ApiResponse:
        """Has the figures computed on the answers as they are now."""
        study, chosen = self._asked(request)
        assert request.user.is_authenticated  # noqa: S101
        try:
            job = request_analysis(study, chosen, user=request.user)
        except DomainError as error:
            raise NotPossible(str(error)) from error
        return ApiResponse({"state": job.state, "done": job.done, "total": job.total}, status=202)

    def _asked(self, request: Request) -> tuple[Study, ResultsFilter]:
        study: Study = self.get_object()
        if rates_in(request.user, study):
            raise PermissionDenied("You rate in this study: it opens to you when it closes.")
        given: dict[str, Any] = {key: request.query_params.get(key) for key in request.query_params}
        given["without"] = request.query_params.getlist("without")
        try:
            return study, read_filter(given)
        except FilterError as error:
            raise ValidationError({"detail": str(error)}) from error
