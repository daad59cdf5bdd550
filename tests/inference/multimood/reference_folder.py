"""Parity folders of chosen sizes: config.json, model.safetensors, cases.safetensors.

Weights are random; the outputs come from `reference_parts`, from transformers' Qwen2 and Mamba
called directly, and from a merge written out here."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn import functional
from transformers import (
    MambaConfig,
    MambaModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from tests.inference.multimood.reference_parts import (
    Config,
    Tensors,
    Weights,
    beats,
    connector,
    mamba,
    projected_sound,
    siglip_states,
)

IMAGE, VIDEO, AUDIO, HISTORY = -200, -201, -202, -203
MEM, PAD, EOS = 8, 0, 2
HISTORY_IDS = [[5, 6, MEM, 9, MEM], [MEM, 7, 5, 6, MEM]]


@dataclass(frozen=True)
class Sizes:
    llm: Config
    vision: Config
    audio: Config
    mamba: Config
    frames: int
    select: int
    bins: int = 128

    def config(self) -> Config:
        return {
            "architectures": ["Videollama2Qwen2ForCausalLM"],
            "model_type": "videollama2_qwen2",
            "torch_dtype": "float32",
            **self.llm,
            "rope_theta": 1e6,
            "rms_norm_eps": 1e-6,
            "bos_token_id": 1,
            "eos_token_id": EOS,
            "pad_token_id": PAD,
            "mm_vision_select_layer": self.select,
            "num_frames": self.frames,
            "mem_token_id": MEM,
            "tokenizer_len": self.llm["vocab_size"],
            "vision_config": self.vision,
            "audio_config": self.audio,
            "mamba_config": self.mamba,
        }


def random_like(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """From a generator of the name's own; norms near one, biases small, none of them neutral."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    noise = torch.randn(shape, generator=generator)
    if name.endswith("A_log"):
        return 0.3 * noise
    if len(shape) == 1 and name.endswith(("norm.weight", "bn.weight", "norm_f.weight", ".D")):
        return 1 + 0.1 * noise
    if name.endswith(("bias", "grep_a", "weight_g", "position_embedding.weight")):
        return 0.2 * noise + (1 if name.endswith(("grep_a", "weight_g")) else 0)
    fan_in = noise[0].numel() if len(shape) > 1 else 25
    return noise / math.sqrt(fan_in)


def shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Every key of the published layout with its shape."""
    qwen = Qwen2ForCausalLM(Qwen2Config(**sizes.llm))
    out = {name: tuple(t.shape) for name, t in qwen.state_dict().items()}
    if sizes.llm["tie_word_embeddings"]:
        del out["lm_head.weight"]
    tower = SiglipVisionModel(SiglipVisionConfig(**sizes.vision))
    for name, t in tower.state_dict().items():
        out[f"model.vision_tower.vision_tower.vision_model.{name}"] = tuple(t.shape)
    compressor = MambaModel(MambaConfig(**mamba_sizes(sizes)))
    for name, t in compressor.state_dict().items():
        out[f"model.mamba_compressor.mamba.{name}"] = tuple(t.shape)
    width = sizes.llm["hidden_size"]
    linear(out, "model.mamba_compressor.memory_projection", sizes.mamba["hidden_size"], width)
    linear(out, "model.mm_projector_a.0", sizes.audio["encoder_embed_dim"], width)
    linear(out, "model.mm_projector_a.2", width, width)
    connector_shapes(out, sizes.vision["hidden_size"], width)
    audio_shapes(out, sizes.audio)
    return out


def linear(out: dict[str, tuple[int, ...]], name: str, a: int, b: int) -> None:
    out[f"{name}.weight"], out[f"{name}.bias"] = (b, a), (b,)


def connector_shapes(out: dict[str, tuple[int, ...]], a: int, b: int) -> None:
    for stage, first in (("s1", a), ("s2", b)):
        for i in range(1, 5):
            block, width_in = f"model.mm_projector.{stage}.b{i}", first if i == 1 else b
            first_shape = (b, width_in, 1, 1)
            convolutions = {"conv1": first_shape, "conv2": (b, 1, 3, 3), "conv3": (b, b, 1, 1)}
            if width_in != b:
                convolutions["downsample"] = first_shape
            for name, shape in convolutions.items():
                out[f"{block}.{name}.conv.weight"] = shape
                out[f"{block}.{name}.bn.weight"] = out[f"{block}.{name}.bn.bias"] = (b,)
            narrow = round(width_in * 0.25)
            for name, a_in, b_out in (("fc1", b, narrow), ("fc2", narrow, b)):
                out[f"{block}.se.{name}.weight"] = (b_out, a_in, 1, 1)
                out[f"{block}.se.{name}.bias"] = (b_out,)
    out["model.mm_projector.sampler.0.weight"] = (b, b, 2, 2, 2)
    out["model.mm_projector.sampler.0.bias"] = (b,)
    linear(out, "model.mm_projector.readout.0", b, b)
    linear(out, "model.mm_projector.readout.2", b, b)


def audio_shapes(out: dict[str, tuple[int, ...]], audio: Config) -> None:
    tower, width = "model.audio_tower", audio["encoder_embed_dim"]
    embed, patch = audio["embed_dim"], audio["input_patch_size"]
    heads = audio["encoder_attention_heads"]
    out[f"{tower}.patch_embedding.weight"] = (embed, 1, patch, patch)
    for name, size in (("layer_norm", embed), ("encoder.layer_norm", width)):
        out[f"{tower}.{name}.weight"] = out[f"{tower}.{name}.bias"] = (size,)
    linear(out, f"{tower}.post_extract_proj", embed, width)
    if audio["finetuned_model"]:
        linear(out, f"{tower}.predictor", width, audio["predictor_class"])
    convolution, taps = f"{tower}.encoder.pos_conv.0", audio["conv_pos"]
    out[f"{convolution}.weight_g"], out[f"{convolution}.bias"] = (1, 1, taps), (width,)
    out[f"{convolution}.weight_v"] = (width, width // audio["conv_pos_groups"], taps)
    for i in range(audio["encoder_layers"]):
        layer = f"{tower}.encoder.layers.{i}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(out, f"{layer}.self_attn.{name}", width, width)
        linear(out, f"{layer}.self_attn.grep_linear", width // heads, 8)
        out[f"{layer}.self_attn.grep_a"] = (1, heads, 1, 1)
        out[f"{layer}.self_attn.relative_attention_bias.weight"] = (audio["num_buckets"], heads)
        linear(out, f"{layer}.fc1", width, audio["encoder_ffn_embed_dim"])
        linear(out, f"{layer}.fc2", audio["encoder_ffn_embed_dim"], width)
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            out[f"{layer}.{name}.weight"] = out[f"{layer}.{name}.bias"] = (width,)


def mamba_sizes(sizes: Sizes) -> Config:
    return {**sizes.mamba, "vocab_size": sizes.llm["vocab_size"]}


@dataclass(frozen=True)
class Clip:
    frames: torch.Tensor | None = None
    fbank: torch.Tensor | None = None


class Reference:
    """The published forward pass over a folder's own weights."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        tensors = {name: random_like(name, shape) for name, shape in shapes(sizes).items()}
        table = "model.audio_tower.encoder.layers.{}.self_attn.relative_attention_bias.weight"
        for i in range(1, sizes.audio["encoder_layers"]):
            tensors[table.format(i)] = tensors[table.format(0)].clone()
        self.tensors: Tensors = tensors
        self.weights = Weights(tensors)

    @cached_property
    def qwen(self) -> Any:
        config = Qwen2Config(**self.sizes.llm, rms_norm_eps=1e-6, rope_theta=1e6)
        model = Qwen2ForCausalLM(config).eval()
        own = {name: t for name, t in self.tensors.items() if name in model.state_dict()}
        model.load_state_dict(own, strict=not self.sizes.llm["tie_word_embeddings"])
        model.tie_weights()
        return model

    @cached_property
    def mamba(self) -> Any:
        return mamba(self.weights, mamba_sizes(self.sizes))

    def vision(self, frames: torch.Tensor) -> list[torch.Tensor]:
        return siglip_states(self.weights, self.sizes.vision, frames)

    def memory(self, ids: torch.Tensor) -> list[torch.Tensor]:
        projection = self.weights.under("model.mamba_compressor")
        hidden = self.mamba(input_ids=ids).last_hidden_state
        rows = []
        for row, states in zip(ids.tolist(), hidden, strict=True):
            places = [i for i, token in enumerate(row) if token == MEM]
            rows.append(projection.linear(states[places], "memory_projection"))
        return rows

    def embeddings(self, clip: Clip) -> torch.Tensor:
        parts = []
        if clip.frames is not None:
            features = self.vision(clip.frames)[self.sizes.select]
            parts.append(connector(self.weights, features[None])["stc_tokens"][0])
        if clip.fbank is not None:
            heard = beats(self.weights, self.sizes.audio, clip.fbank)["features"][0]
            parts.append(projected_sound(self.weights, heard))
        return torch.cat(parts)

    def merged(
        self,
        ids: torch.Tensor,
        clips: list[list[Clip]],
        history: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """The reference's merge: media where their ids stand, inserted ones at the left of the
        mask, a history without a placeholder at the end, zero vectors behind short rows."""
        memories = iter([] if history is None else self.memory(history))
        table = self.qwen.get_input_embeddings()
        rows, masks, targets = [], [], []
        for b, row in enumerate(ids.tolist()):
            pieces, target, entries = [], [], iter(clips[b])
            given = [] if labels is None else labels[b].tolist()
            given += [-100] * (len(row) - len(given))
            for token, label in zip(row, given, strict=True):
                if token >= 0:
                    pieces.append(table(torch.tensor([token])))
                    target.append(label)
                    continue
                piece = next(memories) if token == HISTORY else self.embeddings(next(entries))
                pieces.append(piece)
                target += [-100] * len(piece)
            if min(row) >= 0 and history is not None:
                pieces.append(next(memories))
            rows.append(torch.cat(pieces))
            old = [1] * len(row) if mask is None else mask[b].tolist()
            masks.append([1] * (len(rows[-1]) - len(row)) + old)
            targets.append(target)
        longest = max(map(len, rows))
        filled = [functional.pad(row, (0, 0, 0, longest - len(row))) for row in rows]
        out = {
            "inputs_embeds": torch.stack(filled),
            "merged_attention_mask": torch.tensor([m + [0] * (longest - len(m)) for m in masks]),
        }
        if labels is not None:
            ends = [t + [-100] * (longest - len(t)) for t in targets]
            out["new_labels"] = torch.tensor(ends)
        return out

    def answer(self, merged: Tensors) -> Tensors:
        logits = self.qwen(
            inputs_embeds=merged["inputs_embeds"], attention_mask=merged["merged_attention_mask"]
        ).logits
        out = {"logits": logits}
        if "new_labels" in merged:
            labels = merged["new_labels"][:, 1:]
            shares = logits[:, :-1].log_softmax(-1)[labels >= 0]
            learned = labels[labels >= 0]
            out["loss"] = -shares[torch.arange(len(learned)), learned].mean()[None]
        return out

    def greedy(self, embeds: torch.Tensor, steps: int) -> Tensors:
        """Without a cache."""
        ids, scores = [], []
        for _ in range(steps):
            scores.append(self.qwen(inputs_embeds=embeds).logits[:, -1])
            best = scores[-1].argmax(-1)
            ids.append(best)
            if int(best) == EOS:
                break
            embeds = torch.cat([embeds, self.qwen.get_input_embeddings()(best)[:, None]], 1)
        return {"generated_ids": torch.stack(ids, 1), "step_logits": torch.stack(scores, 1)}
