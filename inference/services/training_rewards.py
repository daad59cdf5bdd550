"""Where the rewards of a run come from, and which keys and addresses it may use for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings

from inference.errors import InvalidOptionsError, UnknownNameError
from inference.models import ModelVersion, TrainingRun
from inference.services.model_versions import checkpoint_folder
from inference.training.config import ON_PROMPTS
from mood_eval.models import Team

Term = Mapping[str, Any]
TEXTS = ("kind", "name", "url", "key_variable")
"""Keys of a term."""


def check_reward_models(team: Team, method: str, models: Sequence[ModelVersion]) -> None:
    if models and method not in ON_PROMPTS:
        raise InvalidOptionsError(
            f"Reward models score answers for {' and '.join(ON_PROMPTS)}; {method} uses none."
        )
    for model in models:
        if model.team_id != team.pk:
            raise UnknownNameError("A reward model belongs to another team.")
        if model.kind != ModelVersion.Kind.REWARD:
            raise InvalidOptionsError(
                f"“{model}” is no reward model. Train one on a release, by the method “reward”."
            )


def check_reward_terms(terms: Any) -> None:
    """What a team may ask for beside its reward models; the trainer's own check sees the rest."""
    for number, term in enumerate(_objects(terms), 1):
        where = f"rewards, entry {number}"
        for key in TEXTS:
            if key in term and not isinstance(term[key], str):
                raise InvalidOptionsError(f"{where}: {key}: expected a text, found {term[key]!r}.")
        if term.get("path"):
            raise InvalidOptionsError(
                f"{where}: path: filled in by the platform. Choose a reward model instead, and "
                "leave it out."
            )
        if term.get("kind") == "judge":
            _check_judge(where, term)


def _check_judge(where: str, term: Term) -> None:
    """A judge is sent what clients and therapists say, and its key: the people who run the
    platform say where to."""
    url, key = term.get("url"), term.get("key_variable")
    if url and url.rstrip("/") not in settings.TRAINING_JUDGE_URLS:
        raise InvalidOptionsError(
            f"{where}: url: judges at {url} may not be asked from here. "
            f"{_allowed('TRAINING_JUDGE_URLS', settings.TRAINING_JUDGE_URLS)}"
        )
    if key and key not in settings.TRAINING_JUDGE_KEYS:
        raise InvalidOptionsError(
            f"{where}: key_variable: {key} may not be used. "
            f"{_allowed('TRAINING_JUDGE_KEYS', settings.TRAINING_JUDGE_KEYS)}"
        )


def _allowed(setting: str, values: Sequence[str]) -> str:
    return f"Allowed by the setting {setting}: {', '.join(values) or 'none'}."


def reward_terms(run: TrainingRun) -> dict[str, list[Any]]:
    """`rewards` of the trainer's configuration: with the folders of the run's reward models."""
    given = run.config.get("rewards", [])
    models = list(run.reward_models.order_by("pk"))
    if not isinstance(given, list) or not (given or models):
        return {}
    by_name = {model.name: model for model in models}
    terms = [_with_folder(term, by_name) for term in given]
    named = {term.get("name") for term in _objects(given) if term.get("kind") == "model"}
    terms += [_model_term(model) for model in models if model.name not in named]
    return {"rewards": terms}


def _with_folder(term: Any, by_name: Mapping[str, ModelVersion]) -> Any:
    if not isinstance(term, dict) or term.get("kind") != "model":
        return term
    model = by_name.get(term.get("name", ""))
    if model is None:
        raise InvalidOptionsError(
            f"rewards: “{term.get('name', '')}” is none of the run's reward models: "
            f"{', '.join(by_name) or 'none was chosen'}."
        )
    return {**term, **_model_term(model)}


def _model_term(model: ModelVersion) -> dict[str, Any]:
    return {"kind": "model", "name": model.name, "path": str(checkpoint_folder(model.path))}


def judge_keys(terms: Any) -> list[str]:
    """Environment variables that a trainer with these rewards is handed."""
    judges = [term for term in _objects(terms) if term.get("kind") == "judge"]
    named = {str(term.get("key_variable", "")) for term in judges}
    return sorted(named & set(settings.TRAINING_JUDGE_KEYS))


def _objects(terms: Any) -> Iterable[dict[str, Any]]:
    return [term for term in terms if isinstance(term, dict)] if isinstance(terms, list) else []
