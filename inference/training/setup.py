"""What every method of training is given, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from inference.multimood.features import TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import LoadClip, MultiMoodProcessor
from inference.training.config import TrainingConfig
from inference.training.progress import Progress, StopRequest
from inference.training.trainable import set_trainable


@dataclass(frozen=True)
class Setup:
    config: TrainingConfig
    model: MultiMoodForConditionalGeneration
    """The base, with what a run without LoRA trains set trainable (`trainable.py`); on the CPU."""
    processor: MultiMoodProcessor
    load_clip: LoadClip
    """Through the towers once a clip; bound to `model`."""
    progress: Progress
    stop: StopRequest
    checkpoint: Path | None
    """The complete checkpoint to go on from."""

    @classmethod
    def load(
        cls, config: TrainingConfig, progress: Progress, stop: StopRequest, checkpoint: Path | None
    ) -> Setup:
        progress.stage("loading")
        processor = MultiMoodProcessor.from_pretrained(config.base, config.prompt)
        model = MultiMoodForConditionalGeneration.from_pretrained(config.base, dtype=torch.float32)
        set_trainable(model, config)
        load = TowerCache(model.model, processor, max_bytes=FEATURE_BYTES).load
        return cls(config, model, processor, load, progress, stop, checkpoint)


FEATURE_BYTES = 8 * 2**30
"""The towers are frozen, so a clip goes through them once a run as long as this holds."""


@dataclass(frozen=True)
class Outcome:
    step: int
    """Optimiser steps done."""
    stopped: bool
    """Asked to stop before the end; a checkpoint is written."""
    save: Callable[[Path], None]
    """Writes the trained model in the published layout into an empty folder, adapters merged.
    Every process calls it (sharded weights are gathered); the first writes."""
    values: Mapping[str, float] = field(default_factory=dict)
    """What the finished model was measured at."""


Train = Callable[[Setup], Outcome]
