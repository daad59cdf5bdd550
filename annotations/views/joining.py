"""An invitation link, opened by a person with an account or without one."""

from __future__ import annotations

from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from annotations.models import Invitation, Study, StudyRater
from annotations.rater_forms import JoinForm, SignUpForm
from annotations.selectors.invitations import (
    account_exists,
    belongs_to_team,
    invitation_state,
    invitation_with,
    place_of,
)
from annotations.services.invitations import accept_invitation, join_with_new_account
from inference.errors import DomainError


@require_GET
@never_cache
def invitation_open(request: HttpRequest, secret: str) -> HttpResponse:
    invitation = invitation_with(secret)
    form: JoinForm = JoinForm()
    if not request.user.is_authenticated:
        form = SignUpForm(invitation=invitation)
    return join_page(request, secret, invitation, form)


def join_page(
    request: HttpRequest, secret: str, invitation: Invitation, form: JoinForm, status: int = 200
) -> HttpResponse:
    user, study = request.user, invitation.study
    state = invitation_state(invitation)
    context: dict[str, Any] = {
        "invitation": invitation,
        "study": study,
        "secret": secret,
        "form": form,
        "state": state,
        "usable": state == "open",
        "place": place_of(user, study),
        "insider": belongs_to_team(user, study),
        "for_another": bool(
            user.is_authenticated
            and invitation.email
            and invitation.email.lower() != user.email.lower()
        ),
        "has_account": bool(invitation.email) and account_exists(invitation.email),
    }
    return render(request, "raters/join.html", context, status=status)


@require_POST
@never_cache
@login_required
def invitation_accept(request: HttpRequest, secret: str) -> HttpResponse:
    invitation = invitation_with(secret)
    form = JoinForm(request.POST)
    if not form.is_valid():
        return join_page(request, secret, invitation, form, status=422)
    try:
        assert request.user.is_authenticated  # noqa: S101
        rater = accept_invitation(invitation=invitation, user=request.user, facts=form.facts)
    except DomainError as error:
        form.add_error(None, str(error))
        return join_page(request, secret, invitation, form, status=422)
    return welcomed(request, rater)


@sensitive_post_parameters("password1", "password2")
@require_POST
@never_cache
def invitation_sign_up(request: HttpRequest, secret: str) -> HttpResponse:
    invitation = invitation_with(secret)
    if request.user.is_authenticated:
        return redirect("invitation_open", secret)
    if not ratelimit.consume(request, action="signup"):
        too_many: HttpResponse = ratelimit.respond_429(request)
        return too_many
    form = SignUpForm(request.POST, invitation=invitation)
    if not form.is_valid():
        return join_page(request, secret, invitation, form, status=422)
    try:
        rater = join_with_new_account(
            invitation=invitation,
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password1"],
            facts=form.facts,
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return join_page(request, secret, invitation, form, status=422)
    login(request, rater.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return welcomed(request, rater)


def welcomed(request: HttpRequest, rater: StudyRater) -> HttpResponse:
    if rater.study.state == Study.State.DRAFT:
        messages.success(request, _("You have joined. The study has not begun yet."))
        return redirect("rating_home")
    return redirect("rating_study", rater.uuid)
