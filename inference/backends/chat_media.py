"""Clips as parts of a chat message: pictures as JPEG, sound as WAV of 16 kHz, one channel."""

from __future__ import annotations

import base64
import hashlib
import io
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inference.contracts import Modality
from inference.endpoints import Endpoint, Message
from inference.media import (
    SAMPLE_RATE,
    ClipMedia,
    Floats,
    Frames,
    MediaError,
    MediaLimits,
    SoundPlan,
    read_clip,
)
from inference.multimood.clips import UnreadableClipError

LONGEST_SIDE = 768
"""Pixels of a picture; larger ones are made smaller."""
JPEG_QUALITY = 85
SOUND = SoundPlan()
GAP_SECONDS = 0.5
"""By which windows may fall short of a sound's length and still be all of it."""

Part = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    frames: bool
    sound: bool

    @classmethod
    def of(cls, modality: Modality, endpoint: Endpoint) -> Wanted:
        return cls(
            frames=modality in ("av", "v") and "frames" in endpoint.takes,
            sound=modality in ("av", "a") and "audio" in endpoint.takes,
        )


@dataclass(frozen=True)
class ShownClip:
    parts: tuple[Part, ...]
    has_frames: bool
    not_shown: tuple[str, ...]
    """In words, about "it"."""


def show_clip(path: Path, wanted: Wanted, frames: int, limits: MediaLimits) -> ShownClip:
    """Raises UnreadableClipError."""
    try:
        media = read_clip(path, num_frames=max(frames, 1), sound=SOUND, limits=limits)
    except MediaError as error:
        raise UnreadableClipError(path, error.reason, error.remedy) from error
    parts: list[Part] = []
    missing: list[str] = []
    if wanted.frames and media.frames is None:
        missing.append("it has no picture")
    elif wanted.frames and media.frames is not None:
        told = f"Pictures of the client in their order, from a recording of {media.seconds:.0f} s:"
        parts += [text_part(told), *map(picture_part, media.frames)]
    if wanted.sound and not media.sound:
        missing.append("it has no sound")
    elif wanted.sound:
        parts += _sound_parts(media, missing)
    return ShownClip(tuple(parts), wanted.frames and media.frames is not None, tuple(missing))


def text_part(text: str) -> Part:
    return {"type": "text", "text": text}


def picture_part(frame: Frames) -> Part:
    """(H, W, 3)"""
    image = Image.fromarray(frame)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def sound_part(sound: Floats) -> Part:
    """(samples,) of 16 kHz, full scale [-1, 1]"""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())
    data = base64.b64encode(buffer.getvalue()).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def prompt_record(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """For keeping: bytes of media are replaced by {"sha256", "kind", "bytes"}."""
    return [{**message, "content": _recorded(message["content"])} for message in messages]


def _sound_parts(media: ClipMedia, missing: list[str]) -> list[Part]:
    heard = sum(window.size for window in media.sound) / SAMPLE_RATE
    if heard >= media.seconds - GAP_SECONDS:
        return [text_part("The client's voice:"), sound_part(np.concatenate(media.sound))]
    count = len(media.sound)
    missing.append(f"of its {media.seconds:.0f} s of sound, {heard:.0f} s in {count} parts")
    told = f"The client's voice, {count} parts of the recording in their order:"
    return [text_part(told), *map(sound_part, media.sound)]


def _recorded(content: Any) -> Any:
    return content if isinstance(content, str) else [_recorded_part(part) for part in content]


def _recorded_part(part: Part) -> Part:
    if part["type"] == "input_audio":
        sound = part["input_audio"]
        return {"type": "input_audio", "input_audio": _digest(sound["data"], "audio/wav")}
    if part["type"] == "image_url" and part["image_url"]["url"].startswith("data:"):
        head, _, data = part["image_url"]["url"].partition(";base64,")
        return {"type": "image_url", "image_url": _digest(data, head.removeprefix("data:"))}
    return part


def _digest(data: str, kind: str) -> dict[str, Any]:
    media = base64.b64decode(data)
    return {"sha256": hashlib.sha256(media).hexdigest(), "kind": kind, "bytes": len(media)}
