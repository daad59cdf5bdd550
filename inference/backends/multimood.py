from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.multimood.generation import MultiMoodGenerator


@dataclass(frozen=True)
class Checkpoint:
    folder: Path
    weights_sha256: str


class MultiMoodBackend:
    def __init__(self, generator: MultiMoodGenerator) -> None:
        self.generator = generator

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        return self.generator.answer(stimuli, options, seeds)


class _Loaded:
    """One model per process: a second one would not fit beside the first."""

    lock = threading.Lock()
    checkpoint: Checkpoint | None = None
    backend: MultiMoodBackend | None = None


def load_multimood(checkpoint: Checkpoint) -> MultiMoodBackend:
    with _Loaded.lock:
        if _Loaded.backend is None or _Loaded.checkpoint != checkpoint:
            _Loaded.checkpoint = _Loaded.backend = None  # the old one goes before the new one comes
            _Loaded.backend = MultiMoodBackend(MultiMoodGenerator.load(checkpoint.folder))
            _Loaded.checkpoint = checkpoint
        return _Loaded.backend


def unload_multimood() -> None:
    with _Loaded.lock:
        _Loaded.checkpoint = _Loaded.backend = None
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
