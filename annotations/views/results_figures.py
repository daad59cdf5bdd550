"""Pictures under their permanent links, on a page of their own and as files."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.selectors.analyses import LINK_LENGTH, figure_for_member
from annotations.selectors.results_page import picture
from annotations.selectors.studies import rates_in
from annotations.services.figure_files import KINDS, figure_file


@require_GET
@login_required
def results_figure(request: HttpRequest, pk: int, link: str) -> HttpResponse:
    figure = figure_for_member(request.user, pk, link)
    if rates_in(request.user, figure.study):
        return render(request, "results/rater.html", {"study": figure.study})
    context = {"study": figure.study, "figure": figure, "picture": picture(figure)}
    return render(request, "results/figure_page.html", context)


@require_GET
@login_required
def results_figure_file(request: HttpRequest, pk: int, link: str, kind: str) -> HttpResponse:
    """SVG, PDF and PNG are drawn when they are asked for; CSV is the picture's data."""
    figure = figure_for_member(request.user, pk, link)
    if rates_in(request.user, figure.study):
        return render(request, "results/rater.html", {"study": figure.study}, status=403)
    response = HttpResponse(figure_file(figure, kind), content_type=KINDS[kind])
    name = f"{figure.key}-{figure.sha256[:LINK_LENGTH]}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response
