"""Language models of words only: a folder or file of this machine, or a name on the Hugging Face
hub, from where a worker fetches it when it is first asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from inference.backends.text_sources import HUB_NAME, find_text_source, text_weights_sha256
from inference.errors import CheckpointError
from inference.models import ModelVersion
from inference.services.model_versions import (
    checkpoint_card,
    checkpoint_config,
    create_model_version,
)
from mood_eval.models import Team

WRITES_TEXT = ("ForCausalLM", "LMHeadModel")
"""How the names of architectures end that continue a text."""
OTHER_DOOR = {
    "videollama2_qwen2": "It is a MultiMood checkpoint: `manage.py register_model` takes it.",
}


def register_text_model(
    *, team: Team, name: str, path: str, card: str = "", below: Path | None = None
) -> ModelVersion:
    """`below`: the only folder of this machine that may be read, where a web page asks.

    Reads the weights of a folder through, once a process.
    """
    path = path.strip()
    place = _place(path, below)
    if place is None:
        return create_model_version(
            team=team, name=name, kind=ModelVersion.Kind.TEXT, path=path, card=card
        )
    source = find_text_source(str(place))
    config = {} if source.gguf else checkpoint_config(source.folder)
    _check_writes_text(source.file, config)
    return create_model_version(
        team=team,
        name=name,
        kind=ModelVersion.Kind.TEXT,
        path=path,
        weights_sha256=text_weights_sha256(source),
        card=card or checkpoint_card(source.folder),
        config=config,
    )


def text_source_of(model_version: ModelVersion) -> str:
    """What `load_text` is given: a place on this machine, or the name on the hub."""
    path = model_version.path
    place = _found(path, (settings.BASE_DIR, settings.VAR))
    return str(place) if place is not None else path


def _place(path: str, below: Path | None) -> Path | None:
    """None for a name on the hub."""
    bases = (settings.BASE_DIR, settings.VAR) if below is None else (below,)
    place = _found(path, bases)
    if place is not None and (below is None or place.resolve().is_relative_to(below.resolve())):
        return place
    if HUB_NAME.fullmatch(path) and ".." not in path:
        return None
    where = f"below {below}" if below is not None else "here"
    raise CheckpointError(
        f"There is no folder and no file “{path}” {where}, and it is no name on the Hugging Face "
        "hub either: those are written OWNER/NAME."
    )


def _found(path: str, bases: Sequence[str | Path]) -> Path | None:
    """Absolute, or relative to one of the bases."""
    places = [Path(base) / path for base in bases]
    # Unlike Path.exists, without an error where a name is too long to be one.
    return next((place for place in places if path and os.path.exists(place)), None)  # noqa: PTH110


def _check_writes_text(place: Path, config: dict[str, Any]) -> None:
    kind = str(config.get("model_type", ""))
    if kind in OTHER_DOOR:
        raise CheckpointError(f"{place} is no language model of words only. {OTHER_DOOR[kind]}")
    names = [str(name) for name in config.get("architectures") or ()]
    if names and not any(name.endswith(WRITES_TEXT) for name in names):
        raise CheckpointError(
            f"{place} holds {', '.join(names)}, which continues no text. Register a causal "
            "language model: the names of their architectures end in ForCausalLM."
        )
