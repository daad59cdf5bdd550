"""Windows of the sound, 16 kHz mono. Runs in the child."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from inference.media.contract import Floats, MediaError, SoundPlan
from inference.media.files import MediaFile, audio_of, only, refuse_encrypted
from inference.media.resampling import Resampler
from inference.media.sampling import (
    SAMPLE_RATE,
    Bounds,
    soundtrack_bounds_as_published,
    window_bounds,
)

WHOLE_SECONDS = 120.0
"""Up to here a sound is decoded from its start, whatever is wanted of it."""
LEAD_SECONDS = 1.0
"""Decoded before a window: coders and the resampler need what was before."""
TAIL_SECONDS = 10.0
SLACK = SAMPLE_RATE // 10
LOUDEST = 2.0


class _LostError(Exception):
    """Seeking did not lead to the window."""


def read_sound(media: MediaFile, plan: SoundPlan) -> list[Floats]:
    with media.open() as container:
        stream = audio_of(container)
        if stream is None:
            return []
        claimed = _claimed_seconds(container, stream)
    most = _seconds_read_whole(plan)
    whole: Floats | None = None
    if claimed is None or claimed <= most:
        whole = _from_start(media, plan, round(most * SAMPLE_RATE) + 1)
        if whole.size <= round(most * SAMPLE_RATE):
            return [whole[a:b] for a, b in _bounds(plan, whole.size)] if whole.size else []
    try:
        bounds = _bounds(plan, _samples(media))
        return list(_windows(media, plan, bounds))
    except (_LostError, FFmpegError):
        return _in_order(media, plan)


def _seconds_read_whole(plan: SoundPlan) -> float:
    covered = plan.window_seconds * plan.max_windows
    return WHOLE_SECONDS if plan.kind == "published" else covered


def _bounds(plan: SoundPlan, samples: int) -> Bounds:
    if plan.kind == "published":
        return [(a, min(b, samples)) for a, b in soundtrack_bounds_as_published(samples)]
    return window_bounds(samples, round(plan.window_seconds * SAMPLE_RATE), plan.max_windows)


def _claimed_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


class _ToModel:
    """Frames of any kind -> 16 kHz mono; the first channel, or all of them mixed."""

    def __init__(self, plan: SoundPlan) -> None:
        self._first_channel = plan.kind == "published"
        # A sum of channels must stay within [-1, 1]; by default only that of whole numbers does.
        self._resampled = Resampler(
            rate=SAMPLE_RATE, layout="mono", format="flt", options={"rematrix_maxval": "1.0"}
        )

    def __call__(self, frame: av.AudioFrame | None) -> Iterator[Floats]:
        if frame is not None:
            frame.pts = None
            if self._first_channel and frame.layout.nb_channels > 1:
                frame = _first_channel_of(frame)
        for piece in self._resampled(frame):
            yield piece.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _first_channel_of(frame: av.AudioFrame) -> av.AudioFrame:
    samples: Any = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    one = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples[:1]), format=frame.format.name, layout="mono"
    )
    one.sample_rate, one.time_base = frame.sample_rate, frame.time_base
    return one


def _from_start(media: MediaFile, plan: SoundPlan, most: int) -> Floats:
    """Up to `most` samples (one 16 kHz second is 16,000)."""
    parts: list[Floats] = []
    samples = 0
    for part in _all_parts(media, plan):
        parts.append(part)
        samples += part.size
        if samples >= most:
            break
    whole = np.concatenate(parts)[:most] if parts else np.zeros(0, np.float32)
    return _tamed(whole)


def _all_parts(media: MediaFile, plan: SoundPlan) -> Iterator[Floats]:
    with media.open() as container:
        stream = audio_of(container)
        assert stream is not None  # noqa: S101
        to_model, heard = _ToModel(plan), False
        for frame in all_frames(container, stream):
            heard = True
            yield from to_model(frame)
        if heard:
            yield from to_model(None)


def all_frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Packets that cannot be decoded are left out; a sound without any that can is an error."""
    only(container, stream)
    failed: FFmpegError | None = None
    decoded = read = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            if not read:
                refuse_encrypted(packet)
            read += 1
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            failed = error
            break
        try:
            for frame in packet.decode():
                decoded += 1
                yield frame
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            failed = error
    if failed is not None and not decoded:
        raise MediaError("none of its sound can be decoded") from failed


