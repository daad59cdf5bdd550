"""What the published inference code does to its inputs, where that changes answers.

docs/as_published.md has the table: what is repeated here, what is not, and why.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from inference.media import SAMPLE_RATE, Frames
from inference.multimood.audio import audio_token_count
from inference.multimood.config import BeatsConfig
from inference.multimood.fbank import kaldi_fbank

SOUNDTRACK_SECONDS = 30
MOST_FRAMES = 32
PROMPT_LIMIT = 4096
"""Ids that are kept, the last ones, before media are merged."""


def soundtrack_fbank(cuts: Sequence[torch.Tensor], bins: int) -> torch.Tensor:
    """Eight cuts (samples,) -> (2998, bins), rounded to bfloat16: joined, then zeros up to 30 s,
    which are attended like sound."""
    length = SOUNDTRACK_SECONDS * SAMPLE_RATE
    joined = torch.cat(list(cuts))[:length]
    padded = torch.nn.functional.pad(joined, (0, length - joined.shape[0]))
    return kaldi_fbank(padded, bins).bfloat16().float()


def half_rounded(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.half().float()


def filled_with_black(frames: Sequence[Frames], wanted: int) -> list[Frames]:
    """Missing frames are black ones whose width and height are swapped."""
    shown = list(frames)
    while len(shown) < wanted:
        shown.append(np.zeros_like(shown[-1].transpose(1, 0, 2)))
    return shown[:MOST_FRAMES]


def token_padding(config: BeatsConfig, frame_padding: torch.Tensor) -> torch.Tensor:
    """(A, T) 1 = padding -> (A, tokens) bool: token i is judged by frames i*g to i*g+g-1,
    g = T // tokens, and not by the frames of its patch."""
    frames = frame_padding.shape[1]
    tokens = audio_token_count(config, frames)
    group = frames // tokens
    used = frame_padding.bool()[:, : tokens * group]
    return used.reshape(-1, tokens, group).all(-1)
