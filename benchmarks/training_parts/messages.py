"""What the benchmark and its two processes tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.training.config import TrainingConfig

Way = Literal["trl", "ours"]


@dataclass(frozen=True)
class Data:
    pairs_file: Path
    media_root: Path


@dataclass(frozen=True)
class Job:
    config: TrainingConfig
    """The same for both ways but for the output folder."""
    threads: int
    turn: int
    """Steps before the other way goes on."""


@dataclass(frozen=True)
class Ready:
    parameters: int
    loaded_mb: float


@dataclass(frozen=True)
class Turn:
    """Done since the word to go on; the first turn is everything before the first step."""

    seconds: float
    cpu_seconds: float
    losses: tuple[float, ...]
    """One a step."""


@dataclass(frozen=True)
class Finished:
    peak_mb: float
