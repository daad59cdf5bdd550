"""ConvCompressor: Mamba over the dialogue history; each `<MEM>` becomes one LLM soft token."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from transformers import MambaConfig, MambaModel

from inference.multimood.selective_scan import KERNELS, is_trained, last_hidden_state


class ConvCompressor(nn.Module):
    def __init__(self, config: MambaConfig, mem_token_id: int | None, width: int) -> None:
        super().__init__()
        self.mem_token_id = mem_token_id
        self.mamba = MambaModel(config)
        self.memory_projection = nn.Linear(config.hidden_size, width)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(H, L) ids, padded on the right -> (number of `<MEM>`, hidden), row by row.

        Mamba is causal, so padding on the right changes nothing before it and needs no mask.
        """
        ids_read = ids.clamp(min=0)
        if is_trained(self.mamba) and not KERNELS:
            hidden = last_hidden_state(self.mamba, ids_read)
        else:
            hidden = self.mamba(input_ids=ids_read, use_cache=False).last_hidden_state
        memories = hidden[self.memory_mask(ids, mask)]
        # Mamba keeps its residual in float32 whatever the weights are.
        memories = memories.to(self.memory_projection.weight.dtype)
        return cast(torch.Tensor, self.memory_projection(memories))

    def memory_mask(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if self.mem_token_id is None:
            raise ValueError("the config has no mem_token_id, so history cannot be used")
        is_memory = ids == self.mem_token_id
        return is_memory if mask is None else is_memory & mask.bool()
