from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.models import Study
from annotations.selectors.matrices import MISSING_LABELS
from annotations.selectors.results import CriterionResult, study_results
from annotations.selectors.studies import rates_in
from annotations.training_forms import ReleaseForm
from inference.charts import BarChart, bar_chart
from mood_eval.access import team_object

CHOICE_LABELS = {-2: "\u22122", -1: "\u22121", 0: "tie", 1: "+1", 2: "+2"}


@login_required
@require_GET
def results(request: HttpRequest, pk: int) -> HttpResponse:
    study = team_object(request.user, Study.objects.all(), pk=pk)
    if rates_in(request.user, study):
        return render(request, "results/rater.html", {"study": study})
    found = study_results(study)
    parts = [
        (part, [(criterion, *_shown(criterion, part.design)) for criterion in part.criteria])
        for part in found.parts
    ]
    context = {
        "study": study,
        "results": found,
        "parts": parts,
        "releases": study.datasets.select_related("created_by").order_by("-version"),
        "release_form": ReleaseForm(),
    }
    return render(request, "results/study_results.html", context)


def _shown(
    criterion: CriterionResult, design: str
) -> tuple[BarChart | None, list[tuple[str, int]]]:
    """The distribution as bars over the whole scale, and what is missing in words."""
    missing = [
        (MISSING_LABELS.get(kind, kind), n) for kind, n in criterion.agreement.missing.items()
    ]
    spread = criterion.agreement.spread
    if spread is None:
        return None, missing
    counts = dict(spread.counts)
    low, high = criterion.scale
    values = range(min(low, spread.minimum), max(high, spread.maximum) + 1)
    labels = CHOICE_LABELS if design == "pairwise" else {}
    return bar_chart([(labels.get(v, str(v)), counts.get(v, 0)) for v in values]), missing
