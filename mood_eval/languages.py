"""The language of the raters' pages: as they chose it, or as their browser asks for it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

RATERS = ("/rate/", "/join/", "/accounts/", "/language")


def is_for_raters(request: HttpRequest) -> bool:
    return request.path_info.startswith(RATERS)


class RaterLanguageMiddleware:
    """Researchers' pages are not translated: half-translated ones would help nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_for_raters(request):
            return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language())
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response
