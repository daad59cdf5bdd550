"""Connectors learn to say an emotion in the language model's own embeddings."""

from __future__ import annotations

import math

import pytest
import torch

from inference.labels import EMOTIONS
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.tiny import tiny_config
from inference.training.demo.align import (
    Alignment,
    ClipFeatures,
    align_connectors,
    alignment_loss,
    word_cosines,
)

WORDS = torch.tensor([[2.0, 0.0], [0.0, 2.0]])


def test_loss_of_hand_made_positions() -> None:
    """Both positions are (1, 0): along the first word, half as long as one."""
    tokens = [torch.tensor([[1.0, 0.0], [1.0, 0.0]])]
    assert word_cosines(tokens, WORDS).tolist() == [[1.0, 0.0]]
    apart = math.log(1 + math.exp(-1 / 0.5))
    loss = alignment_loss(tokens, WORDS, torch.tensor([0]), temperature=0.5)
    assert loss.item() == pytest.approx(apart + 0 + 0.25)
    apart = math.log(1 + math.exp(1 / 0.5))
    loss = alignment_loss(tokens, WORDS, torch.tensor([1]), temperature=0.5)
    assert loss.item() == pytest.approx(apart + 1 + 0.25)


def test_connectors_learn_what_tells_the_clips_apart() -> None:
    torch.manual_seed(0)
    config = tiny_config(vocab_size=300)
    model = MultiMoodForConditionalGeneration(config).model
    video, audio = config.vision_config.hidden_size, config.audio_config.encoder_embed_dim
    clips = [
        ClipFeatures(torch.randn(video).expand(4, 16, -1), torch.randn(audio).expand(6, -1), label)
        for label in range(len(EMOTIONS))
    ]
    words = torch.randn(len(EMOTIONS), config.hidden_size)
    told = align_connectors(model, words, clips, Alignment(steps=25, batch_size=7), seed=1)
    assert told["video_accuracy"] == told["audio_accuracy"] == 1.0
    with torch.no_grad():
        seen = model.mm_projector(torch.stack([clip.video for clip in clips]))
    assert word_cosines(list(seen), words).argmax(1).tolist() == [clip.emotion for clip in clips]
