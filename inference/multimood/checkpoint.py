"""The published checkpoint layout: key names, copies, and refusal of files that do not fit."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import WeightRenaming

from inference.multimood.config import MultiMoodConfig

BIAS_TABLE = "audio_tower.encoder.layers.{}.self_attn.relative_attention_bias.weight"
# The reference shares layer 0's table by storing it once per layer.
UNUSED_BIAS_COPIES = r"audio_tower\.encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias"
SHOWN = 8


class CheckpointMismatchError(ValueError):
    """The tensors in a folder are not those that its configuration asks for."""


def register_key_names() -> None:
    """Ours are named otherwise, see `PositionConv`; saving renames them back."""
    register_checkpoint_conversion_mapping(
        MultiMoodConfig.model_type,
        [
            WeightRenaming("pos_conv.0.weight_g", "pos_conv.0.gain"),
            WeightRenaming("pos_conv.0.weight_v", "pos_conv.0.direction"),
        ],
        overwrite=True,
    )


def load_checked(
    load: Callable[..., Any], folder: str | os.PathLike[str], *args: Any, **kwargs: Any
) -> Any:
    wants_info = kwargs.pop("output_loading_info", False)
    model, info = load(
        folder, *args, output_loading_info=True, ignore_mismatched_sizes=True, **kwargs
    )
    problems = [
        *_listed("missing", sorted(info["missing_keys"])),
        *_listed("unexpected", sorted(info["unexpected_keys"])),
        *_listed("misshapen", sorted(_describe(m) for m in info["mismatched_keys"])),
    ]
    if problems:
        raise CheckpointMismatchError(
            f"{os.fspath(folder)}: the tensors do not fit config.json\n" + "\n".join(problems)
        )
    return (model, info) if wants_info else model


def _describe(mismatch: Any) -> str:
    if isinstance(mismatch, str):
        return mismatch
    name, found, wanted = mismatch
    return f"{name}: {tuple(found)} in the file, {tuple(wanted)} by the config"


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f"\n  ... and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what} ({len(names)}):\n  " + "\n  ".join(names[:SHOWN]) + more]


def published_state_dict(
    state: dict[str, torch.Tensor], audio_layers: int
) -> dict[str, torch.Tensor]:
    """Adds the copies of the relative bias table that the published layout holds."""
    out = dict(state)
    first = BIAS_TABLE.format(0)
    for name, table in state.items():
        if name.endswith(first):
            prefix = name.removesuffix(first)
            for layer in range(1, audio_layers):
                out[prefix + BIAS_TABLE.format(layer)] = table.clone()
    return out
