"""The model of 135 million parameters in the demonstration, and the same model by words alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from safetensors import SafetensorError

from inference.demo_checkpoint import DELTA_FOLDER, NAME, demo_checkpoint
from inference.errors import CheckpointError
from inference.models import ModelVersion
from inference.selectors.run_options import ONLY_MODALITY
from inference.services.model_versions import register_checkpoint
from mood_eval.models import Team

WORDS_ONLY = f"{NAME}, words only"
MODELS = "models"
"""Below settings.VAR."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class DemoModel:
    whole: ModelVersion
    words_only: ModelVersion
    """The same weights, never shown a clip: what the media add can be rated."""


def offer_demo_model(team: Team, tell: Tell, delta: Path = DELTA_FOLDER) -> DemoModel | None:
    """Puts the model together at the first call and registers it; None, and why is told, where
    that cannot be done here: the demonstration goes on without it."""
    known = {one.name: one for one in ModelVersion.objects.filter(team=team)}
    if NAME in known and WORDS_ONLY in known:
        return DemoModel(known[NAME], known[WORDS_ONLY])
    try:
        folder = demo_checkpoint(settings.VAR / MODELS, delta)
    except (CheckpointError, OSError, ImportError, ValueError, SafetensorError) as error:
        tell(f"{NAME} is left out: {error}")
        return None
    return None if folder is None else register(team, folder)


@transaction.atomic
def register(team: Team, folder: Path) -> DemoModel:
    path = f"{MODELS}/{folder.name}"
    known = {one.name: one for one in ModelVersion.objects.filter(team=team)}
    whole = known.get(NAME) or register_checkpoint(team=team, name=NAME, path=path, is_demo=True)
    words_only = known.get(WORDS_ONLY)
    if words_only is None:
        words_only = register_checkpoint(team=team, name=WORDS_ONLY, path=path, is_demo=True)
        words_only.config[ONLY_MODALITY] = "text"
        words_only.save(update_fields=["config"])
    return DemoModel(whole, words_only)
