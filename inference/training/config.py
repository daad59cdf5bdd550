"""The one file that describes a training run. Imports no torch: a supervisor may read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from inference.multimood.prompt_file import PromptError, template_for

Method = Literal["sft", "dpo"]
ModalityChoice = Literal["av", "a", "v", "text", "random"]
TrainedText = Literal["response", "all"]
Device = Literal["auto", "cpu"]


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key and the remedy."""


@dataclass(frozen=True)
class TrainingConfig:
    method: Method
    base: Path
    """Folder of the checkpoint to start from, and for DPO the reference."""
    dataset: Path
    """dpo: a released dataset's folder or its pairs file; sft: a generic corpus JSONL."""
    output: Path
    seed: int = 0
    resume: bool = True
    """Go on from the last complete checkpoint in `output`, if there is one."""
    max_steps: int = 0
    """Optimiser steps; 0 leaves it to `epochs`."""
    epochs: float = 1.0
    learning_rate: float = 1e-5
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    batch_size: int = 4
    """Pairs or dialogues a process and forward pass."""
    gradient_accumulation: int = 1
    logging_steps: int = 1
    save_steps: int = 50
    keep_checkpoints: int = 2
    processes: int = 1
    device: Device = "auto"
    modality: ModalityChoice = "av"
    """Which of the client's media the model is given; "random" draws anew for every example."""
    prompt: str = ""
    """A prompt template (TOML) in place of the base checkpoint's own."""
    media_root: Path | None = None
    """Clip paths of a released dataset lie below it."""
    beta: float = 0.1
    trains: TrainedText = "response"
    """dpo: the response's words only, or all four lines."""
    lora: bool = False
    lora_rank: int = 16
    lora_alpha: int = 32
    split: str = "train"
    """Only dialogues (sft) of this split, or pairs (dpo) where the dataset has splits; "" takes
    all."""
    emotion_dataset: Path | None = None
    """sft: a further corpus, all of it; clips that nobody answers teach the client's emotion."""
    text_dropout: float = 0.0
    """sft: share of examples whose words are hidden, so that the media must be read."""

    def as_json(self) -> dict[str, Any]:
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}


PATHS = ("base", "dataset", "output", "media_root", "emotion_dataset")
MAY_BE_NULL = ("media_root", "emotion_dataset")
POSITIVE = ("learning_rate", "batch_size", "gradient_accumulation", "logging_steps", "save_steps")
POSITIVE_TOO = ("keep_checkpoints", "processes", "beta", "lora_rank", "lora_alpha")
NOT_NEGATIVE = ("seed", "max_steps", "epochs", "warmup_ratio", "weight_decay", "text_dropout")
SHARES = ("warmup_ratio", "text_dropout")


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
        name: _value(field, hints[name], values[name], folder)
        for name, field in known.items()
        if _is_given(field, values)
    }
    config = TrainingConfig(**given)
    _check_numbers(config)
    _check_places(config)
    _check_prompt(config)
    return config


def _is_given(field: Field[Any], values: Mapping[str, Any]) -> bool:
    if field.name not in values and field.default is MISSING:
        raise ConfigError(f"{field.name}: missing.")
    return field.name in values


def _value(field: Field[Any], hint: Any, value: Any, folder: Path) -> Any:
    name = field.name
    if name in PATHS:
        return _path(name, value, folder)
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


def _check_numbers(config: TrainingConfig) -> None:
    values = vars(config)
    for name in (*POSITIVE, *POSITIVE_TOO):
        if not values[name] > 0:
            raise ConfigError(f"{name}: must be above 0, is {values[name]}.")
    for name in NOT_NEGATIVE:
        if not values[name] >= 0:
            raise ConfigError(f"{name}: must not be below 0, is {values[name]}.")
    for name in SHARES:
        if values[name] > 1:
            raise ConfigError(f"{name}: is a share, so at most 1, not {values[name]}.")
    if not config.max_steps and not config.epochs:
        raise ConfigError("max_steps, epochs: one of them must be above 0.")


def _check_places(config: TrainingConfig) -> None:
    if not (config.base / "config.json").is_file():
        raise ConfigError(f"base: {config.base} holds no checkpoint (no config.json in it).")
    if not config.dataset.exists():
        raise ConfigError(f"dataset: {config.dataset} does not exist.")
    if config.method == "sft" and not config.dataset.is_file():
        raise ConfigError(f"dataset: {config.dataset} must be a JSON Lines file for sft.")
    if config.emotion_dataset is not None and not config.emotion_dataset.is_file():
        raise ConfigError(f"emotion_dataset: {config.emotion_dataset} is no file.")
    if config.media_root is not None and not config.media_root.is_dir():
        raise ConfigError(f"media_root: {config.media_root} is no folder.")
    if config.output.exists() and not config.output.is_dir():
        raise ConfigError(f"output: {config.output} is not a folder.")
    if config.output.resolve() == config.base.resolve():
        raise ConfigError("output: must not be the base checkpoint's own folder.")


def _check_prompt(config: TrainingConfig) -> None:
    try:
        template_for(config.base, prompt=config.prompt)
    except PromptError as error:
        raise ConfigError(f"prompt: {error}") from error
