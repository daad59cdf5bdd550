"""Our way of answering: what the worker calls, with a feature cache of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.generation_parts.sizes import Built
from benchmarks.generation_parts.stopwatch import STAGES
from inference.contracts import GenerationOptions, StimulusInput
from inference.multimood.features import FeatureCache, TowerCache
from inference.multimood.generation import MultiMoodGenerator

CACHE_BYTES = 2**32


class OurWay:
    def __init__(self, built: Built, folder: Path, *, compiled: bool) -> None:
        self.built, self.folder = built, folder
        self.generator = MultiMoodGenerator(built.model, built.processor, compiled=compiled)
        self.generator.timings.synchronize = True
        self._caches = 0
        self.forget()

    def forget(self) -> None:
        """An empty feature cache, in memory and on disk."""
        self._caches += 1
        disk = FeatureCache(self.folder / str(self._caches), CACHE_BYTES)
        self.generator.clips = TowerCache(self.built.model.model, self.built.processor, disk)

    def answer(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions
    ) -> list[tuple[int, int]]:
        """(prompt positions, new tokens) of each answer."""
        answers = self.generator.answer(stimuli, options)
        for answer in answers:
            if answer.error:
                raise RuntimeError(answer.error)
        return [(answer.prompt_tokens, answer.new_tokens) for answer in answers]

    def take_stages(self) -> dict[str, float]:
        timings = self.generator.timings.as_dict()
        self.generator.timings.reset()
        return {stage: timings.get(stage, 0.0) for stage in STAGES}
