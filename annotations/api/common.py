"""What the views of the API share."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from rest_framework import serializers, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.kinds import check_kinds
from annotations.models import Study
from annotations.selectors.studies import rates_in, study_for_team
from mood_eval.models import User

Plain = serializers.Serializer[Any]
"""What goes in or out without being a row."""
LONGEST_REASON = 5000
YOU_RATE = "You rate in this study: it opens to you when it closes."


class ActsViewSet(viewsets.GenericViewSet[Any]):
    """One address and its few acts. Nothing here is kept by caches."""

    queryset = Study.objects.none()
    serializer_class = serializers.Serializer
    pagination_class = None

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> ApiResponse:
        final: ApiResponse = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        return final


def person(request: Request) -> User:
    assert request.user.is_authenticated  # noqa: S101 - the permission classes let nobody else in
    return request.user


def sent(serializer: type[Plain], request: Request) -> dict[str, Any]:
    """The body as the serializer reads it; whatever it does not know is left out."""
    read = serializer(data=json_in(request))
    check_kinds(read)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


def json_in(request: Request) -> Any:
    """An empty body that calls itself a form is no form: see DEFAULT_PARSER_CLASSES."""
    return {} if isinstance(request.data, QueryDict) else request.data


def study_to_review(request: Request, pk: int) -> Study:
    """A member of the team who still rates in the study sees nothing of what others say."""
    study = study_for_team(request.user, pk)
    if rates_in(request.user, study):
        raise PermissionDenied(YOU_RATE)
    return study
