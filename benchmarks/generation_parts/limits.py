"""What the machine can do at best, measured in the run whose figures it is held against."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from inference.multimood.model import MultiMoodForConditionalGeneration

GIBIBYTE = 2**30


@dataclass(frozen=True)
class Limits:
    bytes_per_second: float
    """The fastest of three ways to stream memory: sum, matrix times vector, copy."""
    flops_per_second: float
    """Of a large square matrix product in the model's number format."""

    def best_of(self, other: Limits) -> Limits:
        return Limits(
            max(self.bytes_per_second, other.bytes_per_second),
            max(self.flops_per_second, other.flops_per_second),
        )


def measure_limits(device: str, dtype: torch.dtype) -> Limits:
    limits = _measured(device, dtype, repeats=4)
    if device.startswith("cuda"):
        torch.cuda.empty_cache()  # the two processes need it
    return limits


def _measured(device: str, dtype: torch.dtype, *, repeats: int) -> Limits:
    on_gpu = device.startswith("cuda")
    streamed = (4 if on_gpu else 1) * GIBIBYTE // 2
    columns = 8192
    matrix = torch.ones(streamed // dtype.itemsize // columns, columns, dtype=dtype, device=device)
    vector = torch.ones(columns, dtype=dtype, device=device)
    copy = torch.empty_like(matrix)
    seconds = [
        fastest(matrix.sum, device, repeats),
        fastest(lambda: matrix @ vector, device, repeats),
        fastest(lambda: copy.copy_(matrix), device, repeats) / 2,  # reads and writes
    ]
    side = 8192 if on_gpu else 2048
    square = torch.ones(side, side, dtype=dtype, device=device)
    product = fastest(lambda: square @ square, device, repeats)
    return Limits(matrix.nbytes / min(seconds), 2 * side**3 / product)


def fastest(work: Callable[[], object], device: str, repeats: int) -> float:
    work()
    return min(_seconds(work, device) for _ in range(repeats))


def _seconds(work: Callable[[], object], device: str) -> float:
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class DecodeWork:
    """What a decode step cannot avoid, whoever writes it."""

    weight_bytes: int
    """The LLM's layers, last norm and output layer; of the embedding only a few rows are read."""
    cache_bytes_per_position: int
    flops_per_token: int

    @classmethod
    def of(cls, model: MultiMoodForConditionalGeneration) -> DecodeWork:
        config = model.config
        parts = [*model.model.layers.parameters(), *model.model.norm.parameters()]
        parts += model.lm_head.parameters()
        head = config.hidden_size // config.num_attention_heads
        width = 2 * config.num_hidden_layers * config.num_key_value_heads * head
        return cls(
            weight_bytes=sum(p.nbytes for p in parts),
            cache_bytes_per_position=width * parts[0].itemsize,
            flops_per_token=2 * sum(p.numel() for p in parts),
        )

    def bytes_read(self, prompts: list[int], samples: int, tokens: int) -> int:
        """By the steps after the first token of `samples` replies to each prompt, decoded
        together. The samples of a stimulus have one prompt: its cache is read once a step."""
        steps = tokens - 1
        own = samples * len(prompts) * steps * (steps + 1) // 2
        positions = steps * sum(prompts) + own
        return steps * self.weight_bytes + positions * self.cache_bytes_per_position

    def flops(self, replies: int, tokens: int) -> int:
        return replies * (tokens - 1) * self.flops_per_token
