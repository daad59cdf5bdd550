"""Who rates in a study: links that invite them, and lists of them as files."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.models import Study
from annotations.rater_forms import InviteForm, RaterFileForm
from annotations.selectors.invitations import (
    invitation_counts,
    invitation_for_team,
    invitations_of,
    with_states,
)
from annotations.selectors.rater_lists import plan_list, rater_lines, raters_listed
from annotations.selectors.studies import study_for_team
from annotations.services.invitations import (
    NewLink,
    create_invitations,
    extend_invitation,
    revoke_invitation,
)
from annotations.services.rater_files import RaterFileError, read_raters
from annotations.services.rater_imports import import_raters
from annotations.services.raters import links_to_hand_out
from annotations.views.csv_files import csv_response
from inference.errors import DomainError
from mood_eval.access import is_team_owner

SHOWN = 100


@require_GET
@never_cache
@login_required
def study_raters(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    return raters_page(request, study, InviteForm())


def raters_page(
    request: HttpRequest, study: Study, form: InviteForm, links: list[NewLink] | None = None
) -> HttpResponse:
    """`links`: made just now; their secrets are shown this once."""
    raters = list(raters_listed(study).select_related("user"))
    invitations = invitations_of(study)
    context = {
        "study": study,
        "raters": raters,
        "form": form,
        "links": [(link.invitation, request.build_absolute_uri(link.path)) for link in links or ()],
        "invitations": with_states(invitations[:SHOWN]),
        "counts": invitation_counts(study),
        "shown": SHOWN,
        "new_accounts": [
            (email, request.build_absolute_uri(path))
            for email, path in links_to_hand_out(study.team, [rater.user for rater in raters])
        ],
        "is_owner": is_team_owner(request.user, study.team),
    }
    status = 422 if form.errors else 200
    return render(request, "raters/raters.html", context, status=status)


@require_POST
@never_cache
@login_required
def raters_invite(request: HttpRequest, pk: int) -> HttpResponse:
    study = study_for_team(request.user, pk)
    form = InviteForm(request.POST)
    links: list[NewLink] = []
    if form.is_valid():
        try:
            assert request.user.is_authenticated  # noqa: S101
            links = create_invitations(study=study, by=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            form = InviteForm()
    return raters_page(request, study, form, links)


@require_POST
@login_required
def invitation_revoke(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    row = invitation_for_team(request.user, pk, invitation)
    try:
        revoke_invitation(row)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The link is revoked: nobody can join with it any more.")
    return redirect("study_raters", pk)


@require_POST
@login_required
def invitation_extend(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    row = invitation_for_team(request.user, pk, invitation)
    try:
        row = extend_invitation(row)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The link is now valid until {row.expires_at:%-d %B %Y}.")
    return redirect("study_raters", pk)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def raters_upload(request: HttpRequest, pk: int) -> HttpResponse:
    """The file comes back with the page that says what will happen, and is sent once more."""
    study = study_for_team(request.user, pk)
    form = RaterFileForm(request.POST or None, request.FILES or None)
    context = {"study": study, "form": form}
    if request.method == "GET" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "raters/upload.html", context, status=status)
    try:
        content = form.content
        rows = read_raters(content)
        if "confirm" in request.POST:
            assert request.user.is_authenticated  # noqa: S101
            done = import_raters(study=study, rows=rows, by=request.user)
            messages.success(request, f"{done.joining} joined, {len(done.described)} changed.")
            return redirect("study_raters", pk)
    except RaterFileError as error:
        return render(
            request, "raters/upload.html", {**context, "problems": error.problems}, status=422
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return render(request, "raters/upload.html", context, status=422)
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    context |= {"plan": plan_list(study, rows), "text": text}
    return render(request, "raters/upload_preview.html", context)


@require_GET
@never_cache
@login_required
def raters_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """With addresses, which tie pseudonyms to people, only if the team's owner asks for them."""
    study = study_for_team(request.user, pk)
    emails = "emails" in request.GET and is_team_owner(request.user, study.team)
    return csv_response(rater_lines(study, emails=emails), f"raters-{study.pk}.csv")
