"""Clips as people have them, written with FFmpeg's own encoders."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

RATE = 48_000
PICTURES_A_SECOND = 10


def write_clip(
    path: Path,
    *,
    video: str = "",
    audio: str = "",
    pixels: str = "yuv420p",
    sounds: int = 1,
    seconds: float = 2.0,
) -> Path:
    """A grey ramp that moves and a quiet tone. The ending of the name chooses the container, the
    names of encoders what it holds; `sounds` is the number of sound tracks."""
    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov", ".m4a") else {}
    with av.open(str(path), "w", options=options) as container:
        pictures = _picture_stream(container, video, pixels) if video else None
        tracks = [
            container.add_stream(audio, rate=RATE, layout="mono")
            for _ in range(sounds if audio else 0)
        ]
        if pictures is not None:
            _draw(container, pictures, seconds)
        for number, track in enumerate(tracks):
            assert isinstance(track, AudioStream)
            _sound(container, track, seconds, pitch=220 * (number + 1))
    return path


def _picture_stream(container: OutputContainer, codec: str, pixels: str) -> VideoStream:
    stream = container.add_stream(codec, rate=PICTURES_A_SECOND)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = 160, 96, pixels
    return stream


def _draw(container: OutputContainer, stream: VideoStream, seconds: float) -> None:
    ramp = np.tile(np.arange(160, dtype=np.uint8), (96, 1))
    for index in range(int(seconds * PICTURES_A_SECOND)):
        grey = np.roll(ramp, 8 * index, axis=1)
        frame = av.VideoFrame.from_ndarray(np.stack([grey] * 3, axis=-1), format="rgb24")
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _sound(container: OutputContainer, stream: AudioStream, seconds: float, pitch: int) -> None:
    time = np.arange(int(seconds * RATE)) / RATE
    tone = (0.1 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)[None]
    frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
    frame.sample_rate = RATE
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
