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
        """`options.samples` answers per stimulus, stimulus by stimulus; the seed at the same place
        governs an answer's sampling. A stimulus whose clips cannot be read gets answers with an
        error, and the others are answered."""
        ...
