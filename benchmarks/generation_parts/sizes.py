"""The two sizes that are measured, with random weights, and the stimuli that they answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from transformers import AutoTokenizer

from inference.contracts import StimulusInput
from inference.corpora import generic
from inference.corpora.stimuli import stimuli, stimulus_input
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.tiny import RESERVED, tiny_config

PROJECT = Path(__file__).resolve().parents[2]
CORPUS = PROJECT / "demo" / "corpus" / "dialogues.jsonl"
TOKENIZER = PROJECT / "demo" / "models" / "multimood-tiny"
SEED = 0


def large_config() -> MultiMoodConfig:
    """0.495 billion parameters in the published proportions.

    The LLM's layers are those of Qwen2-0.5B. The vocabulary is smaller than its 152 thousand,
    which alone would be half of such a model: 32,000 untied rows are 14 % of the LLM, as in the
    published one. The towers, the compressor and the connector have the published share of all
    parameters; clips keep their published 8 x 729 patches and 676 embeddings, sound its
    16 x 16 patches. Ids and text are those of the demo's tokenizer.
    """
    ids = {token: i for i, token in enumerate(RESERVED)}
    return MultiMoodConfig(
        vocab_size=32_000,
        tokenizer_len=32_000,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        rope_theta=1e6,
        tie_word_embeddings=False,
        pad_token_id=ids["<pad>"],
        bos_token_id=ids["<bos>"],
        eos_token_id=ids["<eos>"],
        image_token_id=ids["<image>"],
        video_token_id=ids["<video>"],
        audio_token_id=ids["<audio>"],
        history_token_id=ids["<history>"],
        mem_token_id=ids["<MEM>"],
        vision_config={
            "hidden_size": 384,
            "intermediate_size": 1434,
            "num_hidden_layers": 13,
            "num_attention_heads": 6,
            "image_size": 384,
            "patch_size": 14,
            "vision_use_head": False,
        },
        audio_config={
            "embed_dim": 128,
            "encoder_layers": 12,
            "encoder_embed_dim": 192,
            "encoder_ffn_embed_dim": 768,
            "encoder_attention_heads": 3,
            "finetuned_model": False,
        },
        mamba_config={"hidden_size": 320, "num_hidden_layers": 24},
    )


CONFIGS: dict[str, Callable[[], MultiMoodConfig]] = {"tiny": tiny_config, "large": large_config}


@dataclass(frozen=True)
class Built:
    model: MultiMoodForConditionalGeneration
    processor: MultiMoodProcessor


def build(size: str, device: str, dtype: torch.dtype) -> Built:
    """The same weights in every process: drawn on the CPU in float32 from one seed."""
    config = CONFIGS[size]()
    torch.manual_seed(SEED)
    model = MultiMoodForConditionalGeneration(config).to(device, dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER, trust_remote_code=False)
    forbid_end(model, tokenizer.eos_token_id)
    return Built(model, MultiMoodProcessor(tokenizer, config))


def forbid_end(model: MultiMoodForConditionalGeneration, end: int) -> None:
    """Random weights end a reply by chance; without the end every reply has the full length."""

    def hook(_: object, __: object, logits: torch.Tensor) -> torch.Tensor:
        logits[..., end] = -torch.inf
        return logits

    model.lm_head.register_forward_hook(hook)


def weights_checksum(model: torch.nn.Module) -> float:
    return float(sum(p.detach().double().abs().sum() for p in model.parameters()))


def parameter_counts(model: torch.nn.Module) -> dict[str, int]:
    """By part, in the order of the signal."""
    parts = {
        "vision_tower": "SigLIP",
        "mm_projector": "STC connector",
        "audio_tower": "BEATs",
        "mm_projector_a": "sound MLP",
        "mamba_compressor": "ConvCompressor",
        "embed_tokens": "LLM embedding",
        "layers": "LLM layers",
        "norm": "LLM layers",
        "lm_head": "LLM output",
    }
    counts = Counter[str](dict.fromkeys(parts.values(), 0))
    for name, parameter in model.named_parameters():
        counts[parts[name.removeprefix("model.").partition(".")[0]]] += parameter.numel()
    return {part: count for part, count in counts.items() if count}  # a tied output has none


def demo_stimuli(count: int) -> list[StimulusInput]:
    """The first ones of the demo corpus: one or two clips, no history to a whole session's."""
    every = (
        stimulus_input(dialogue, stimulus)
        for dialogue in generic.read([CORPUS])
        for stimulus in stimuli(dialogue)
    )
    found = list(islice(every, count))
    if len(found) < count:
        raise SystemExit(f"the demo corpus has only {len(found)} stimuli")
    return found
