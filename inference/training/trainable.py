"""Which parameters a run trains. The towers never are: their features are cached by clip."""

from __future__ import annotations

from peft import LoraConfig

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.config import TrainingConfig

LLM_LAYERS = r"model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"
"""A bare `q_proj` would match the frozen towers' too."""
PROJECTORS = ["mm_projector", "mm_projector_a", "memory_projection"]


def set_trainable(model: MultiMoodForConditionalGeneration, config: TrainingConfig) -> None:
    """Without LoRA: everything but the towers, and the projectors only where `projectors` says so.
    Call before an optimiser is made."""
    model.model.train_towers(False)
    if config.projectors == "frozen":
        for name in ("mm_projector", "mm_projector_a", "mamba_compressor"):
            model.model.get_submodule(name).requires_grad_(False)


def lora_config(config: TrainingConfig) -> LoraConfig:
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=LLM_LAYERS,
        modules_to_save=PROJECTORS if config.projectors == "train" else None,
        task_type="CAUSAL_LM",
    )
