"""Frames of a clip brought to the size of the vision tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inference.errors import ClipError
from inference.media import Floats, Frames

PAD_GREY = 127
"""The mean 0.5 of SigLIP's normalisation as a grey level."""


class UnreadableClipError(ClipError):
    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(path, f"The clip {path} cannot be read: {reason}. {remedy}")


def preprocess_frames(frames: Frames, size: int, aspect_ratio: str | None) -> Floats:
    """(F, H, W, 3) -> (F, 3, size, size) in [-1, 1]; "pad" keeps proportions, None stretches."""
    return np.stack([_preprocess(frame, size, aspect_ratio) for frame in frames])


def _preprocess(frame: Frames, size: int, aspect_ratio: str | None) -> Floats:
    image = Image.fromarray(frame)
    if aspect_ratio == "pad":
        side = max(image.size)
        square = Image.new("RGB", (side, side), (PAD_GREY,) * 3)
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    resized = image.resize((size, size), Image.Resampling.BICUBIC)
    scaled = np.asarray(resized, dtype=np.float32) / np.float32(255)
    return ((scaled - np.float32(0.5)) / np.float32(0.5)).transpose(2, 0, 1)
