"""Seconds by stage; a stage within another counts for itself only."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

STAGES = ("media", "vision", "audio", "history", "prefill", "labels", "decode")


class Stopwatch:
    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[tuple[str, float]] = []
        self._inner: list[float] = []

    def start(self, stage: str) -> None:
        self._open.append((stage, self._now()))
        self._inner.append(0.0)

    def stop(self) -> None:
        stage, began = self._open.pop()
        whole = self._now() - began
        self.seconds[stage] += whole - self._inner.pop()
        if self._inner:
            self._inner[-1] += whole

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.start(name)
        try:
            yield
        finally:
            self.stop()

    def watch(self, module: nn.Module, stage_of: Callable[[dict[str, Any]], str]) -> None:
        """Every call of the module is a stage, named after its keyword arguments."""
        module.register_forward_pre_hook(
            lambda _, __, given: self.start(stage_of(given)), with_kwargs=True
        )
        module.register_forward_hook(lambda *_: self.stop())

    def take_stages(self) -> dict[str, float]:
        taken = dict(self.seconds)
        self.seconds.clear()
        return taken

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def watch_towers(stopwatch: Stopwatch, model: Any) -> None:
    """`model` is the backbone."""
    for stage, modules in (
        ("vision", (model.vision_tower, model.mm_projector)),
        ("audio", (model.audio_tower, model.mm_projector_a)),
        ("history", (model.mamba_compressor,)),
    ):
        for module in modules:
            stopwatch.watch(module, partial(_always, stage))


def _always(stage: str, _: dict[str, Any]) -> str:
    return stage
