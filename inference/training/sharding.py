"""FSDP2: weights, gradients and the optimiser's state divided over all processes.

Zhao et al. 2023 (arXiv 2304.11277), in its second form in PyTorch (`fully_shard`). Each layer of
the LLM is gathered when its turn comes. The towers stay whole in every process: they are frozen,
and are called for a clip when its row is read, outside of any step. The projectors belong to the
root, which is gathered at every step, since not every row has a film, a sound or a history.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import DistributedType
from torch import distributed, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from transformers import MambaModel

from inference.training.config import ConfigError, TrainingConfig
from inference.training.parts import PROJECTORS, TOWERS

LAYERS = ["Qwen2DecoderLayer"]
"""Only what runs in every forward pass of every process: others would wait for ever."""
WHOLE = rf".*\b({'|'.join(TOWERS)})"


def sharding_arguments(config: TrainingConfig, recompute: bool) -> dict[str, Any]:
    """Of transformers' TrainingArguments. recompute: activations in the backward pass."""
    if config.sharding == "none":
        return {"gradient_checkpointing": recompute}
    return {
        # FSDP's own gathers each layer once less; `prepare_sharding` sees to the compressor.
        "gradient_checkpointing": False,
        "fsdp": True,
        "fsdp_config": {
            "version": 2,
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "transformer_layer_cls_to_wrap": LAYERS,
            "reshard_after_forward": True,
            "activation_checkpointing": recompute,
            "state_dict_type": "FULL_STATE_DICT",
        },
    }


def prepare_sharding(trainer: Any) -> None:
    """Before `trainer.train()`. Raises ConfigError where nothing would be sharded."""
    state = trainer.accelerator.state
    if state.distributed_type != DistributedType.FSDP:
        raise ConfigError(
            "sharding: fsdp2 needs at least two processes on GPUs; here it would have no effect "
            f"(found: {state.distributed_type.value}). Set it to none."
        )
    state.fsdp_plugin.ignored_modules = WHOLE
    touch_projectors(trainer.model)
    for module in trainer.model.modules():
        if isinstance(module, MambaModel):  # none of the layers that FSDP computes again
            module.gradient_checkpointing = True


def touch_projectors(model: nn.Module) -> None:
    """Every process gets a gradient for every trained projector at every step, if only zero: they
    add up what they have, and one whose rows show no film would send less than the others."""
    places = [
        (module, name)
        for path, module in model.named_modules()
        if set(path.split(".")) & set(PROJECTORS)
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.requires_grad
    ]

    def touch(module: nn.Module, inputs: Any, embedded: torch.Tensor) -> torch.Tensor:
        # Asked for by name: while a step lasts, what is gathered stands in a shard's place.
        firsts = [getattr(place, name).flatten()[0].to(embedded.dtype) for place, name in places]
        return embedded + 0 * torch.stack(firsts).sum() if firsts else embedded

    embedding: nn.Module = model.get_input_embeddings()  # type: ignore[operator]
    embedding.register_forward_hook(touch)


def gather_whole(model: nn.Module) -> None:
    """Whole tensors in the place of shards, in the first process's memory, to be merged and saved.

    All processes call it; after it nothing can be trained.
    """
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()  # the last forward pass may have left it gathered
    first = distributed.get_rank() == 0
    whole: dict[nn.Parameter, nn.Parameter] = {}  # tied weights stay one
    for module in model.modules():
        for name, shard in list(module.named_parameters(recurse=False)):
            if not isinstance(shard, DTensor):
                continue
            if shard not in whole:
                gathered = shard.full_tensor().cpu()
                whole[shard] = nn.Parameter(
                    gathered if first else torch.empty(0), shard.requires_grad
                )
            setattr(module, name, whole[shard])
