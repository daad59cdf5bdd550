from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.models import Study
from annotations.selectors.results_item import item_results
from annotations.views.results import for_researchers


@require_GET
@for_researchers
def results_item(request: HttpRequest, study: Study, item: int) -> HttpResponse:
    context = {"study": study, "found": item_results(study, item)}
    return render(request, "results/item.html", context)
