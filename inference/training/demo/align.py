"""Teaches the connectors, from nothing, to turn a clip into the embedding of its emotion's word.

Published connectors are aligned to their language model with millions of captioned clips. Here the
language model is not even run: what a clip's positions have in common is to point where the model's
own embedding of the right word points (a classification by cosine, as in CLIP, Radford et al.,
arXiv 2103.00020, with seven fixed texts). Fine-tuning then begins with media that it can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from inference.corpora.records import DialogueRecord
from inference.labels import EMOTIONS
from inference.multimood.features import TowerCache
from inference.multimood.model import MultiMoodModel
from inference.multimood.processing import MultiMoodProcessor

LAST_STEPS = 20


@dataclass(frozen=True)
class ClipFeatures:
    """What the towers make of a clip."""

    video: torch.Tensor
    """(F, P, D)"""
    audio: torch.Tensor
    """(tokens, D)"""
    emotion: int


@dataclass(frozen=True)
class Alignment:
    steps: int = 80
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.1
    """Of the towers' features."""
    temperature: float = 0.1


Read = Callable[[Sequence[ClipFeatures], float], list[torch.Tensor]]
"""(clips, dropout) -> for each its embeddings (positions, hidden)"""


def clip_features(
    model: MultiMoodModel, processor: MultiMoodProcessor, dialogues: Iterable[DialogueRecord]
) -> Iterator[ClipFeatures]:
    """Of every labelled clip that has a picture and a sound."""
    towers = TowerCache(model, processor, max_bytes=0)
    for dialogue in dialogues:
        for turn in dialogue.turns:
            if turn.clip_path is None or turn.emotion is None:
                continue
            clip = towers.load(turn.clip_path)
            if clip.video is not None and clip.audio is not None:
                yield ClipFeatures(clip.video, clip.audio, EMOTIONS.index(turn.emotion))


def align_connectors(
    model: MultiMoodModel,
    words: torch.Tensor,
    clips: Sequence[ClipFeatures],
    options: Alignment,
    seed: int,
) -> dict[str, float]:
    """words: (emotions, hidden). Trains both connectors in place; the last steps' mean loss of
    each, and the share of `clips` that it then tells right. All clips must have as many frames."""

    def seen(batch: Sequence[ClipFeatures], dropout: float) -> list[torch.Tensor]:
        features = torch.stack([clip.video for clip in batch])
        return list(model.mm_projector(functional.dropout(features, dropout)))

    def heard(batch: Sequence[ClipFeatures], dropout: float) -> list[torch.Tensor]:
        features = torch.cat([clip.audio for clip in batch])
        tokens: torch.Tensor = model.mm_projector_a(functional.dropout(features, dropout))
        return list(torch.split(tokens, [len(clip.audio) for clip in batch]))

    return {
        "video_loss": _train(model.mm_projector, seen, words, clips, options, seed),
        "video_accuracy": _accuracy(seen, words, clips, options.batch_size),
        "audio_loss": _train(model.mm_projector_a, heard, words, clips, options, seed),
        "audio_accuracy": _accuracy(heard, words, clips, options.batch_size),
    }


def alignment_loss(
    tokens: Sequence[torch.Tensor], words: torch.Tensor, labels: torch.Tensor, temperature: float
) -> torch.Tensor:
    """tokens: (positions, hidden) of each clip. Their mean is to lie along the right word and
    nearer to it than to the others; each is to be as long as a word's embedding."""
    cosines = word_cosines(tokens, words)
    apart = functional.cross_entropy(cosines / temperature, labels)
    along = 1 - cosines.gather(1, labels[:, None]).mean()
    length = torch.cat(list(tokens)).norm(dim=-1) / words.norm(dim=-1).mean()
    loss: torch.Tensor = apart + along + (length - 1).square().mean()
    return loss


def word_cosines(tokens: Sequence[torch.Tensor], words: torch.Tensor) -> torch.Tensor:
    """(clips, words): between the mean of each clip's positions and each word."""
    means = torch.stack([clip.mean(0) for clip in tokens])
    return functional.normalize(means, dim=-1) @ functional.normalize(words, dim=-1).T


def _train(
    connector: nn.Module,
    read: Read,
    words: torch.Tensor,
    clips: Sequence[ClipFeatures],
    options: Alignment,
    seed: int,
) -> float:
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(
        connector.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.steps, pct_start=0.2
    )
    losses: list[float] = []
    for _ in range(options.steps):
        chosen = torch.randint(len(clips), (options.batch_size,)).tolist()
        batch = [clips[i] for i in chosen]
        labels = torch.tensor([clip.emotion for clip in batch])
        tokens = read(batch, options.dropout)
        loss = alignment_loss(tokens, words, labels, options.temperature)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(connector.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return sum(losses[-LAST_STEPS:]) / len(losses[-LAST_STEPS:])


@torch.no_grad()
def _accuracy(
    read: Read, words: torch.Tensor, clips: Sequence[ClipFeatures], batch_size: int
) -> float:
    right = 0
    for start in range(0, len(clips), batch_size):
        batch = clips[start : start + batch_size]
        told = word_cosines(read(batch, 0.0), words).argmax(1)
        right += int((told == torch.tensor([clip.emotion for clip in batch])).sum())
    return right / len(clips)
