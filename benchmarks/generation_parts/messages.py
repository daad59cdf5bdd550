"""What the benchmark and its two processes tell each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmarks.generation_parts.limits import DecodeWork


@dataclass(frozen=True)
class Setup:
    size: str
    device: str
    dtype: torch.dtype
    threads: int
    compiled: bool
    stimuli: int


@dataclass(frozen=True)
class Ready:
    parameters: dict[str, int]
    checksum: float
    decode: DecodeWork
    loaded_mb: float


@dataclass(frozen=True)
class Work:
    first: int
    count: int
    samples: int
    tokens: int
    batch_size: int
    labels: bool = False
    warm: bool = False
    """Features of the work before are still there."""


@dataclass(frozen=True)
class Done:
    seconds: float
    cpu_seconds: float
    stages: dict[str, float]
    prompts: list[int]
    """Positions, by stimulus."""
    new_tokens: list[int]
    """By response."""
    peak_mb: float
