"""The published checkpoint layout: key names, copies, and refusal of files that do not fit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import WeightRenaming

from inference.errors import CheckpointError
from inference.multimood.config import MultiMoodConfig

BIAS_TABLE = "audio_tower.encoder.layers.{}.self_attn.relative_attention_bias.weight"
# The reference shares layer 0's table by storing it once per layer.
UNUSED_BIAS_COPIES = r"audio_tower\.encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias"
SHOWN = 8


class CheckpointMismatchError(CheckpointError):
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
    tables = _bias_tables(Path(folder))
    _refuse_differing(tables, folder)
    model, info = load(
        folder, *args, output_loading_info=True, ignore_mismatched_sizes=True, **kwargs
    )
    missing = _fill_first_table(model, set(info["missing_keys"]), tables)
    problems = [
        *_listed("missing", sorted(missing)),
        *_listed("unexpected", sorted(info["unexpected_keys"])),
        *_listed("misshapen", sorted(_describe(m) for m in info["mismatched_keys"])),
    ]
    if problems:
        raise CheckpointMismatchError(
            f"{os.fspath(folder)}: the tensors do not fit config.json\n" + "\n".join(problems)
        )
    return (model, info) if wants_info else model


def _bias_tables(folder: Path) -> dict[str, torch.Tensor]:
    """The copies of the relative bias table in a local folder of safetensors, by name."""
    tables = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - not a mapping
                if "audio_tower" in name and name.endswith("relative_attention_bias.weight"):
                    tables[name] = opened.get_tensor(name)
    return tables


def _refuse_differing(tables: dict[str, torch.Tensor], folder: str | os.PathLike[str]) -> None:
    values = list(tables.values())
    if any(not torch.equal(table, values[0]) for table in values):
        raise CheckpointMismatchError(
            f"{os.fspath(folder)}: the copies of relative_attention_bias differ, though one table "
            f"serves all layers: {', '.join(sorted(tables))}"
        )


def _fill_first_table(model: Any, missing: set[str], tables: dict[str, torch.Tensor]) -> set[str]:
    """A checkpoint with one copy may hold it under any layer."""
    first = {name for name in missing if name.endswith(BIAS_TABLE.format(0))}
    if not tables:
        return missing
    with torch.no_grad():
        for name in first:
            model.get_parameter(name).copy_(next(iter(tables.values())))
    return missing - first


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
