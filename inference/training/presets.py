"""Named sets of hyper-parameters, each with its source. Imports neither torch nor Django.

A preset gives what belongs to the method; base, dataset, output and, for ppo and grpo, the rewards
are always the user's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from inference.training.config import ConfigError, Method

PAPER = "MultiMood: Le et al., AAAI-26, arXiv 2511.10011"
OURS = "MoodEval: a starting point; no paper behind the numbers"
TWO_CORES = "Two CPU cores, a try"
ONE_GPU = "One GPU, LoRA"

_TRY: dict[str, Any] = {
    "device": "cpu",
    "lora": True,
    "batch_size": 4,
    "max_steps": 40,
    "save_steps": 20,
    "eval_steps": 20,
}
_ADAPTERS: dict[str, Any] = {
    "lora": True,
    "lora_rank": 32,
    "lora_alpha": 16,
    "learning_rate": 1e-4,
    "schedule": "cosine",
    "warmup_ratio": 0.03,
    "eval_steps": 50,
}


@dataclass(frozen=True)
class Preset:
    name: str
    method: Method
    title: str
    source: str
    values: Mapping[str, Any]
    """Keys of `TrainingConfig` as a configuration file gives them."""
    notes: str = ""


_ALL = (
    Preset(
        "sft-multimood",
        "sft",
        "As in the MultiMood paper",
        PAPER,
        {
            "modality": "random_media",
            "learning_rate": 1e-5,
            "schedule": "cosine",
            "warmup_ratio": 0.03,
            "epochs": 3.0,
            "batch_size": 1,
            "gradient_accumulation": 16,
        },
        "The paper draws sound, video or both for every example. Its other numbers for this step "
        "are not published: learning rate, passes and batch are those of its GRPO step.",
    ),
    Preset(
        "sft-two-cores",
        "sft",
        TWO_CORES,
        OURS,
        _TRY | {"learning_rate": 5e-4, "warmup_ratio": 0.05, "modality": "random"},
        "multimood-tiny is small enough to be trained whole: set lora to false, the learning rate "
        "to 0.001.",
    ),
    Preset(
        "sft-one-gpu",
        "sft",
        ONE_GPU,
        OURS,
        _ADAPTERS
        | {"modality": "random_media", "epochs": 3.0, "batch_size": 4, "gradient_accumulation": 4},
    ),
    Preset(
        "compressor-multimood",
        "compressor",
        "As in the MultiMood paper",
        PAPER,
        {
            "learning_rate": 1e-4,
            "schedule": "cosine",
            "warmup_ratio": 0.03,
            "epochs": 1.0,
            "batch_size": 8,
            "gradient_accumulation": 4,
        },
        "The task is the paper's (the history is read back from its memory states, the language "
        "model frozen); it gives no numbers for this step, so these are ours.",
    ),
    Preset(
        "compressor-two-cores",
        "compressor",
        TWO_CORES,
        OURS,
        {
            "device": "cpu",
            "learning_rate": 1e-3,
            "warmup_ratio": 0.05,
            "batch_size": 8,
            "max_steps": 100,
            "save_steps": 50,
            "eval_steps": 50,
        },
    ),
    Preset(
        "compressor-one-gpu",
        "compressor",
        "One GPU",
        OURS,
        {
            "learning_rate": 1e-4,
            "schedule": "cosine",
            "warmup_ratio": 0.03,
            "epochs": 1.0,
            "batch_size": 16,
            "eval_steps": 50,
        },
    ),
    Preset(
        "reward-multimood",
        "reward",
        "As in the MultiMood paper, all weights",
        PAPER,
        {"learning_rate": 2.5e-5, "batch_size": 4, "gradient_accumulation": 4},
        "The paper compares the reference with a sampled answer of low ROUGE-L; here people "
        "compared two answers.",
    ),
    Preset(
        "reward-multimood-lora",
        "reward",
        "As in the MultiMood paper, LoRA",
        PAPER,
        {
            "lora": True,
            "lora_rank": 32,
            "lora_alpha": 16,
            "learning_rate": 1e-4,
            "batch_size": 4,
            "gradient_accumulation": 4,
        },
        "Fits one GPU. The paper compares the reference with a sampled answer of low ROUGE-L; here "
        "people compared two answers.",
    ),
    Preset(
        "reward-two-cores",
        "reward",
        TWO_CORES,
        OURS,
        _TRY | {"learning_rate": 5e-4},
    ),
    Preset("reward-one-gpu", "reward", ONE_GPU, OURS, _ADAPTERS | {"batch_size": 4}),
    Preset(
        "dpo-rafailov",
        "dpo",
        "As in the DPO paper",
        "Rafailov et al., NeurIPS 2023, arXiv 2305.18290, appendix B",
        {
            "beta": 0.1,
            "loss": "sigmoid",
            "learning_rate": 1e-6,
            "schedule": "constant",
            "batch_size": 4,
            "gradient_accumulation": 16,
        },
        "Batches of 64 pairs on one process. The paper used RMSprop and 150 warm-up steps; here it "
        "is AdamW, and warmup_ratio is yours to set.",
    ),
    Preset(
        "dpo-two-cores",
        "dpo",
        TWO_CORES,
        OURS,
        _TRY | {"learning_rate": 5e-4, "beta": 0.1, "precompute_reference": True},
        "multimood-tiny is small enough to be trained whole: set lora to false, the learning rate "
        "to 0.0003.",
    ),
    Preset(
        "dpo-one-gpu",
        "dpo",
        ONE_GPU,
        OURS,
        _ADAPTERS
        | {
            "learning_rate": 2e-5,
            "beta": 0.1,
            "precompute_reference": True,
            "batch_size": 2,
            "gradient_accumulation": 8,
        },
    ),
    Preset(
        "ppo-multimood",
        "ppo",
        "As in the MultiMood paper",
        PAPER,
        {
            "learning_rate": 3e-6,
            "batch_size": 16,
            "minibatch_size": 2,
            "max_steps": 625,
            "missing_end_penalty": 1.0,
            "max_new_tokens": 128,
        },
        "10,000 episodes: 625 steps of 16 answers on one process. On n processes divide max_steps "
        "by n.",
    ),
    Preset(
        "ppo-two-cores",
        "ppo",
        TWO_CORES,
        OURS,
        _TRY | {"learning_rate": 2e-4, "batch_size": 8, "max_new_tokens": 64, "beta": 0.05},
    ),
    Preset(
        "ppo-one-gpu",
        "ppo",
        ONE_GPU,
        OURS,
        _ADAPTERS
        | {"learning_rate": 2e-5, "batch_size": 16, "minibatch_size": 4, "max_steps": 300},
    ),
    Preset(
        "grpo-multimood",
        "grpo",
        "As in the MultiMood paper",
        PAPER,
        {
            "learning_rate": 1e-5,
            "generations": 4,
            "epochs": 3.0,
            "batch_size": 1,
            "gradient_accumulation": 16,
            "max_new_tokens": 128,
            "beta": 1.12,
        },
        "The paper's reward is the mean of a judge's trust score and the likeness to the reference "
        "answer: name both under rewards with equal weights.",
    ),
    Preset(
        "grpo-two-cores",
        "grpo",
        TWO_CORES,
        OURS,
        _TRY
        | {
            "learning_rate": 2e-4,
            "batch_size": 4,
            "generations": 4,
            "max_new_tokens": 64,
            "beta": 0.04,
        },
    ),
    Preset(
        "grpo-one-gpu",
        "grpo",
        ONE_GPU,
        OURS,
        _ADAPTERS
        | {
            "learning_rate": 2e-5,
            "generations": 8,
            "batch_size": 4,
            "minibatch_size": 8,
            "beta": 0.04,
            "max_steps": 300,
        },
    ),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
"""By name; those of a method stand together, the published one first."""


def presets_of(method: str) -> list[Preset]:
    return [preset for preset in PRESETS.values() if preset.method == method]


def with_preset(name: str, config: Mapping[str, Any], method: str = "") -> dict[str, Any]:
    """`config` over the preset's values: given keys win. "" is no preset.

    Raises ConfigError for an unknown name, and for a preset of another method than `method`, or
    the one in `config`.
    """
    if not name:
        return dict(config)
    preset = PRESETS.get(name)
    if preset is None:
        raise ConfigError(f"preset: there is none named {name!r}. Known: {', '.join(PRESETS)}.")
    wanted = method or config.get("method", preset.method)
    if preset.method != wanted:
        own = ", ".join(other.name for other in presets_of(wanted)) or "none"
        raise ConfigError(f"preset: {name} is for {preset.method}, not {wanted}. For that: {own}.")
    return {**preset.values, **config}
