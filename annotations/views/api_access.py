"""A person's key to the API: made, renewed and revoked by themselves."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from annotations.selectors.api_tokens import token_made_at
from annotations.services.api_tokens import renew_token, revoke_token


@sensitive_variables("token")
@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def api_access(request: HttpRequest) -> HttpResponse:
    """POST makes a new key, which is in this one answer and nowhere else."""
    assert request.user.is_authenticated  # noqa: S101
    token = renew_token(request.user) if request.method == "POST" else ""
    context = {
        "token": token,
        "made_at": token_made_at(request.user),
        "example": request.build_absolute_uri("/api/rating/"),
    }
    return render(request, "webhooks/api_access.html", context)


@require_POST
@login_required
def api_access_revoke(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated  # noqa: S101
    revoke_token(request.user)
    messages.success(request, "The key is revoked: it opens nothing any more.")
    return redirect("api_access")
