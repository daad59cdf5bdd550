from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from annotations.services.modality_studies import draft_modality_study
from annotations.views.releases import signed_in
from inference.errors import DomainError
from inference.selectors.run_groups import group_for_member


@login_required
@require_POST
def run_group_study(request: HttpRequest, pk: int) -> HttpResponse:
    group = group_for_member(request.user, pk)
    try:
        study = draft_modality_study(group, user=signed_in(request))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("run_group", pk=group.pk)
    messages.success(request, "The draft is ready. Look it over, then launch it.")
    return redirect("study_detail", pk=study.pk)
