"""Loading, saving and initialising of MultiMood models, whatever head they have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import nn
from transformers import initialization as init
from transformers.integrations.accelerate import load_offloaded_parameter
from transformers.models.qwen2.modeling_qwen2 import Qwen2PreTrainedModel

from inference.multimood.audio import PositionConv
from inference.multimood.checkpoint import (
    UNUSED_BIAS_COPIES,
    load_checked,
    published_state_dict,
    register_key_names,
)
from inference.multimood.config import MultiMoodConfig


class MultiMoodPreTrainedModel(Qwen2PreTrainedModel):
    """Loads and saves the published layout.

    A subclass with modules of its own (a reward head) lists them in
    `_keys_to_ignore_on_load_missing`; any other missing, unexpected or misshapen tensor is an
    error.
    """

    config: MultiMoodConfig
    config_class = MultiMoodConfig
    input_modalities = ("text", "video", "audio")
    _no_split_modules = ["Qwen2DecoderLayer", "SiglipEncoderLayer", "BeatsLayer", "MambaBlock"]
    _keys_to_ignore_on_load_unexpected = [UNUSED_BIAS_COPIES]

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str] | None, *args: Any, **kwargs: Any
    ) -> Self:
        """From a folder, or an id of the model hub."""
        kwargs.setdefault("use_safetensors", True)  # a pickle could run code
        name = pretrained_model_name_or_path
        return cast(Self, load_checked(super().from_pretrained, name, *args, **kwargs))

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *args: Any,
        state_dict: dict[str, torch.Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        state = self.state_dict() if state_dict is None else state_dict
        # What a device map left on disk is fetched by our names, before they change.
        state = {
            name: load_offloaded_parameter(self, name) if tensor.is_meta else tensor
            for name, tensor in state.items()
        }
        state = published_state_dict(state, self.config.audio_config.encoder_layers)
        # The names are the published ones already, whatever names were loaded.
        kwargs["save_original_format"] = False
        super().save_pretrained(Path(save_directory), *args, state_dict=state, **kwargs)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
        elif isinstance(module, PositionConv):
            init.normal_(module.direction, std=module.direction[0].numel() ** -0.5)
            init.copy_(module.gain, module.direction.square().sum((0, 1), keepdim=True).sqrt())
            init.zeros_(module.bias)
        elif hasattr(module, "grep_a"):
            init.ones_(module.grep_a)


register_key_names()
