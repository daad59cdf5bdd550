"""What the page of a new training run begins with."""

from __future__ import annotations

from annotations.models import PreferenceDataset
from inference.models import ModelVersion
from inference.selectors.model_versions import trainable_models
from inference.training.config import METHODS, Method
from inference.training.presets import TWO_CORES, presets_of
from mood_eval.models import Team


def known_method(asked: str, otherwise: Method) -> Method:
    return next((method for method in METHODS if method == asked), otherwise)


def first_base(team: Team, release: PreferenceDataset | None) -> ModelVersion | None:
    """The oldest checkpoint whose answers were rated in the release's study, or else the oldest."""
    models = trainable_models(team).order_by("pk")
    if release is not None and release.study_id is not None:
        rated = models.filter(generation_runs__study_runs__study=release.study_id).first()
        if rated is not None:
            return rated
    return models.first()


def first_preset(method: Method, base: ModelVersion | None) -> str:
    """For a demo model the small one; otherwise none."""
    if base is None or not base.is_demo:
        return ""
    return next((known.name for known in presets_of(method) if known.title == TWO_CORES), "")
