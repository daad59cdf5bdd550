from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from inference.models import ModelVersion, TrainingRun
from inference.reward_files import CRITERIA_KEY
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
    prompt = hashlib.sha256(model.prompt.encode()).hexdigest() if model.prompt else None
    return {
        "name": model.name,
        "kind": model.kind,
        "path": model.path,
        "sha256": model.weights_sha256,
        "prompt_sha256": prompt,
        "parent": model.parent.name if model.parent else None,
        "demo": model.is_demo,
        "runs": getattr(model, "run_count", 0),
        "created_at": model.created_at,
    }


@dataclass(frozen=True)
class Lineage:
    ancestors: tuple[ModelVersion, ...]
    """From the first one down to the parent."""
    children: tuple[ModelVersion, ...]


def lineage(model: ModelVersion) -> Lineage:
    by_pk = {row.pk: row for row in ModelVersion.objects.filter(team=model.team_id).order_by("pk")}
    ancestors: list[ModelVersion] = []
    parent = by_pk.get(model.parent_id or 0)
    while parent is not None and parent not in ancestors:
        ancestors.insert(0, parent)
        parent = by_pk.get(parent.parent_id or 0)
    children = tuple(row for row in by_pk.values() if row.parent_id == model.pk)
    return Lineage(tuple(ancestors), children)


def generating_models(team: Team) -> QuerySet[ModelVersion]:
    """Those that answer client turns; a reward model only scores answers."""
    models = ModelVersion.objects.filter(team=team).exclude(kind=ModelVersion.Kind.REWARD)
    return models.order_by("name")


def trainable_models(team: Team) -> QuerySet[ModelVersion]:
    """Newest first."""
    return ModelVersion.objects.filter(team=team, kind=ModelVersion.Kind.MULTIMOOD).order_by("-pk")


def reward_models_of(team: Team) -> QuerySet[ModelVersion]:
    """Newest first."""
    return ModelVersion.objects.filter(team=team, kind=ModelVersion.Kind.REWARD).order_by("-pk")


def training_behind(model: ModelVersion) -> TrainingRun | None:
    """The run that left this model."""
    runs = TrainingRun.objects.filter(result=model)
    return runs.select_related("base", "corpus").first()


def scored_criteria(model: ModelVersion) -> list[str]:
    """Of a reward model's heads; none where it learned which answer was preferred as a whole."""
    criteria = model.config.get(CRITERIA_KEY)
    return [str(name) for name in criteria] if isinstance(criteria, list) else []
