from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from inference.backends.base import Machine
from inference.backends.kept import KeptModels
from inference.backends.memory import (
    ModelDoesNotFitError,
    available_bytes,
    free_memory,
    is_out_of_memory,
    needed_bytes,
)
from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.multimood.features import FeatureCache
from inference.multimood.generation import MultiMoodGenerator

MIB = 2**20


@dataclass(frozen=True)
class Checkpoint:
    folder: Path
    weights_sha256: str
    prompt: str = ""
    """TOML; none: the folder's own."""
    device: str = "auto"


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


KEPT: KeptModels[Checkpoint, MultiMoodBackend] = KeptModels()


def load_multimood(
    checkpoint: Checkpoint,
    machine: Machine | None = None,
    verify: Callable[[], None] | None = None,
) -> MultiMoodBackend:
    """`verify` raises where the weights are not the registered ones. It is asked once the model is
    known to fit, since it may have to read all of them, and also for one that is still loaded."""
    machine = machine or Machine()
    device = chosen_device(checkpoint.device)
    needed = needed_bytes(checkpoint.folder, dtype_on(device))

    def load() -> MultiMoodBackend:
        place, free = scarcest(device)
        if needed > free:
            raise ModelDoesNotFitError(checkpoint.folder, needed, free, place)
        if verify is not None:
            verify()
        try:
            return MultiMoodBackend(_generator(checkpoint, device, machine))
        except (RuntimeError, MemoryError, OSError) as error:
            if not is_out_of_memory(error):
                raise
        free_memory()  # here no traceback holds what was half loaded
        place, free = scarcest(device)
        raise ModelDoesNotFitError(checkpoint.folder, needed, free, place)

    backend = KEPT.get(
        checkpoint, machine.models_in_memory, lambda: needed <= scarcest(device)[1], load
    )
    if verify is not None:
        verify()
    return backend


def unload_multimood() -> None:
    KEPT.drop_all()


def chosen_device(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def scarcest(device: str) -> tuple[str, int]:
    """Where the least memory is free, and how much: weights reach a GPU through the machine's."""
    places = dict.fromkeys(("cpu", device))
    return min(((place, available_bytes(place)) for place in places), key=lambda pair: pair[1])


def dtype_on(device: str) -> torch.dtype:
    return torch.bfloat16 if device.startswith("cuda") else torch.float32


def _generator(checkpoint: Checkpoint, device: str, machine: Machine) -> MultiMoodGenerator:
    features = None
    if machine.feature_cache is not None and machine.feature_cache_mb:
        features = FeatureCache(machine.feature_cache, machine.feature_cache_mb * MIB)
    generator = MultiMoodGenerator.load(
        checkpoint.folder, device, features=features, prompt=checkpoint.prompt
    )
    generator.processor.media_limits = machine.media
    return generator
