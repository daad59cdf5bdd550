"""The LLM of a MultiMood model, one step at a time, on a cache whose prompts are shared.

The same weights and arithmetic as transformers' Qwen2 forward (the tests compare them), without
its per-layer dispatch, its copies of the prompt for every sample, and its growing cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, cast

import torch
from torch.nn import functional

from inference.errors import CheckpointError
from inference.multimood.kv_cache import (
    ROW_MULTIPLE,
    SUFFIX_MULTIPLE,
    Grid,
    SharedCache,
    round_up,
)
from inference.multimood.model import MultiMoodForConditionalGeneration

STATIC_ROPE = ("default", "linear", "llama3", "yarn")
LOGITS_BYTES = 2**28
ONE_THREAD = 2**15
"""Elements that PyTorch gives to one thread."""
SUM_LENGTH = 128
"""Products over a padded length are summed in parts that BLAS does not divide again, since where
it divides a longer one depends on the length (measured with MKL: from 193 on), and so on the
longest prompt of the batch."""


@dataclass(frozen=True)
class Step:
    """Tokens that rows add: Q a row, (R, Q). `slots` is where each is kept in its row's suffix;
    `visible` (R, Q, width) is which slots each sees, itself included."""

    ids: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor
    visible: torch.Tensor


class Backbone:
    def __init__(self, model: MultiMoodForConditionalGeneration, *, compiled: bool = False) -> None:
        """`compiled` fuses what lies between the products of a layer; the first passes then take
        long, and rows are no longer bit-identical in every batch."""
        config = model.config
        if set(config.layer_types or ()) - {"full_attention"}:
            raise CheckpointError("Models with sliding-window attention cannot answer here.")
        if config.rope_parameters["rope_type"] not in STATIC_ROPE:
            raise CheckpointError(
                f"Positions of the kind {config.rope_parameters['rope_type']!r} are not supported."
            )
        if len(set(getattr(model, "hf_device_map", {}).values())) > 1:
            raise CheckpointError("A model that is spread over several devices cannot answer here.")
        self.model = model.model
        self.lm_head = model.lm_head
        self.layers: list[Any] = list(model.model.layers)
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.repeats = self.heads // self.kv_heads
        self.head_width = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.scale = self.head_width**-0.5
        self.epsilon = config.rms_norm_eps
        self.suppressed = [i for i in astuple(config.placeholders) if 0 <= i < config.vocab_size]
        self._cos = self._sin = torch.zeros(0, 1, self.head_width)
        self._before: Callable[..., Any] = self._projected
        self._after: Callable[..., Any] = self._rest
        if compiled:
            self._before = torch.compile(self._before, dynamic=True)
            self._after = torch.compile(self._after, dynamic=True)

    @property
    def device(self) -> torch.device:
        return self.lm_head.weight.device

    def new_cache(self, prompt_lengths: Sequence[int]) -> SharedCache:
        return SharedCache(
            len(self.layers),
            self.kv_heads,
            self.head_width,
            prompt_lengths,
            dtype=self.lm_head.weight.dtype,
            device=self.device,
        )

    def prefill(
        self, embeds: torch.Tensor, cache: SharedCache, prompt: int, *, last: bool
    ) -> torch.Tensor | None:
        """(S, hidden) of one prompt alone, so that its keys depend on nothing else. With `last`,
        the last position's (1, hidden), ready for `logits`."""
        x, length = embeds, embeds.shape[0]
        self.reserve(length)
        cos, sin = self._cos, self._sin
        final = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            queries, keys, values = self._before(layer, x, cos[:length], sin[:length])
            keys, values = keys.transpose(0, 1), values.transpose(0, 1)
            cache.store_prompt(i, prompt, keys, values)
            if i == final:
                if not last:
                    return None
                x, queries = x[-1:], queries[-1:]
            attended = functional.scaled_dot_product_attention(
                queries.transpose(0, 1)[None],
                keys[None],
                values[None],
                is_causal=i < final,
                scale=self.scale,
                enable_gqa=self.repeats > 1,
            )
            x = self._after(layer, x, attended[0].transpose(0, 1).flatten(1))
        return self._norm(self.model.norm, x)

    def advance(self, cache: SharedCache, step: Step) -> torch.Tensor:
        """(R, Q, hidden), ready for `logits`. R * Q is a multiple of ROW_MULTIPLE."""
        rows, queries_each = step.ids.shape
        grid = cache.grid(queries_each * self.repeats)
        place, mask = self._placed(cache, step)
        cos, sin = self._cos, self._sin
        where = step.positions.flatten()
        cos, sin = cos[where], sin[where]
        x = self.model.embed_tokens(step.ids.flatten())
        for i, layer in enumerate(self.layers):
            queries, keys, values = self._before(layer, x, cos, sin)
            kept_keys, kept_values = cache.suffix[i].flatten(1, 2)
            kept_keys.index_copy_(0, place, keys.flatten(0, 1))
            kept_values.index_copy_(0, place, values.flatten(0, 1))
            attended = self._attended(queries, cache, i, grid, mask, queries_each)
            x = self._after(layer, x, attended)
        hidden = self._norm(self.model.norm, x)
        return hidden.view(rows, queries_each, -1)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(N, hidden) -> (N, vocabulary) in float32; a placeholder can never be said."""
        logits: torch.Tensor = self.lm_head(_padded(hidden))[: hidden.shape[0]].float()
        if self.suppressed:
            logits[:, self.suppressed] = -torch.inf
        return logits

    def _projected(
        self, layer: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(M, hidden) -> queries (M, heads, d), keys and values (M, kv heads, d)."""
        attention, count = layer.self_attn, x.shape[0]
        h = self._norm(layer.input_layernorm, x)
        turned = torch.cat([attention.q_proj(h), attention.k_proj(h)], -1)
        turned = turned.view(count, -1, self.head_width)
        # Two products and a sum: one fused operation may round otherwise at a thread's border.
        turned = turned * cos + turned.roll(self.head_width // 2, -1) * sin
        values = attention.v_proj(h).view(count, self.kv_heads, self.head_width)
        return turned[:, : self.heads], turned[:, self.heads :], values

    def _attended(
        self,
        queries: torch.Tensor,
        cache: SharedCache,
        layer: int,
        grid: Grid,
        mask: torch.Tensor,
        queries_each: int,
    ) -> torch.Tensor:
        """(R * Q, heads, d) -> (R * Q, heads * d): over the prompt, by prompt, and over the
        suffix, by row, under one softmax."""
        width, (keys, values) = mask.shape[-1], cache.suffix[layer]
        prompt_keys, prompt_values = cache.prefix[layer]
        q = queries.reshape(cache.rows, queries_each, self.kv_heads, self.repeats, -1)
        q = q.transpose(1, 2).reshape(cache.rows * self.kv_heads, -1, self.head_width)
        each = q.shape[1]

        gathered = q.index_select(0, grid.to_grid).view(prompt_keys.shape[0], -1, self.head_width)
        past = torch.baddbmm(
            cache.prefix_mask, gathered, prompt_keys.transpose(1, 2), alpha=self.scale
        )
        past = past.view(-1, each, past.shape[-1]).index_select(0, grid.to_rows)
        own = torch.baddbmm(mask, q, keys[:, :width].transpose(1, 2), alpha=self.scale)
        shares = torch.softmax(torch.cat([past, own], -1).float(), -1).to(q.dtype)

        split = past.shape[-1]
        gathered = shares[..., :split].index_select(0, grid.to_grid)
        gathered = gathered.view(prompt_keys.shape[0], -1, split)
        past = _add_products(gathered.new_zeros(1, 1, 1), gathered, prompt_values)
        past = past.view(-1, each, self.head_width).index_select(0, grid.to_rows)
        out = _add_products(past, shares[..., split:], values[:, :width])
        out = out.view(cache.rows, self.kv_heads, queries_each, self.repeats, -1)
        return out.transpose(1, 2).reshape(cache.rows * queries_each, -1)

    def _rest(self, layer: Any, x: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        x = x + layer.self_attn.o_proj(attended)
        h = self._norm(layer.post_attention_layernorm, x)
        mlp = layer.mlp
        h = mlp.down_proj(_activated(mlp.act_fn, mlp.gate_proj(h)) * mlp.up_proj(h))
        return cast(torch.Tensor, x + h)

    def _norm(self, norm: Any, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = functional.rms_norm(x, (x.shape[-1],), norm.weight, self.epsilon)
        return normed

    def _placed(self, cache: SharedCache, step: Step) -> tuple[torch.Tensor, torch.Tensor]:
        """Where keys go in the flattened suffix (R * Q * heads), and the mask of the suffix
        (R * heads, queries of a head, width)."""
        heads = torch.arange(self.kv_heads, device=self.device)
        rows = torch.arange(cache.rows, device=self.device)[:, None, None]
        place = (rows * self.kv_heads + heads) * cache.room + step.slots[..., None]
        mask = torch.where(step.visible, 0.0, -torch.inf).to(cache.suffix.dtype)
        mask = mask.repeat_interleave(self.kv_heads, 0)
        if step.ids.shape[1] > 1:
            mask = mask.repeat_interleave(self.repeats, 1)
        return place.flatten(), mask

    def reserve(self, length: int) -> None:
        """Rotary tables (positions, 1, d); the sine carries the sign of the half that is turned."""
        if self._cos.shape[0] < length or self._cos.device != self.device:
            length = round_up(length, 1024)
            positions = torch.arange(length, device=self.device)[None]
            cos, sin = self.model.rotary_emb(self.lm_head.weight[:1, None], positions)
            half = self.head_width // 2
            self._cos = cos[0, :, None].clone()
            self._sin = torch.cat([-sin[0, :, :half], sin[0, :, half:]], -1)[:, None]


def _activated(function: Callable[..., Any], x: torch.Tensor) -> torch.Tensor:
    """On a CPU by rows that one thread takes whole: what is left over at the border of threads
    is computed without vectors, by another exponential function."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return cast(torch.Tensor, function(x))
    rows = max(1, ONE_THREAD // x.shape[-1])
    for start in range(0, x.shape[0], rows):
        x[start : start + rows] = function(x[start : start + rows])
    return x


def _add_products(total: torch.Tensor, shares: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """total + shares @ values, summed part by part on a CPU."""
    length = shares.shape[-1]
    part = SUM_LENGTH if shares.device.type == "cpu" else length
    for start in range(0, length, part):
        here = slice(start, start + part)
        total = torch.baddbmm(total, shares[..., here], values[:, here])
    return total


def _padded(hidden: torch.Tensor) -> torch.Tensor:
    missing = -hidden.shape[0] % ROW_MULTIPLE
    return functional.pad(hidden, (0, 0, 0, missing)) if missing else hidden


def suffix_width(longest: int) -> int:
    return round_up(longest, SUFFIX_MULTIPLE)
