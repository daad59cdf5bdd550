"""Which parameters a run trains. The towers never are: their features are cached by clip."""

from __future__ import annotations

import copy
from typing import Any

from peft import LoraConfig

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.config import TrainingConfig
from inference.training.parts import LLM_LAYERS, PROJECTORS, PROJECTORS_BESIDE_ADAPTERS


def set_trainable(model: MultiMoodForConditionalGeneration, config: TrainingConfig) -> None:
    """For a run without LoRA: everything but the towers, and the projectors only where
    `projectors` says so. `Setup.load` calls it; with LoRA, PEFT freezes what gets no adapter."""
    model.requires_grad_(True)
    model.model.train_towers(False)
    if config.projectors == "frozen":
        for name in PROJECTORS:
            model.model.get_submodule(name).requires_grad_(False)


def lora_config(config: TrainingConfig) -> LoraConfig:
    beside = list(PROJECTORS_BESIDE_ADAPTERS) if config.projectors == "train" else None
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=LLM_LAYERS,
        modules_to_save=beside,
        task_type="CAUSAL_LM",
    )


def frozen_copy(model: MultiMoodForConditionalGeneration) -> MultiMoodForConditionalGeneration:
    """Of what is trained; the rest is the same memory."""
    kept = [p for p in model.parameters() if not p.requires_grad]
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*kept, *model.buffers())}
    copied: MultiMoodForConditionalGeneration = copy.deepcopy(model, shared)
    copied.requires_grad_(False)
    return copied
