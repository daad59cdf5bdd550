from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from mood_eval.access import teams_of
from mood_eval.demo_accounts import DEMO_ACCOUNTS
from mood_eval.models import User


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    context = {
        "accounts": DEMO_ACCOUNTS if settings.MODE == "demo" else (),
        "is_researcher": teams_of(request.user).exists(),
    }
    return render(request, "home.html", context)


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """One click instead of a password, in the demonstration only."""
    email = request.POST.get("email", "")
    if settings.MODE != "demo" or email not in {account.email for account in DEMO_ACCOUNTS}:
        raise Http404
    user = get_object_or_404(User, email=email)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("study_list" if teams_of(user).exists() else "rating_home")


def not_offered(request: HttpRequest) -> HttpResponse:
    raise Http404


@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """200 once the process serves requests and its database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
