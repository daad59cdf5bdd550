"""Small films and sounds of many kinds, made with PyAV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.stream import Disposition

CLOCK = Fraction(1, 1000)


@dataclass(frozen=True)
class Video:
    codec: str = "libx264"
    frames: int = 100
    size: tuple[int, int] = (96, 64)
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    rotation: int = 0
    """Counterclockwise, as FFmpeg counts."""
    times: Sequence[int] = ()
    """Of the frames in milliseconds; none: 25 a second."""
    pixel_shape: Fraction | None = None
    chosen: bool | None = None
    """Marked as the default among several."""


@dataclass(frozen=True)
class Audio:
    codec: str = "aac"
    seconds: float = 4.0
    rate: int = 44_100
    layout: str = "mono"
    hertz: Sequence[float] = (440.0,)
    """Of each channel; one for all of them."""
    loudness: float = 0.4
    delay: float = 0.0
    """Seconds from the start of the file to that of the sound."""
    chosen: bool | None = None


def picture(index: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Its number in eight black or white blocks at the top, a moving bar below."""
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(8):
        image[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 255 * (index >> bit & 1)
    at = index * 3 % width
    image[height // 2 :, at : at + 6] = (250, 40, 40)
    return image


def number_of(image: npt.NDArray[np.uint8]) -> int:
    height, width = image.shape[:2]
    blocks = [image[height // 8 : height // 3, int((b + 0.5) * width / 8)] for b in range(8)]
    return sum(int(block.mean() > 128) << b for b, block in enumerate(blocks))


def tone(audio: Audio) -> npt.NDArray[np.float32]:
    """(channels, samples): each channel rises by an octave, so that no two moments are alike."""
    time = np.arange(round(audio.seconds * audio.rate)) / audio.rate
    channels = av.AudioLayout(audio.layout).nb_channels
    hertz = list(audio.hertz) * (channels if len(audio.hertz) == 1 else 1)
    turns = time + time**2 / (2 * audio.seconds)
    return np.stack([audio.loudness * np.sin(2 * np.pi * h * turns) for h in hertz]).astype(
        np.float32
    )


def write(
    path: Path,
    *streams: Video | Audio,
    format: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    with av.open(str(path), "w", format=format, container_options=dict(options or {})) as out:
        added = [_add(out, stream) for stream in streams]
        for stream, kind in zip(added, streams, strict=True):
            frames = _pictures(kind) if isinstance(kind, Video) else _sounds(stream, kind)
            for frame in (*frames, None):
                for packet in stream.encode(frame):
                    out.mux(packet)
    return path


def _add(out: OutputContainer, kind: Video | Audio) -> Any:
    if isinstance(kind, Audio):
        stream: Any = out.add_stream(kind.codec, rate=kind.rate, layout=kind.layout)
    else:
        stream = _add_video(out, kind)
    if kind.chosen is not None:
        stream.disposition = Disposition.default if kind.chosen else Disposition(0)
    return stream


def _add_video(out: OutputContainer, kind: Video) -> Any:
    stream: Any = out.add_stream(kind.codec, rate=25, options=dict(kind.options))
    stream.width, stream.height = kind.size
    stream.pix_fmt = kind.pixels
    stream.codec_context.thread_count = 1
    if kind.times:
        stream.codec_context.time_base = CLOCK
    if kind.pixel_shape:
        stream.codec_context.sample_aspect_ratio = kind.pixel_shape
    if kind.rotation:
        stream.set_display_rotation(kind.rotation)
    return stream


def _pictures(kind: Video) -> list[av.VideoFrame]:
    frames = []
    for index in range(kind.frames):
        frame = av.VideoFrame.from_ndarray(picture(index, kind.size), format="rgb24")
        if kind.times:
            frame.pts, frame.time_base = kind.times[index], CLOCK
        frames.append(frame)
    return frames


def _sounds(stream: Any, kind: Audio) -> list[av.AudioFrame]:
    whole = av.AudioFrame.from_ndarray(tone(kind), format="fltp", layout=kind.layout)
    whole.sample_rate, whole.time_base = kind.rate, Fraction(1, kind.rate)
    whole.pts = round(kind.delay * kind.rate)
    context = stream.codec_context
    size = context.frame_size if context.is_open or context.frame_size else 1024
    resampler = av.AudioResampler(context.format, kind.layout, kind.rate, frame_size=size or 1024)
    return [*resampler.resample(whole), *resampler.resample(None)]


def decoded(path: Path) -> list[npt.NDArray[np.uint8]]:
    """All pictures in the order of showing, by decoding everything."""
    with av.open(str(path)) as container:
        return [
            frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
            for frame in container.decode(video=0)
        ]


def heard(path: Path, layout: str = "mono") -> npt.NDArray[np.float32]:
    """All of the sound at 16 kHz, by decoding everything."""
    resampler = av.AudioResampler("flt", layout, 16_000, options={"rematrix_maxval": "1.0"})
    with av.open(str(path)) as container:
        frames = [piece for f in container.decode(audio=0) for piece in resampler.resample(f)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
