"""Our way of answering: what the worker calls, with a feature cache of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.generation_parts.sizes import Built
from benchmarks.generation_parts.stopwatch import Stopwatch, watch_towers
from inference.contracts import GenerationOptions, StimulusInput
from inference.multimood.features import FeatureCache, TowerCache
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.processing import ClipTensors

CACHE_BYTES = 2**32


class OurWay:
    def __init__(self, built: Built, folder: Path, *, compiled: bool) -> None:
        self.built, self.folder = built, folder
        self.stopwatch = Stopwatch(built.model.device)
        watch_towers(self.stopwatch, built.model.model)
        self.stopwatch.watch(built.model.model, _stage_of_forward)
        self.generator = MultiMoodGenerator(built.model, built.processor)
        self._load_clip = built.processor.load_clip
        built.processor.load_clip = self._timed_load_clip  # type: ignore[method-assign]
        self._caches = 0
        self.forget()
        if compiled:
            built.model.model.layers.compile(dynamic=True)

    def forget(self) -> None:
        """An empty feature cache, in memory and on disk."""
        self._caches += 1
        disk = FeatureCache(self.folder / str(self._caches), CACHE_BYTES)
        self.generator.clips = TowerCache(self.built.model.model, self.built.processor, disk)

    def answer(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions
    ) -> list[tuple[int, int]]:
        """(prompt positions, new tokens) of each answer."""
        with self.stopwatch.stage("other"):
            answers = self.generator.answer(stimuli, options)
        return [(answer.prompt_tokens, answer.new_tokens) for answer in answers]

    def _timed_load_clip(self, path: Path, as_published: bool = False) -> ClipTensors:
        with self.stopwatch.stage("media"):
            return self._load_clip(path, as_published)


def _stage_of_forward(given: dict[str, Any]) -> str:
    ids = given.get("input_ids")
    return "prefill" if ids is not None and ids.shape[1] > 1 else "decode"
