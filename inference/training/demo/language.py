"""SmolLM2-135M-Instruct as the language model inside a MultiMood.

It is a Llama (Touvron et al., arXiv 2302.13971), and a Llama is a Qwen2 whose queries, keys and
values have biases of zero, so the same numbers come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
)

from inference.errors import CheckpointError
from inference.multimood.prompt import AUDIO, HISTORY, MEMORY, VIDEO

IMAGE = "<image>"
PLACEHOLDERS = (IMAGE, VIDEO, AUDIO, HISTORY, MEMORY)
PADDING = "<|endoftext|>"
"""Not the token that ends a turn, whose prediction is learned."""
EMBEDDINGS = "model.embed_tokens.weight"
BIASED = ("q_proj", "k_proj", "v_proj")
SHARED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "hidden_act",
    "rms_norm_eps",
    "rope_parameters",
    "tie_word_embeddings",
)
"""Keys that mean the same in a Llama's and a Qwen2's configuration."""

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Language:
    state: State
    """float32, by the names that a MultiMood gives them, with rows for the placeholders."""
    tokenizer: PreTrainedTokenizerBase
    """Knows the placeholders."""
    config: dict[str, Any]
    """What a MultiMoodConfig takes over."""


def load_llama(file: Path) -> LlamaForCausalLM:
    """As it was published, in float32."""
    return AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    )


def load_language(file: Path) -> Language:
    llama = load_llama(file)
    tokenizer = load_tokenizer(file)
    return Language(qwen2_state(llama), tokenizer, qwen2_config(llama.config, tokenizer))


def load_tokenizer(file: Path) -> PreTrainedTokenizerBase:
    """The published one, chat template included; the placeholders' ids follow its own."""
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    tokenizer.pad_token = PADDING
    tokenizer.add_special_tokens({"additional_special_tokens": list(PLACEHOLDERS)})
    return tokenizer


def qwen2_state(llama: LlamaForCausalLM) -> State:
    if not llama.config.tie_word_embeddings or llama.config.attention_bias:
        raise CheckpointError("The base is not the SmolLM2 that the demo model is made around.")
    state: State = {}
    for name, tensor in llama.model.state_dict(prefix="model.").items():
        state[name] = tensor
        module = name.removesuffix(".weight")
        if module.endswith(BIASED):
            state[f"{module}.bias"] = torch.zeros(tensor.shape[0])
    # The mean of all: as likely to be said as a word of no meaning.
    added = state[EMBEDDINGS].mean(0).expand(len(PLACEHOLDERS), -1)
    state[EMBEDDINGS] = torch.cat([state[EMBEDDINGS], added])
    return state


def qwen2_config(llama: Any, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    image, video, audio, history, memory = tokenizer.convert_tokens_to_ids(list(PLACEHOLDERS))
    return {
        **{name: getattr(llama, name) for name in SHARED},
        "vocab_size": len(tokenizer),
        "tokenizer_len": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "image_token_id": image,
        "video_token_id": video,
        "audio_token_id": audio,
        "history_token_id": history,
        "mem_token_id": memory,
    }
