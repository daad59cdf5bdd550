from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from inference.models import ModelVersion
from mood_eval.models import Team


def models_of_team(team: Team) -> QuerySet[ModelVersion]:
    """With `run_count`, oldest first."""
    return (
        ModelVersion.objects.filter(team=team)
        .select_related("parent")
        .annotate(run_count=Count("generation_runs"))
        .order_by("pk")
    )


def model_facts(model: ModelVersion) -> dict[str, Any]:
    """What the command line reports."""
    return {
        "name": model.name,
        "kind": model.kind,
        "path": model.path,
        "sha256": model.weights_sha256,
        "parent": model.parent.name if model.parent else None,
        "demo": model.is_demo,
        "runs": getattr(model, "run_count", 0),
        "created_at": model.created_at,
    }


def ancestors(model: ModelVersion) -> list[ModelVersion]:
    """From the first ancestor down to the parent."""
    found: list[ModelVersion] = []
    row = model.parent
    while row is not None and row not in found:
        found.insert(0, row)
        row = row.parent
    return found
