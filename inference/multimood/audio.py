"""BEATs audio tower: (A, frames, 128) log-mel features -> (A, tokens, width).

Chen et al., "BEATs: Audio Pre-Training with Acoustic Tokenizers", arXiv 2212.09058. The gated
relative position bias is WavLM's (arXiv 2110.13900), the residual scaling DeepNorm's
(arXiv 2203.00555).
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from inference.multimood.config import BeatsConfig

FBANK_MEAN = 15.41663
FBANK_STD = 6.55582
WEIGHT_NORM_EPS = 1e-6
# What checkpoints call the two parts of the position convolution's weight.
PUBLISHED_NAMES = {"gain": "weight_g", "direction": "weight_v"}
PARAMETRIZED_NAMES = {
    "gain": "parametrizations.weight.original0",
    "direction": "parametrizations.weight.original1",
}


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad * ctx.factor, None


def _accept_published_names(_: nn.Module, state: dict[str, Any], prefix: str, *__: Any) -> None:
    for names in (PUBLISHED_NAMES, PARAMETRIZED_NAMES):
        for ours, theirs in names.items():
            if prefix + theirs in state:
                state[prefix + ours] = state.pop(prefix + theirs)


def _drop_table_copy(_: nn.Module, state: dict[str, Any], prefix: str, *__: Any) -> None:
    state.pop(prefix + "relative_attention_bias.weight", None)


class PositionConv(nn.Module):
    """Grouped convolution over time, its weight normalised over all but the tap.

    `gain` and `direction` are the checkpoint's `weight_g` and `weight_v`. They are named
    otherwise here because transformers renames every key that ends in `weight_g`.
    """

    def __init__(self, width: int, taps: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.gain = nn.Parameter(torch.ones(1, 1, taps))
        self.direction = nn.Parameter(torch.empty(width, width // groups, taps))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_load_state_dict_pre_hook(_accept_published_names)  # type: ignore[no-untyped-call]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(A, tokens, width) -> same shape."""
        norm = (self.direction.square().sum((0, 1), keepdim=True) + WEIGHT_NORM_EPS).sqrt()
        weight = self.gain * self.direction / norm
        tokens, taps = x.shape[1], weight.shape[-1]
        kind = x.dtype
        bias: torch.Tensor = self.bias
        x = x.transpose(1, 2)
        if x.device.type == "cpu":
            # Where a CPU has AMX, oneDNN's bfloat16 kernel is wrong for 4 channels a group and 16
            # taps (torch 2.13: nothing of the sum is right; other shapes are as they should be).
            x, weight, bias = x.float(), weight.float(), bias.float()
        out = functional.conv1d(x, weight, bias, padding=taps // 2, groups=self.groups).to(kind)
        return out[..., :tokens].transpose(1, 2)  # an even number of taps gives one too many


class BeatsAttention(nn.Module):
    def __init__(self, config: BeatsConfig, has_bias_table: bool) -> None:
        super().__init__()
        width, self.heads = config.encoder_embed_dim, config.encoder_attention_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // self.heads, 8)
        self.grep_a = nn.Parameter(torch.ones(1, self.heads, 1, 1))
        if has_bias_table:
            self.relative_attention_bias = nn.Embedding(config.num_buckets, self.heads)
        else:
            self.register_load_state_dict_pre_hook(_drop_table_copy)  # type: ignore[no-untyped-call]

    def forward(
        self, x: torch.Tensor, position_bias: torch.Tensor, padding: torch.Tensor | None
    ) -> torch.Tensor:
        """position_bias (heads, S, S); padding (A, S) bool, True where a token is padding."""
        q, k, v = (
            proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        bias = self._gate(q) * position_bias
        if padding is not None:
            bias = bias.masked_fill(padding[:, None, None, :], torch.finfo(bias.dtype).min)
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return cast(torch.Tensor, self.out_proj(out.transpose(1, 2).flatten(2)))

    def _gate(self, q: torch.Tensor) -> torch.Tensor:
        """(A, heads, S, 1), from each layer's unscaled queries."""
        a, b = self.grep_linear(q).unflatten(-1, (2, 4)).sum(-1).sigmoid().chunk(2, dim=-1)
        return cast(torch.Tensor, a * (b * self.grep_a - 1) + 2)


class BeatsLayer(nn.Module):
    def __init__(self, config: BeatsConfig, index: int) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.residual_factor = (2 * config.encoder_layers) ** 0.25
        # Only the first layer has the table; it serves all layers.
        self.self_attn = BeatsAttention(config, has_bias_table=index == 0)
        self.self_attn_layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.fc1 = nn.Linear(width, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, width)
        self.final_layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(
        self, x: torch.Tensor, position_bias: torch.Tensor, padding: torch.Tensor | None
    ) -> torch.Tensor:
        x = self.self_attn_layer_norm(
            x * self.residual_factor + self.self_attn(x, position_bias, padding)
        )
        ffn = self.fc2(functional.gelu(self.fc1(x)))
        return cast(torch.Tensor, self.final_layer_norm(x * self.residual_factor + ffn))


class BeatsEncoder(nn.Module):
    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.num_buckets, self.max_distance = config.num_buckets, config.max_distance
        self.gradient_factor = config.layer_wise_gradient_decay_ratio
        self.pos_conv = nn.Sequential(
            PositionConv(width, config.conv_pos, config.conv_pos_groups), nn.GELU()
        )
        self.layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(BeatsLayer(config, i) for i in range(config.encoder_layers))

    def forward(self, x: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
        if padding is not None:
            x = x.masked_fill(padding[..., None], 0)
        x = self.layer_norm(x + self.pos_conv(x))
        position_bias = self.position_bias(x.shape[1], x.device)
        for layer in self.layers:
            if self.gradient_factor != 1 and torch.is_grad_enabled():
                x = _ScaleGradient.apply(x, self.gradient_factor)  # type: ignore[no-untyped-call]
            x = layer(x, position_bias, padding)
        return x

    def position_bias(self, tokens: int, device: torch.device) -> torch.Tensor:
        """(heads, tokens, tokens), before any gate."""
        table = cast(BeatsLayer, self.layers[0]).self_attn.relative_attention_bias
        place = torch.arange(tokens, device=device)
        buckets = distance_buckets(
            place[None] - place[:, None], self.num_buckets, self.max_distance
        )
        return cast(torch.Tensor, table(buckets)).permute(2, 0, 1)


def distance_buckets(distance: torch.Tensor, buckets: int, longest: int) -> torch.Tensor:
    """T5's bidirectional buckets (arXiv 1910.10683): half of each side exact, half logarithmic."""
    half = buckets // 2
    exact = half // 2
    size = distance.abs()
    growth = torch.log(size.clamp(min=1).float() / exact) / math.log(longest / exact)
    far = (exact + (growth * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(size < exact, size, far) + (distance > 0) * half


class Beats(nn.Module):
    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        self.config = config
        patch, width = config.input_patch_size, config.embed_dim
        self.patch_embedding = nn.Conv2d(1, width, patch, patch, bias=config.conv_bias)
        self.layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.post_extract_proj = nn.Linear(width, config.encoder_embed_dim)
        self.encoder = BeatsEncoder(config)
        if config.finetuned_model:
            # The classifier of the released checkpoint; it takes no part.
            self.predictor = nn.Linear(config.encoder_embed_dim, config.predictor_class)

    def forward(self, fbank: torch.Tensor, padding: torch.Tensor | None = None) -> torch.Tensor:
        """fbank (A, T, 128); padding (A, tokens) bool -> (A, tokens, width), tokens time-major."""
        x = (fbank - FBANK_MEAN) / (2 * FBANK_STD)
        x = self.patch_embedding(x[:, None].to(self.patch_embedding.weight.dtype))
        x = self.layer_norm(x.flatten(2).transpose(1, 2))
        return cast(torch.Tensor, self.encoder(self.post_extract_proj(x), padding))


def audio_token_count(config: BeatsConfig, frames: int) -> int:
    return frames // config.input_patch_size * config.frequency_patches


def token_padding(config: BeatsConfig, frame_padding: torch.Tensor) -> torch.Tensor:
    """(A, T) 1 = padding -> (A, tokens) bool. A patch counts when all its frames are sound."""
    patch = config.input_patch_size
    whole = frame_padding.bool()[:, : frame_padding.shape[1] // patch * patch]
    patches = whole.reshape(whole.shape[0], -1, patch).any(-1)
    return patches.repeat_interleave(config.frequency_patches, 1)
