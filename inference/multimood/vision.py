"""SigLIP vision tower: patch features of an early layer, without the final norm and pooling."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from transformers import SiglipVisionConfig, SiglipVisionModel


class _Holder(nn.Module):
    """One level of nesting that the published key names have."""

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__()
        self.vision_model = SiglipVisionModel(config)


class VisionTower(nn.Module):
    def __init__(self, config: SiglipVisionConfig, select_layer: int) -> None:
        super().__init__()
        self.vision_tower = _Holder(config)
        # Entry -1 of the hidden states is the last layer's output, so -2 leaves one layer out.
        entries = config.num_hidden_layers + 1
        if not -entries <= select_layer < entries:
            raise ValueError(f"mm_vision_select_layer {select_layer} of {entries} hidden states")
        self.layers_run = select_layer % entries
        self.train_tower(False)

    def train_tower(self, trained: bool) -> None:
        """Frozen unless a model is trained from scratch."""
        self.trained = trained
        self.requires_grad_(trained)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) normalised pixels -> (N, patches, width)."""
        siglip = self.vision_tower.vision_model
        with torch.set_grad_enabled(self.trained and torch.is_grad_enabled()):
            hidden = siglip.embeddings(pixels)
            for layer in siglip.encoder.layers[: self.layers_run]:
                hidden = layer(hidden, attention_mask=None)
        return cast(torch.Tensor, hidden)
