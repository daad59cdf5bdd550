"""A training configuration from its JSON file, checked before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from inference.multimood.prompt_file import PromptError, template_for
from inference.training.config import (
    ON_CORPORA,
    ON_PROMPTS,
    ConfigError,
    RewardTerm,
    TrainingConfig,
    fields_of,
)

PATHS = ("base", "dataset", "output", "media_root", "emotion_dataset", "held_out")
MAY_BE_NULL = ("media_root", "emotion_dataset", "held_out")
POSITIVE = (
    "learning_rate",
    "max_grad_norm",
    "batch_size",
    "gradient_accumulation",
    "logging_steps",
    "save_steps",
    "keep_checkpoints",
    "processes",
    "nodes",
    "lora_rank",
    "lora_alpha",
    "max_new_tokens",
    "temperature",
    "updates",
    "clip_range",
    "value_clip",
)
NOT_NEGATIVE = (
    "seed",
    "max_steps",
    "epochs",
    "warmup_ratio",
    "weight_decay",
    "eval_steps",
    "sample_stimuli",
    "text_dropout",
    "lora_dropout",
    "beta",
    "minibatch_size",
    "missing_end_penalty",
    "value_weight",
    "discount",
    "gae_lambda",
)
SHARES = ("warmup_ratio", "text_dropout", "lora_dropout", "discount", "gae_lambda")
LEAST = {"generations": 2}
MOST = {"sample_stimuli": 64}


def load_config(path: Path) -> TrainingConfig:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold one JSON object.")
    return parse_config(values, folder=path.resolve().parent)


def parse_config(values: Mapping[str, Any], folder: Path) -> TrainingConfig:
    """Relative paths are taken from `folder`, where the configuration lies."""
    known = {field.name: field for field in fields(TrainingConfig)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{name}: no such key. Known: {', '.join(known)}.")
    hints = get_type_hints(TrainingConfig)
    given = {
        name: _value(name, hints[name], values[name], folder)
        for name, field in known.items()
        if _is_given(field, values)
    }
    config = TrainingConfig(**given)
    _check_read(config, given)
    _check_numbers(config)
    _check_sharding(config)
    _check_places(config)
    _check_rewards(config)
    _check_prompt(config)
    return config


def _is_given(field: Field[Any], values: Mapping[str, Any]) -> bool:
    if field.name not in values and field.default is MISSING:
        raise ConfigError(f"{field.name}: missing.")
    return field.name in values


def _value(name: str, hint: Any, value: Any, folder: Path) -> Any:
    if name in PATHS:
        return _path(name, value, folder)
    if name == "rewards":
        return _rewards(value, folder)
    if get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{name}: expected a list of texts, found {value!r}.")
        return tuple(value)
    choices = get_args(hint)
    if choices:
        if value not in choices:
            raise ConfigError(f"{name}: {value!r} is none of {', '.join(choices)}.")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{name}: expected {hint.__name__}, found {value!r}.")
    return value


def _path(name: str, value: Any, folder: Path) -> Path | None:
    if value is None and name in MAY_BE_NULL:
        return None
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name}: expected a path, found {value!r}.")
    return folder / value


def _rewards(value: Any, folder: Path) -> tuple[RewardTerm, ...]:
    if not isinstance(value, list) or not all(isinstance(term, dict) for term in value):
        raise ConfigError(f"rewards: expected a list of objects, found {value!r}.")
    return tuple(_reward(number, term, folder) for number, term in enumerate(value, 1))


def _reward(number: int, given: Mapping[str, Any], folder: Path) -> RewardTerm:
    where = f"rewards, entry {number}"
    hints = get_type_hints(RewardTerm)
    for name in given:
        if name not in hints:
            raise ConfigError(f"{where}: {name}: no such key. Known: {', '.join(hints)}.")
    if "kind" not in given:
        raise ConfigError(f"{where}: kind: missing.")
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            if name == "path":
                values[name] = None if value is None else _path(name, value, folder)
            else:
                values[name] = _value(name, hints[name], value, folder)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
    return RewardTerm(**values)


def _check_read(config: TrainingConfig, given: Mapping[str, Any]) -> None:
    read = {field.name for field in fields_of(config.method)}
    for name in given:
        if name not in read:
            methods = next(f.metadata["methods"] for f in fields(config) if f.name == name)
            raise ConfigError(
                f"{name}: has no meaning for {config.method}, only for {', '.join(methods)}. "
                "Leave it out."
            )


def _check_numbers(config: TrainingConfig) -> None:
    values = vars(config)
    for name in POSITIVE:
        if not values[name] > 0:
            raise ConfigError(f"{name}: must be above 0, is {values[name]}.")
    if config.method == "dpo" and not config.beta > 0:
        raise ConfigError(f"beta: must be above 0 for dpo, is {config.beta}.")
    for name in NOT_NEGATIVE:
        if not values[name] >= 0:
            raise ConfigError(f"{name}: must not be below 0, is {values[name]}.")
    for name in SHARES:
        if values[name] > 1:
            raise ConfigError(f"{name}: is a share, so at most 1, not {values[name]}.")
    for name, least in LEAST.items():
        if values[name] < least:
            raise ConfigError(f"{name}: must be at least {least}, is {values[name]}.")
    for name, most in MOST.items():
        if values[name] > most:
            raise ConfigError(f"{name}: must be at most {most}, is {values[name]}.")
    if not config.max_steps and not config.epochs:
        raise ConfigError("max_steps, epochs: one of them must be above 0.")


def _check_sharding(config: TrainingConfig) -> None:
    if config.sharding == "none":
        return
    if config.device == "cpu":
        raise ConfigError('sharding: fsdp2 needs GPUs, and device is "cpu". Set it to none.')
    if config.world_size < 2:
        raise ConfigError(
            "sharding: fsdp2 divides a model over processes, and there is one. Set processes to "
            "the number of GPUs, or sharding to none."
        )


def _check_places(config: TrainingConfig) -> None:
    if not (config.base / "config.json").is_file():
        raise ConfigError(f"base: {config.base} holds no checkpoint (no config.json in it).")
    if not config.dataset.exists():
        raise ConfigError(f"dataset: {config.dataset} does not exist.")
    if config.method in ON_CORPORA and not config.dataset.is_file():
        raise ConfigError(
            f"dataset: {config.dataset} must be a JSON Lines file for {config.method}."
        )
    for name in ("emotion_dataset", "held_out"):
        path: Path | None = getattr(config, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"{name}: {path} is no file.")
    if config.media_root is not None and not config.media_root.is_dir():
        raise ConfigError(f"media_root: {config.media_root} is no folder.")
    if config.output.exists() and not config.output.is_dir():
        raise ConfigError(f"output: {config.output} is not a folder.")
    if config.output.resolve() == config.base.resolve():
        raise ConfigError("output: must not be the base checkpoint's own folder.")


NEEDS = {"model": "path", "judge": "url", "function": "name"}


def _check_rewards(config: TrainingConfig) -> None:
    if config.method not in ON_PROMPTS:
        return
    if not config.rewards:
        raise ConfigError("rewards: missing. Name at least one, such as a reward model.")
    for number, term in enumerate(config.rewards, 1):
        where = f"rewards, entry {number}"
        if not term.weight > 0:
            raise ConfigError(f"{where}: weight: must be above 0, is {term.weight}.")
        needed = NEEDS.get(term.kind)
        if needed and not getattr(term, needed):
            raise ConfigError(f"{where}: {needed}: missing, and a {term.kind} needs it.")
        if term.path is not None and not (term.path / "config.json").is_file():
            raise ConfigError(f"{where}: path: {term.path} holds no model (no config.json in it).")


def _check_prompt(config: TrainingConfig) -> None:
    try:
        template_for(config.base, prompt=config.prompt)
    except PromptError as error:
        raise ConfigError(f"prompt: {error}") from error
