"""A release in the format of whoever reads it, sent while it is read."""

from __future__ import annotations

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from annotations.export_forms import ExportForm
from annotations.exports.formats import Download
from annotations.services.exports import export_release
from annotations.views.releases import release_of_team
from inference.errors import DomainError


@login_required
@require_GET
def release_export(request: HttpRequest, pk: int) -> HttpResponseBase:
    dataset = release_of_team(request, pk)
    form = ExportForm(request.GET, dataset=dataset)
    if not form.is_valid():
        problems = "; ".join(str(message) for errors in form.errors.values() for message in errors)
        messages.error(request, f"Nothing was downloaded. {problems}")
        return redirect("release_detail", pk=dataset.pk)
    given = form.cleaned_data
    try:
        download = export_release(
            dataset,
            given["format"],
            fields=given.get("fields_of_replies") or "response",
            splits=given.get("splits"),
            media=given["clips"] or "reference",
        )
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("release_detail", pk=dataset.pk)
    return sent_as_file(download)


def sent_as_file(download: Download) -> StreamingHttpResponse:
    """What was left out, and why, stands in a header; archives hold it as export.json too."""
    response = StreamingHttpResponse(download.chunks, content_type=download.content_type)
    response["Content-Disposition"] = f'attachment; filename="{download.file_name}"'
    response["X-Export-Summary"] = json.dumps(download.summary)
    response["Cache-Control"] = "private, no-store"
    return response
