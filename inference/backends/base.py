from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inference.contracts import Answer, GenerationOptions, StimulusInput


class Backend(Protocol):
    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        """One answer per stimulus, in order; the seed at the same place governs its sampling."""
        ...
