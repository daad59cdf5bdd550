"""Sizes of a checkpoint: parameters from its files' headers, widths from its config.json.

Imports neither torch nor transformers. What config.json leaves out has the published size, as in
inference/multimood/config.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from inference.errors import CheckpointError
from inference.safetensors_headers import TensorHeader, checkpoint_headers
from inference.training.config import TrainingConfig
from inference.training.parts import LLM_LAYERS, PROJECTORS, PROJECTORS_BESIDE_ADAPTERS, TOWERS

FLOAT = 4
"""Bytes: weights are trained as float32, also where a GPU computes in bfloat16."""
PUBLISHED: Mapping[str, Any] = {
    "num_frames": 8,
    "max_audio_seconds": 30.0,
    "max_history_tokens": 512,
    "mamba_config": {"hidden_size": 1024, "num_hidden_layers": 48, "state_size": 16, "expand": 2},
    "vision_config": {"image_size": 384, "patch_size": 14},
    "audio_config": {"input_patch_size": 16, "num_mel_bins": 128},
}
MEL_FRAMES_A_SECOND = 100
LAYER_PREFIX = "model.layers."
SCAN_COPIES, SCAN_COPIES_BACK = 5, 4
"""Of a layer's states at every step, in float32: what its forward pass keeps, and what its backward
pass adds for a moment. Measured, without Mamba's kernels."""
TENSORS_A_BLOCK, BLOCKS_A_STAGE = 12, 4
"""What a RegNet block of the STC connector keeps for its backward pass, each of its own size."""


@dataclass(frozen=True)
class Shapes:
    tensors: tuple[TensorHeader, ...]
    config: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Self:
        try:
            given = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{folder / 'config.json'} cannot be read: {error}.") from error
        tensors = tuple(checkpoint_headers(folder))
        if not tensors:
            raise CheckpointError(f"{folder} holds no *.safetensors file.")
        return cls(tensors, {**PUBLISHED, **given})

    def of_parts(self, *names: str) -> int:
        """Parameters of the modules so named."""
        return sum(t.elements for t in self.tensors if set(names) & set(t.name.split(".")))

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def towers(self) -> int:
        return self.of_parts(*TOWERS)

    def trained(self, config: TrainingConfig) -> tuple[int, int]:
        """(parameters that learn, of those the ones that are there beside the base's)."""
        if config.method == "compressor":
            return self.of_parts("mamba_compressor"), 0
        if config.lora:
            beside = self.of_parts(*PROJECTORS_BESIDE_ADAPTERS)
            beside = beside if config.projectors == "train" else 0
            added = self.adapters(config.lora_rank) + beside
            return added, added
        frozen = self.towers
        if config.projectors == "frozen":
            frozen += self.of_parts(*PROJECTORS)
        return self.parameters - frozen, 0

    def adapters(self, rank: int) -> int:
        adapted = re.compile(rf"(.*\.)?{LLM_LAYERS}\.weight")
        return sum(rank * sum(t.shape) for t in self.tensors if adapted.fullmatch(t.name))

    @property
    def gathered(self) -> int:
        """Parameters that FSDP2 holds whole at one time: embeddings and head, the projectors, one
        layer at work and the next one coming."""
        layers = sum(t.elements for t in self.tensors if t.name.startswith(LAYER_PREFIX))
        return self.parameters - self.towers - layers + 2 * layers // self.layers

    @property
    def layers(self) -> int:
        return int(self.config["num_hidden_layers"])

    @property
    def hidden(self) -> int:
        return int(self.config["hidden_size"])

    @property
    def vocabulary(self) -> int:
        return int(self.config["vocab_size"])

    @property
    def key_width(self) -> int:
        heads = int(self.config["num_attention_heads"])
        return self.hidden // heads * int(self.config.get("num_key_value_heads") or heads)

    @property
    def layer_numbers(self) -> int:
        """Numbers a token that one layer keeps for its backward pass: two norms in and out,
        queries, attention, two sums (10 hidden), keys and values, and in the MLP gate, its
        activation, up, their product and the gradient's workspace (5 intermediate)."""
        return 10 * self.hidden + 2 * self.key_width + 5 * int(self.config["intermediate_size"])

    @property
    def cache_numbers(self) -> int:
        """Keys and values of a token in all layers."""
        return 2 * self.key_width * self.layers

    def scan_numbers(self, tokens: int, recomputed: bool) -> int:
        """Float32 numbers that the compressor keeps of a history of so many tokens, where it learns
        without Mamba's kernels. recomputed: one layer at a time, beside the inputs of all."""
        mamba = {**PUBLISHED["mamba_config"], **(self.config["mamba_config"] or {})}
        width, layers = int(mamba["hidden_size"]), int(mamba["num_hidden_layers"])
        read = min(tokens, int(self.config["max_history_tokens"]))
        states = read * width * int(mamba["expand"]) * int(mamba["state_size"])
        if recomputed:
            return states * (SCAN_COPIES + SCAN_COPIES_BACK) + layers * read * width
        return states * (SCAN_COPIES * layers + SCAN_COPIES_BACK)

    @property
    def side(self) -> int:
        """Patches along one edge of a frame."""
        vision = {**PUBLISHED["vision_config"], **(self.config["vision_config"] or {})}
        return int(vision["image_size"]) // int(vision["patch_size"])

    def clip_tokens(self, seconds: float) -> int:
        """Positions that a film with sound takes in the prompt."""
        audio = {**PUBLISHED["audio_config"], **(self.config["audio_config"] or {})}
        patch = int(audio["input_patch_size"])
        heard = min(seconds, float(self.config["max_audio_seconds"])) * MEL_FRAMES_A_SECOND
        sound = int(heard) // patch * (int(audio["num_mel_bins"]) // patch)
        return int(self.config["num_frames"]) // 2 * (self.side // 2) ** 2 + sound

    @property
    def connector_numbers(self) -> int:
        """Numbers that the STC connector keeps of a film: its second stage has an eighth of the
        places of its first."""
        places = int(self.config["num_frames"]) * self.side**2
        return (places + places // 8) * self.hidden * TENSORS_A_BLOCK * BLOCKS_A_STAGE
