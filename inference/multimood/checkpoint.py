"""The published checkpoint layout: key names, copies, and refusal of files that do not fit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import WeightRenaming

from inference.errors import CheckpointError
from inference.multimood.audio import PARAMETRIZED_NAMES, PUBLISHED_NAMES
from inference.multimood.checkpoint_files import (
    StoredTensor,
    local_folder,
    read_tensor,
    stored_tensors,
)
from inference.multimood.config import MultiMoodConfig

BIAS_TABLE = "audio_tower.encoder.layers.{}.self_attn.relative_attention_bias.weight"
# The reference shares layer 0's table by storing it once per layer.
UNUSED_BIAS_COPIES = r"audio_tower\.encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias"
CONVOLUTION = "audio_tower.encoder.pos_conv.0."
SIZES_OF = {
    "vision_config": "mm_vision_tower",
    "audio_config": "mm_audio_tower",
    "mamba_config": "mamba_compressor",
}
SHOWN = 400


class CheckpointMismatchError(CheckpointError):
    """The tensors in a folder are not those that its configuration asks for."""


def register_key_names() -> None:
    register_checkpoint_conversion_mapping(
        MultiMoodConfig.model_type,
        [
            WeightRenaming(f"pos_conv.0.{theirs}", f"pos_conv.0.{ours}")
            for names in (PUBLISHED_NAMES, PARAMETRIZED_NAMES)
            for ours, theirs in names.items()
        ],
        overwrite=True,
    )


def published_name(name: str) -> str:
    """A parameter's key in a published checkpoint."""
    for ours, published in PUBLISHED_NAMES.items():
        if name.endswith(CONVOLUTION + ours):
            return name.removesuffix(ours) + published
    return name


def load_checked(
    load: Callable[..., Any], name: str | os.PathLike[str] | None, *args: Any, **kwargs: Any
) -> Any:
    """`load` is transformers' own `from_pretrained`; `name` a folder or an id of the model hub."""
    if name is None:
        return load(None, *args, **kwargs)
    wants_info = kwargs.pop("output_loading_info", False)
    folder = local_folder(name, kwargs)
    if "config" not in kwargs and not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no config.json.")
    stored = stored_tensors(folder, kwargs.get("variant"))
    kwargs["key_mapping"] = _one_bias_table(stored, folder) | (kwargs.get("key_mapping") or {})
    model, info = load(
        folder, *args, output_loading_info=True, ignore_mismatched_sizes=True, **kwargs
    )
    problems = _problems(model, stored, info)
    if problems:
        raise CheckpointMismatchError(
            f"{os.fspath(name)}: the tensors do not fit config.json\n"
            + "\n".join([*problems, *_assumed_sizes(folder)])
        )
    model.config.name_or_path = os.fspath(name)
    return (model, info) if wants_info else model


def _one_bias_table(stored: Mapping[str, StoredTensor], folder: Path) -> dict[str, str]:
    """A checkpoint may hold one copy of the relative bias table, under any layer, or several.

    Returns what to rename so that the first layer gets it.
    """
    names = [
        name
        for name in sorted(stored)
        if "audio_tower." in name and name.endswith("relative_attention_bias.weight")
    ]
    tables = [read_tensor(stored[name], name) for name in names]
    if any(not torch.equal(table, tables[0]) for table in tables):
        raise CheckpointMismatchError(
            f"{os.fspath(folder)}: the copies of relative_attention_bias differ, though one table "
            f"serves all layers: {', '.join(names)}"
        )
    first = BIAS_TABLE.format(0)
    if not names or any(name.endswith(first) for name in names):
        return {}
    copy = names[0][names[0].index("audio_tower.") :]
    return {copy.replace(".", r"\."): first}


def _problems(
    model: nn.Module, stored: Mapping[str, StoredTensor], info: Mapping[str, Any]
) -> list[str]:
    wanted = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    missing = [f"{published_name(key)}: {wanted.get(key)}" for key in info["missing_keys"]]
    unexpected = [
        f"{key}: {stored[key].shape}" if key in stored else key for key in info["unexpected_keys"]
    ]
    misshapen = [
        f"{published_name(key)}: {tuple(found)} in the file, {tuple(shape)} by the config"
        for key, found, shape in info["mismatched_keys"]
    ]
    return [
        *_listed("missing", missing),
        *_listed("unexpected", unexpected),
        *_listed("misshapen", misshapen),
    ]


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    names = sorted(names)
    more = f"\n  ... and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what} ({len(names)}):\n  " + "\n  ".join(names[:SHOWN]) + more]


def _assumed_sizes(folder: Path) -> list[str]:
    """A hint: a published config.json names its towers without saying how large they are."""
    file = folder / "config.json"
    given = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    assumed = [
        f"{sizes} ({name}: {given.get(name)})"
        for sizes, name in SIZES_OF.items()
        if given and not given.get(sizes)
    ]
    if not assumed:
        return []
    return [f"config.json gives no sizes, so the published ones were taken: {', '.join(assumed)}"]


def published_state_dict(
    state: Mapping[str, torch.Tensor], audio_layers: int
) -> dict[str, torch.Tensor]:
    """Published key names, with the copies of the relative bias table that the layout holds."""
    out = {published_name(name): tensor for name, tensor in state.items()}
    first = BIAS_TABLE.format(0)
    for name, table in state.items():
        if name.endswith(first):
            prefix = name.removesuffix(first)
            for layer in range(1, audio_layers):
                out[prefix + BIAS_TABLE.format(layer)] = table.clone()
    return out
