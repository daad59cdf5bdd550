"""Where the time of a generator goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields

import torch
from torch import nn

from inference.multimood.model import MultiMoodModel


@dataclass
class Timings:
    """Seconds and counts, added up until `reset`."""

    media: float = 0.0
    """Clips read and prompts put together."""
    vision: float = 0.0
    audio: float = 0.0
    history: float = 0.0
    prefill: float = 0.0
    labels: float = 0.0
    decode: float = 0.0
    prompts: int = 0
    prompt_tokens: int = 0
    answers: int = 0
    new_tokens: int = 0
    synchronize: bool = False
    """On a GPU: wait for it at every border, so that its work counts where it belongs."""

    def reset(self) -> None:
        for field in fields(self):
            if field.name != "synchronize":
                setattr(self, field.name, field.default)

    def as_dict(self) -> dict[str, float]:
        return {name: value for name, value in asdict(self).items() if name != "synchronize"}

    def now(self) -> float:
        if self.synchronize and torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter()

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Without what was measured inside under other names."""
        before, inside = self.now(), self._total()
        try:
            yield
        finally:
            spent = self.now() - before - (self._total() - inside)
            setattr(self, name, getattr(self, name) + spent)

    def _total(self) -> float:
        parts = (self.media, self.vision, self.audio, self.history, self.prefill, self.labels)
        return sum(parts) + self.decode

    def watch(self, model: MultiMoodModel) -> None:
        """Counts the towers, the projectors and the compressor, whoever calls them."""
        parts: list[tuple[str, nn.Module]] = [
            ("vision", model.vision_tower),
            ("vision", model.mm_projector),
            ("audio", model.audio_tower),
            ("audio", model.mm_projector_a),
            ("history", model.mamba_compressor),
        ]
        for name, module in parts:
            self._watch_module(name, module)

    def _watch_module(self, name: str, module: nn.Module) -> None:
        began: list[float] = []

        def before(*_: object) -> None:
            began.append(self.now())

        def after(*_: object) -> None:
            setattr(self, name, getattr(self, name) + self.now() - began.pop())

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after, always_call=True)
