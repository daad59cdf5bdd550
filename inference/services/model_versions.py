from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from inference.backends.weights import weights_sha256
from inference.errors import CheckpointError, DomainError, InvalidOptionsError
from inference.models import Corpus, ModelVersion
from inference.multimood.prompt_file import template_for
from inference.reward_files import is_reward_model
from inference.selectors.corpora import people_reply
from mood_eval.models import Team

CARD_FILES = ("README.md", "MODEL_CARD.md")


class NameTakenError(DomainError):
    pass


def refuse_reward_model(model: ModelVersion) -> None:
    """Wherever a model is to answer, or to be trained further."""
    if model.kind == ModelVersion.Kind.REWARD:
        raise InvalidOptionsError(
            f"“{model}” is a reward model: it scores answers and gives none. Choose a model that "
            "answers, such as the one it was trained from."
        )


def checkpoint_folder(path: str | Path) -> Path:
    """Absolute, or relative to the project or to settings.VAR, whichever exists."""
    candidates = [Path(base) / path for base in (settings.BASE_DIR, settings.VAR)]
    for folder in candidates:
        if folder.is_dir():
            return folder
    tried = " or ".join(dict.fromkeys(map(str, candidates)))
    raise CheckpointError(f"There is no folder {tried}.")


def register_checkpoint(
    *,
    team: Team,
    name: str,
    path: str | Path,
    parent: ModelVersion | None = None,
    is_demo: bool = False,
    card: str = "",
    prompt: str = "",
) -> ModelVersion:
    """Of a model that answers or, as its config.json says, of one that scores answers.

    `card` defaults to the folder's README.md, `prompt` (TOML) to the folder's own template.

    Reads the weights through, once a process: whoever holds locks calls `weights_sha256` before.
    """
    folder = checkpoint_folder(path)
    config = checkpoint_config(folder)
    template_for(folder, config.get("prompt_style", "full"), prompt)  # refuses a faulty one
    if parent is not None and parent.team_id != team.pk:
        raise CheckpointError("The parent belongs to another team.")
    return create_model_version(
        team=team,
        name=name,
        kind=ModelVersion.Kind.REWARD if is_reward_model(folder) else ModelVersion.Kind.MULTIMOOD,
        path=str(path),
        weights_sha256=weights_sha256(folder),
        parent=parent,
        is_demo=is_demo,
        card=card or checkpoint_card(folder),
        config=config,
        prompt=prompt,
    )


def register_imported(team: Team, name: str, corpus: Corpus) -> ModelVersion:
    """The replies of a corpus as a model: what its therapists said, or a model for them."""
    if corpus.team_id != team.pk:
        raise CheckpointError("The corpus belongs to another team.")
    return create_model_version(
        team=team,
        name=name,
        kind=ModelVersion.Kind.IMPORTED,
        card=_card_of_replies(corpus),
        config={"corpus": corpus.pk, "corpus_name": corpus.name},
    )


def _card_of_replies(corpus: Corpus) -> str:
    if people_reply(corpus):
        return f"What the therapists of the corpus {corpus.name} really said."
    return (
        f"The replies that stand in the corpus {corpus.name}. They were written by models or with "
        "their help: in no comparison are they the people's side."
    )


def create_model_version(*, name: str, **fields: Any) -> ModelVersion:
    name = name.strip()
    if not name:
        raise CheckpointError("A model needs a name.")
    try:
        with transaction.atomic():
            return ModelVersion.objects.create(name=name, **fields)
    except IntegrityError as error:
        raise NameTakenError(f"There is already a model named “{name}”.") from error


def checkpoint_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} holds no config.json.") from error
    except ValueError as error:
        raise CheckpointError(f"{file} is not readable JSON: {error}.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{file} does not hold an object.")
    return config


def checkpoint_card(folder: Path) -> str:
    for name in CARD_FILES:
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    return ""
