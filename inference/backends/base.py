from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.media import DEFAULT_LIMITS, MediaLimits


class Backend(Protocol):
    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        """`options.samples` answers per stimulus, stimulus by stimulus; the seed at the same place
        governs an answer's sampling. A stimulus whose clips cannot be read gets answers with an
        error, and the others are answered."""
        ...


@runtime_checkable
class KeepingBackend(Backend, Protocol):
    """Stores each answer as it comes: where `answer` raises, those are not lost."""

    def kept(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions
    ) -> list[Answer | None]:
        """In the order of `answer`, what is stored already; nothing is asked."""
        ...


@dataclass(frozen=True)
class Machine:
    """What a worker may use of the machine it runs on."""

    device: str = "auto"
    models_in_memory: int = 1
    feature_cache: Path | None = None
    """Folder; None keeps nothing on disk."""
    feature_cache_mb: int = 0
    media: MediaLimits = DEFAULT_LIMITS
    """Of reading one clip."""
