"""Every refusal has one shape: {"detail": words for a person, "fields": what is wrong where}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse
from rest_framework.views import APIView, exception_handler

from annotations.services.held import ConsentMissingError
from annotations.services.ratings import IncompleteError
from inference.errors import DomainError, WrongStateError


def answer_errors(error: Exception, context: dict[str, Any]) -> ApiResponse | None:
    if isinstance(error, IncompleteError):
        gaps = [{"question": gap.question, "message": gap.message} for gap in error.missing]
        return ApiResponse({"detail": str(error), "missing": gaps}, status=422)
    if isinstance(error, DomainError):
        return ApiResponse({"detail": str(error)}, status=status_of(error))
    if isinstance(error, RequestDataTooBig):
        return ApiResponse({"detail": "This is more than can be sent at once."}, status=400)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {"detail": first_words(error.detail), "fields": by_field(error.detail)}
    return response


def status_of(error: DomainError) -> int:
    if isinstance(error, ConsentMissingError):
        return 403
    return 409 if isinstance(error, WrongStateError) else 400


def by_field(detail: Any) -> dict[str, Any]:
    return dict(detail) if isinstance(detail, Mapping) else {}


def first_words(detail: Any, name: str = "") -> str:
    """The first problem, with the name of its field, as "raters.0"."""
    if isinstance(detail, Mapping):
        key, inner = next(iter(detail.items()), ("", "Not understood."))
        shown = "" if key in ("non_field_errors", "detail") else str(key)
        return first_words(inner, ".".join(part for part in (name, shown) if part))
    if isinstance(detail, list | tuple):
        wrong = next((inner for inner in detail if inner), "Not understood.")
        return first_words(wrong, name)
    return f"{name}: {detail}" if name else str(detail)


class NothingHere(APIView):
    """For addresses that do not exist, so that programs are not answered with a page."""

    permission_classes = [AllowAny]
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address. Addresses of the API end with a slash.")
