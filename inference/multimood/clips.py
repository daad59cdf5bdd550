"""Reading a clip: sampled frames and the sound of an MP4, as arrays."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from PIL import Image

from inference.errors import ClipError
from inference.multimood.fbank import SAMPLE_RATE

Frames = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
PAD_GREY = 127
"""The mean 0.5 of SigLIP's normalisation as a grey level."""


PUT_BACK = "Put it back, for example from a backup."
CONVERT = (
    "Replace it by an MP4 with H.264 video and AAC sound (for example: ffmpeg -i FILE "
    "-c:v libx264 -pix_fmt yuv420p -c:a aac OUT.mp4), or take the clip from its turn."
)


class UnreadableClipError(ClipError):
    def __init__(self, path: Path, reason: str, remedy: str = CONVERT) -> None:
        super().__init__(path, f"The clip {path} cannot be read: {reason}. {remedy}")


def read_clip(
    path: Path, num_frames: int, max_seconds: float = 30.0
) -> tuple[Frames | None, Floats | None]:
    """Frames (num_frames, H, W, 3) spread over the clip, and its first seconds of sound (samples,)
    in [-1, 1], 16 kHz, mono. None for a stream that the clip has not."""
    if not path.is_file():
        raise UnreadableClipError(path, "there is no such file", PUT_BACK)
    try:
        frames = _read_frames(path, num_frames)
        sound = _read_sound(path, max_seconds)
    except FFmpegError as error:
        raise UnreadableClipError(path, str(error)) from error
    if frames is None and sound is None:
        raise UnreadableClipError(path, "it holds neither a picture nor sound")
    return frames, sound


def _read_frames(path: Path, wanted: int) -> Frames | None:
    with av.open(str(path)) as container:
        if not container.streams.video:
            return None
        # Packets are counted, since the count in a header may be missing or wrong.
        packets = sum(1 for packet in container.demux(video=0) if packet.size)
    if not packets:
        return None
    indices = frame_indices(packets, wanted)
    kept: dict[int, Frames] = {}
    last: Frames | None = None
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i in indices or i == packets - 1:
                last = _pixels(frame)
                kept[i] = last
            if i >= indices[-1]:
                break
    if last is None:
        return None
    # A damaged end gives fewer frames than packets: the last sampled one stands in.
    return np.stack([kept.get(i, last) for i in indices])


def _read_sound(path: Path, max_seconds: float) -> Floats | None:
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    limit = int(max_seconds * SAMPLE_RATE)
    parts: list[Floats] = []
    samples = 0
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                parts.append(_samples(piece))
                samples += parts[-1].shape[0]
            if samples >= limit:
                break
        else:
            parts.extend(map(_samples, resampler.resample(None)))
    return np.concatenate(parts)[:limit] if parts else None


def _pixels(frame: av.VideoFrame) -> Frames:
    return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _samples(piece: av.AudioFrame) -> Floats:
    return piece.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def frame_indices(count: int, wanted: int) -> list[int]:
    """The middle of each of `wanted` equal parts of the span from the first frame to the last."""
    part = (count - 1) / wanted
    return [round(part * i + part / 2 + 1e-6) for i in range(wanted)]


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
