"""Pre-training of small towers from nothing: which emotion does a frame, a piece of sound show?

Published towers come pre-trained; those of multimood-tiny have only this. The classification heads
are thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from inference.labels import EMOTIONS
from inference.multimood.model import MultiMoodModel

SOUND_FRAMES = 320
"""3.2 s, which every clip has; more than that is cut at random."""
SHIFT = 2
"""Pixels that a picture is moved by."""


@dataclass(frozen=True)
class LabelledClip:
    video: torch.Tensor
    """(F, 3, H, W), half precision to save memory."""
    audio: torch.Tensor
    """(T, bins)"""
    emotion: int


@dataclass(frozen=True)
class TowerTraining:
    steps: int = 1500
    batch_size: int = 48
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.3


class VisionHead(nn.Module):
    """(N, patches, width) -> (N, emotions); knows where a patch is, as the connector does."""

    def __init__(self, patches: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.out = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(patches * width, len(EMOTIONS))
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(self.norm(features))
        return logits


class SoundHead(nn.Module):
    """(N, tokens, width) -> (N, emotions)"""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * width, len(EMOTIONS)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pooled = torch.cat([features.mean(1), features.std(1)], dim=1)
        logits: torch.Tensor = self.out(pooled)
        return logits


def pretrain_towers(
    model: MultiMoodModel, clips: Sequence[LabelledClip], options: TowerTraining, seed: int
) -> dict[str, float]:
    """Trains both towers in place and freezes them; share of clips told right at the end."""
    model.train_towers(True)
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    vision_head = VisionHead(patches, config.vision_config.hidden_size, options.dropout)
    sound_head = SoundHead(config.audio_config.encoder_embed_dim, options.dropout)
    vision = lambda frames: vision_head(model.vision_tower(frames))  # noqa: E731
    sound = lambda fbank: sound_head(model.audio_features(fbank))  # noqa: E731
    seen = nn.ModuleList([model.vision_tower, vision_head])
    heard = nn.ModuleList([model.audio_tower, sound_head])
    losses = {
        "vision_loss": _train(seen, vision, clips, frame_batch, options, generator),
        "sound_loss": _train(heard, sound, clips, sound_batch, options, generator),
    }
    model.train_towers(False)
    return losses | tower_accuracy(vision, sound, clips)


Batch = tuple[torch.Tensor, torch.Tensor]
MakeBatch = Callable[[Sequence[LabelledClip], torch.Generator], Batch]


def _train(
    module: nn.Module,
    classify: Callable[[torch.Tensor], torch.Tensor],
    clips: Sequence[LabelledClip],
    make_batch: MakeBatch,
    options: TowerTraining,
    generator: torch.Generator,
) -> float:
    """Mean loss of the last hundred steps."""
    module.train()
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(
        trained, lr=options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.steps, pct_start=0.1
    )
    losses: list[float] = []
    for chosen in _draws(len(clips), options, generator):
        inputs, labels = make_batch([clips[i] for i in chosen], generator)
        loss = functional.cross_entropy(classify(inputs), labels, label_smoothing=0.05)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    module.eval()
    return sum(losses[-100:]) / len(losses[-100:])


def _draws(count: int, options: TowerTraining, generator: torch.Generator) -> Iterator[list[int]]:
    order: list[int] = []
    for _ in range(options.steps):
        while len(order) < options.batch_size:
            order.extend(torch.randperm(count, generator=generator).tolist())
        yield order[: options.batch_size]
        del order[: options.batch_size]


def frame_batch(clips: Sequence[LabelledClip], generator: torch.Generator) -> Batch:
    """One frame of each clip: moved, perhaps mirrored, and in another light."""
    count = len(clips)
    which = _integers(clips[0].video.shape[0], count, generator)
    frames = torch.stack([clip.video[i].float() for clip, i in zip(clips, which, strict=True)])
    mirrored = torch.rand(count, generator=generator) < 0.5
    frames[mirrored] = frames[mirrored].flip(-1)
    padded = functional.pad(frames, (SHIFT,) * 4, mode="replicate")
    size = frames.shape[-1]
    moved = [
        picture[:, y : y + size, x : x + size]
        for picture, y, x in zip(
            padded,
            _integers(2 * SHIFT + 1, count, generator),
            _integers(2 * SHIFT + 1, count, generator),
            strict=True,
        )
    ]
    light = 1 + 0.2 * torch.randn(count, 1, 1, 1, generator=generator)
    tint = 0.1 * torch.randn(count, 3, 1, 1, generator=generator)
    return (torch.stack(moved) * light + tint).clamp(-1, 1), _labels(clips)


def sound_batch(clips: Sequence[LabelledClip], generator: torch.Generator) -> Batch:
    """A piece of each clip's sound, a little louder or softer."""
    pieces = []
    for clip in clips:
        spare = max(clip.audio.shape[0] - SOUND_FRAMES, 0)
        start = _integers(spare + 1, 1, generator)[0]
        pieces.append(_fitted(clip.audio[start : start + SOUND_FRAMES].float()))
    louder = 0.7 * torch.randn(len(clips), 1, 1, generator=generator)
    return torch.stack(pieces) + louder, _labels(clips)


def _fitted(fbank: torch.Tensor) -> torch.Tensor:
    missing = SOUND_FRAMES - fbank.shape[0]
    return functional.pad(fbank, (0, 0, 0, missing), value=float(fbank.min())) if missing else fbank


def _integers(below: int, count: int, generator: torch.Generator) -> list[int]:
    drawn: list[int] = torch.randint(below, (count,), generator=generator).tolist()
    return drawn


def _labels(clips: Sequence[LabelledClip]) -> torch.Tensor:
    return torch.tensor([clip.emotion for clip in clips])


@torch.no_grad()
def tower_accuracy(
    vision: Callable[[torch.Tensor], torch.Tensor],
    sound: Callable[[torch.Tensor], torch.Tensor],
    clips: Sequence[LabelledClip],
) -> dict[str, float]:
    seen = [int(vision(clip.video.float()).mean(0).argmax()) == clip.emotion for clip in clips]
    heard = [
        int(sound(_fitted(clip.audio.float())[None]).argmax()) == clip.emotion for clip in clips
    ]
    return {
        "vision_accuracy": sum(seen) / len(clips),
        "sound_accuracy": sum(heard) / len(clips),
    }
