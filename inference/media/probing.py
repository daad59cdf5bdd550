"""Facts about a file. Runs in the child."""

from __future__ import annotations

from dataclasses import replace

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from inference.media.contract import SHORTEN, MediaError, MediaFacts, MediaLimits
from inference.media.files import MediaFile, audio_of, refuse_encrypted, video_of, videos
from inference.media.pictures import Orientation, square_size

CUT_SHORT = "Copy it again: a part of it is missing or damaged."


def probe_file(media: MediaFile, *, decode: bool) -> MediaFacts:
    with media.open() as container:
        video, audio = video_of(container, media.limits), audio_of(container)
        if video is None and audio is None:
            raise MediaError("it holds neither a picture nor sound")
        facts = MediaFacts(
            container_format=media.format(),
            duration_ms=round(claimed_seconds(container, media.limits) * 1000),
            width=None,
            height=None,
            video_codec=codec_name(video),
            audio_codec=codec_name(audio),
            audio_channels=audio.codec_context.channels if audio else None,
            audio_rate=audio.codec_context.sample_rate if audio else None,
            frames=_claimed_frames(container, video),
            video_streams=len(videos(container)),
            audio_streams=len(container.streams.audio),
            rotation=0,
            pixel_format="",
        )
        if video is not None:
            facts = _with_first_picture(facts, container, video)
        elif (first := next(container.demux(audio), None)) is not None:
            refuse_encrypted(first)
    return _decoded(media, facts) if decode else facts


def codec_name(stream: VideoStream | AudioStream | None) -> str:
    """That of the format, not of the library that decodes it."""
    return stream.codec_context.codec.canonical_name if stream is not None else ""


def claimed_seconds(container: InputContainer, limits: MediaLimits) -> float:
    times = [
        float(stream.duration * stream.time_base)
        for stream in (*videos(container), *container.streams.audio)
        if stream.duration and stream.time_base
    ]
    if container.duration:
        times.append(container.duration / av.time_base)
    seconds = max(times, default=0.0)
    refuse_longer(seconds, limits)
    return max(seconds, 0.0)


def refuse_longer(seconds: float, limits: MediaLimits) -> None:
    if seconds > limits.max_seconds:
        raise MediaError(f"it is longer than {_length(limits.max_seconds)}", SHORTEN)


def _length(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds < 3600 else f"{seconds / 3600:g} hours"


def _claimed_frames(container: InputContainer, video: VideoStream | None) -> int:
    if video is None:
        return 0
    if video.frames:
        return video.frames
    seconds = (container.duration or 0) / av.time_base
    return max(round(seconds * float(video.average_rate or 0)), 1)


def _with_first_picture(
    facts: MediaFacts, container: InputContainer, video: VideoStream
) -> MediaFacts:
    for packet in container.demux(video):
        refuse_encrypted(packet)
        for frame in packet.decode():
            orientation = Orientation(frame)
            width, height = square_size(frame, video.sample_aspect_ratio)
            if orientation.swaps:
                width, height = height, width
            return replace(
                facts,
                width=width,
                height=height,
                rotation=orientation.degrees,
                pixel_format=frame.format.name,
            )
    raise MediaError("none of its pictures can be decoded", CUT_SHORT)


def _decoded(media: MediaFile, facts: MediaFacts) -> MediaFacts:
    """Decodes the whole file: a header alone does not show that the rest is there."""
    with media.open() as container:
        video, audio = video_of(container, media.limits), audio_of(container)
        wanted = [stream for stream in (video, audio) if stream is not None]
        end, pictures, hidden, sounds = 0.0, 0, 0, 0
        start = (container.start_time or 0) / av.time_base
        try:
            for packet in container.demux(wanted):
                refuse_encrypted(packet)
                if packet.is_corrupt:
                    raise MediaError("it is cut short or damaged", CUT_SHORT)
                hidden += packet.is_discard and packet.stream is video
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        pictures += 1
                        length = float((frame.duration or 0) * (frame.time_base or 0))
                    elif isinstance(frame, av.AudioFrame):
                        sounds += 1
                        length = frame.samples / (frame.sample_rate or 1)
                    else:
                        continue
                    end = max(end, (frame.time or 0.0) - start + length)
                    refuse_longer(end, media.limits)
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            raise MediaError(
                f"it is damaged and cannot be decoded to its end ({error.strerror})", CUT_SHORT
            ) from error
        if (video is not None and not pictures) or (audio is not None and not sounds):
            raise MediaError("a part of it holds nothing that can be decoded", CUT_SHORT)
        # Other headers estimate the number.
        counted = video is not None and facts.container_format == "mp4"
        if video is not None and counted and pictures + hidden < video.frames:
            raise MediaError(
                f"it is cut short: {pictures} of {video.frames} pictures are there", CUT_SHORT
            )
    return replace(facts, duration_ms=round(end * 1000), frames=pictures)
