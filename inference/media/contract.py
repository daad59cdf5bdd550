"""What reading of media takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

CONVERT = (
    "Replace it by an MP4 with H.264 video and AAC sound, for example: ffmpeg -i FILE "
    "-c:v libx264 -pix_fmt yuv420p -c:a aac -movflags faststart OUT.mp4"
)
PUT_BACK = "Put it back, for example from a backup."
SHORTEN = "Cut it to the part that matters, or make its picture smaller."


class MediaError(Exception):
    """A file that cannot be read; `str` is the reason and the remedy as two sentences."""

    def __init__(self, reason: str, remedy: str = CONVERT) -> None:
        super().__init__(f"{reason[:1].upper()}{reason[1:]}. {remedy}")
        self.reason = reason
        """Plain words that end a sentence such as "The clip cannot be read: ...", no full stop."""
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.remedy)


@dataclass(frozen=True)
class MediaLimits:
    seconds: float = 120.0
    """Of the clock, for one file; the process that reads it is then killed."""
    memory_mb: int = 2048
    """Of address space, for the process that reads."""
    max_pixels: int = 4096 * 4096
    """Of one picture, as stored and as displayed."""
    max_seconds: float = 6 * 3600.0
    max_bytes: int = 8 * 2**30
    """Of the file, and of a copy that is written."""


DEFAULT_LIMITS = MediaLimits()


@dataclass(frozen=True)
class MediaFacts:
    container_format: str
    """`mp4`, `matroska`, `wav`, ...: the format that the content has, whatever the name says."""
    duration_ms: int
    width: int | None
    height: int | None
    """As displayed: after rotation, with square pixels."""
    video_codec: str
    audio_codec: str
    """Empty where there is no such stream."""
    audio_channels: int | None
    audio_rate: int | None
    frames: int
    """Counted where the file is decoded or has an index, otherwise estimated."""
    video_streams: int
    """Without cover pictures."""
    audio_streams: int
    rotation: int
    """Degrees clockwise from the stored to the displayed picture: 0, 90, 180 or 270."""
    pixel_format: str
    """Of the first picture, as FFmpeg names it (`yuv420p`); empty without a picture."""


@dataclass(frozen=True)
class SoundPlan:
    kind: Literal["windows", "published"] = "windows"
    """`published`: the first channel, in the eight cuts of 2 s of the published code."""
    window_seconds: float = 30.0
    max_windows: int = 4
    """A longer sound is heard in so many windows, spread evenly from its start to its end."""


@dataclass(frozen=True)
class ClipMedia:
    frames: Frames | None
    """(F, H, W, 3), as displayed."""
    sound: tuple[Floats, ...]
    """Windows (samples,), 16 kHz, mono, finite; full scale is [-1, 1], which lossy coders may
    exceed a little. None where the clip has no sound."""
    seconds: float
