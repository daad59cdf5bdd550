"""Where a checkpoint's files are, and which tensors they hold: read from the headers alone."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open

from inference.errors import CheckpointError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
HUB_OPTIONS = ("cache_dir", "revision", "token", "local_files_only", "force_download")
USED_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
PICKLED = (
    "{folder} holds its weights as pickled files ({names}), which could run code when they are "
    "opened. Convert them on a machine where that does no harm: "
    "python -m inference.multimood.convert {folder}"
)


@dataclass(frozen=True)
class StoredTensor:
    file: Path
    shape: tuple[int, ...]


def local_folder(name: str | os.PathLike[str], options: dict[str, Any]) -> Path:
    """The folder itself, or that of a hub id in Hugging Face's cache, filled where it can be.

    Takes the hub's options out of `options`.
    """
    hub = {key: options.pop(key) for key in HUB_OPTIONS if key in options}
    options.pop("proxies", None)
    subfolder = options.pop("subfolder", "") or ""
    given = os.fspath(name)
    if Path(given).is_dir():
        return Path(given) / subfolder
    if not HUB_ID.fullmatch(given):
        raise CheckpointError(f"There is no folder {given}.")
    patterns = [f"{subfolder}/{p}" if subfolder else p for p in USED_FILES]
    try:
        folder = snapshot_download(given, allow_patterns=patterns, **hub)
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{given} is no folder here, nor in the model hub's cache, and cannot be fetched: "
            f"{error}"
        ) from error
    return Path(folder) / subfolder


def stored_tensors(folder: Path, variant: str | None = None) -> dict[str, StoredTensor]:
    """By name, of the files that would be loaded."""
    tensors: dict[str, StoredTensor] = {}
    for file in _weight_files(folder, variant):
        try:
            with safe_open(file, "pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - not a mapping
                    shape = tuple(opened.get_slice(name).get_shape())
                    tensors[name] = StoredTensor(file, shape)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file} is not a whole safetensors file: {error}") from error
    return tensors


def read_tensor(stored: StoredTensor, name: str) -> torch.Tensor:
    with safe_open(stored.file, "pt") as opened:
        tensor: torch.Tensor = opened.get_tensor(name)
    return tensor


def _weight_files(folder: Path, variant: str | None) -> list[Path]:
    weights, index = (_with_variant(folder / name, variant) for name in (WEIGHTS, INDEX))
    if weights.is_file():
        return [weights]
    if index.is_file():
        return _shards(index)
    pickled = sorted(file.name for file in folder.glob("pytorch_model*.bin"))
    if pickled:
        raise CheckpointError(PICKLED.format(folder=folder, names=", ".join(pickled)))
    raise CheckpointError(f"{folder} holds neither {weights.name} nor {index.name}.")


def _shards(index: Path) -> list[Path]:
    try:
        names: set[str] = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{index} lists no files of weights: {error}") from error
    outside = sorted(name for name in names if Path(name).name != name)
    if outside:
        raise CheckpointError(f"{index} names files outside its folder: {', '.join(outside)}")
    missing = sorted(name for name in names if not (index.parent / name).is_file())
    if missing:
        raise CheckpointError(f"{index} names files that are not there: {', '.join(missing)}")
    return [index.parent / name for name in sorted(names)]


def _with_variant(file: Path, variant: str | None) -> Path:
    return file.with_name(f"{file.stem}.{variant}{file.suffix}") if variant else file