def _tamed(sound: Floats) -> Floats:
    """Files may hold any numbers as samples, and coders go a little over 1 where it is loud."""
    return np.clip(np.nan_to_num(sound), -LOUDEST, LOUDEST)


def _samples(media: MediaFile) -> int:
    """Length at 16 kHz by the times of the last packets: headers may lack it or lie."""
    with media.open() as container:
        stream = audio_of(container)
        assert stream is not None  # noqa: S101
        if not stream.time_base:
            raise _LostError
        only(container, stream)
        claimed = _claimed_seconds(container, stream) or 0.0
        start = stream.start_time or 0
        end = None
        if claimed > 2 * TAIL_SECONDS:
            container.seek(
                start + round((claimed - TAIL_SECONDS) / stream.time_base), stream=stream
            )
            end = _last_time(container, stream)
        if end is None:
            container.seek(start, stream=stream)
            end = _last_time(container, stream)
        if end is None:
            raise _LostError
        return round((end - start) * stream.time_base * SAMPLE_RATE)


def _last_time(container: InputContainer, stream: AudioStream) -> int | None:
    end = None
    for packet in container.demux(stream):
        if packet.size and packet.pts is not None:
            end = max(end or 0, packet.pts + (packet.duration or 0))
    return end


def _windows(media: MediaFile, plan: SoundPlan, bounds: Bounds) -> Iterator[Floats]:
    for begin, end in bounds:
        # Anew, since seeking back to the start leaves out what coders put before it.
        with media.open() as container:
            stream = audio_of(container)
            assert stream is not None  # noqa: S101
            only(container, stream)
            yield _tamed(_window(container, stream, plan, begin, end))


def _window(
    container: InputContainer, stream: AudioStream, plan: SoundPlan, begin: int, end: int
) -> Floats:
    """Samples [begin, end) of what decoding everything would give.

    The resampler is started at a sample of the file that falls on one of 16 kHz, so that it takes
    the same values in between."""
    time_base, rate = stream.time_base, stream.codec_context.sample_rate
    if not time_base or not rate:
        raise _LostError
    start = stream.start_time or 0
    lead = begin / SAMPLE_RATE - LEAD_SECONDS
    if lead > 0:
        container.seek(start + round(lead / time_base), stream=stream)
    common = gcd(rate, SAMPLE_RATE)
    to_model, parts, have, skip = _ToModel(plan), [], 0, -1
    for frame in container.decode(stream):
        if skip < 0:
            if frame.pts is None or frame.time_base is None or frame.sample_rate != rate:
                raise _LostError
            at = round((frame.pts * frame.time_base - start * time_base) * rate)
            blocks = -(-max(at, 0) // (rate // common))
            skip = begin - blocks * (SAMPLE_RATE // common)
            if skip < 0:
                raise _LostError
            rest = _without(frame, blocks * (rate // common) - at)
            if rest is None:
                skip = -1
                continue
            frame = rest
        for part in to_model(frame):
            parts.append(part)
            have += part.size
        if have >= skip + end - begin:
            break
    else:
        parts.extend(to_model(None) if skip >= 0 else ())
    window = np.concatenate(parts)[skip : skip + end - begin] if parts else np.zeros(0, np.float32)
    if window.size < end - begin - SLACK:
        raise _LostError
    return window


def _without(frame: av.AudioFrame, count: int) -> av.AudioFrame | None:
    """The frame from its sample `count` on."""
    if count <= 0:
        return frame
    if count >= frame.samples:
        return None
    samples: Any = frame.to_ndarray()
    channels = 1 if frame.format.is_planar else frame.layout.nb_channels
    rest = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples[:, count * channels :]),
        format=frame.format.name,
        layout=frame.layout,
    )
    rest.sample_rate, rest.time_base = frame.sample_rate, frame.time_base
    return rest


def _in_order(media: MediaFile, plan: SoundPlan) -> list[Floats]:
    """The windows of a file in which seeking fails: all of it is decoded, twice, none of it kept
    but the windows."""
    total = sum(part.size for part in _all_parts(media, plan))
    bounds = _bounds(plan, total)
    windows = [np.zeros(b - a, np.float32) for a, b in bounds]
    at = 0
    for part in _all_parts(media, plan):
        for (begin, end), window in zip(bounds, windows, strict=True):
            a, b = max(begin, at), min(end, at + part.size)
            if a < b:
                window[a - begin : b - begin] = part[a - at : b - at]
        at += part.size
    return [_tamed(window) for window in windows]
