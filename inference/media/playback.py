"""A copy that every browser plays. Runs in the child."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any, NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.stream import VideoStream

from inference.media import pictures, sound
from inference.media.contract import MediaError, MediaFacts, MediaLimits
from inference.media.files import THREADS, MediaFile, audio_of, video_of
from inference.media.pictures import Orientation, square_size
from inference.media.probing import claimed_seconds, probe_file, refuse_longer
from inference.media.resampling import Resampler

LONG_SIDE, SHORT_SIDE = 1920, 1080
# Without b-frames, since the length of an MP4 is counted in times of decoding, which lag behind.
VIDEO_OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0"}
KEYFRAME_SECONDS = 2
MOST_A_SECOND = 60
CLOCK = Fraction(1, 90_000)
AUDIO_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
AUDIO_FRAME = 1024
# Gaps are filled with silence, so that lips and voice stay together.
AUDIO_OPTIONS = {"async": "1", "first_pts": "0", "rematrix_maxval": "1.0"}


class Timed(NamedTuple):
    seconds: Fraction
    order: int
    packet: Packet[Any]


def write_playback(media: MediaFile, out: int) -> MediaFacts:
    with media.open() as for_video, media.open() as for_audio:
        claimed_seconds(for_video, media.limits)
        video, audio = video_of(for_video, media.limits), audio_of(for_audio)
        if video is None and audio is None:
            raise MediaError("it holds neither a picture nor sound")
        start = Fraction(for_video.start_time or 0, av.time_base)
        # By its name, since FFmpeg opens it once more to move the index to the front.
        with av.open(
            f"/proc/self/fd/{out}",
            mode="w",
            format="mp4" if video else "ipod",
            container_options={"movflags": "faststart"},
        ) as copy:
            streams: list[Iterator[Timed]] = []
            if video is not None:
                streams.append(_video(copy, for_video, video, start, media.limits))
            if audio is not None:
                streams.append(_audio(copy, for_audio, audio, start, media.limits))
            # The first packets, so that each stream is there before anything is written.
            firsts = [first for first in (next(s, None) for s in streams) if first is not None]
            for _, _, packet in heapq.merge(sorted(firsts, key=_when), *streams, key=_when):
                copy.mux(packet)
    return probe_file(MediaFile(out, os.fstat(out).st_size, media.limits), decode=False)


def _when(timed: Timed) -> tuple[Fraction, int]:
    return timed[:2]


def _timed(packets: Sequence[Packet[Any]], order: int) -> list[Timed]:
    return [Timed((p.dts or 0) * p.time_base, order, p) for p in packets]


def _video(
    copy: OutputContainer,
    container: InputContainer,
    stream: VideoStream,
    start: Fraction,
    limits: MediaLimits,
) -> Iterator[Timed]:
    frames = pictures.all_frames(container, stream)
    first = next(frames, None)
    if first is None:
        raise MediaError("none of its pictures can be decoded")
    rate = min(stream.average_rate or Fraction(25), Fraction(MOST_A_SECOND))
    options = VIDEO_OPTIONS | {"g": str(max(round(rate * KEYFRAME_SECONDS), 1))}
    out = copy.add_stream("libx264", rate=rate, options=options)
    out.width, out.height = _fitted(first, stream)
    out.pix_fmt = "yuv420p"
    out.codec_context.time_base = CLOCK
    upright = _Upright(out.width, out.height)
    last = Fraction(-1)
    for frame in chain([first], frames):
        at = last + 1 / rate if frame.pts is None else frame.pts * (stream.time_base or 0) - start
        refuse_longer(float(at), limits)
        if at - last < Fraction(1, 2 * MOST_A_SECOND):
            continue
        last = at
        picture = upright(frame)
        picture.pts, picture.time_base = round(at / CLOCK), CLOCK
        picture.pict_type = 0
        yield from _timed(out.encode(picture), 0)
    yield from _timed(out.encode(None), 0)


def _fitted(frame: av.VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Even (W, H) of the copy: as displayed, within 1080p lying or standing."""
    width, height = square_size(frame, stream.sample_aspect_ratio)
    if Orientation(frame).swaps:
        width, height = height, width
    scale = min(
        1.0, LONG_SIDE / max(width, height), SHORT_SIDE / min(width, height)
    )  # fmt: skip
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


class _Upright:
    """Scales and turns frames, whose size and kind may change within a film."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        orientation = Orientation(frame)
        kind = (frame.width, frame.height, frame.format.name, orientation.filters())
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._made(frame, orientation), kind
        frame.pts, frame.time_base = 0, CLOCK
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _made(self, frame: av.VideoFrame, orientation: Orientation) -> Graph:
        width, height = reversed(self._size) if orientation.swaps else self._size
        graph = Graph()
        graph.threads = THREADS
        nodes = [
            graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=CLOCK
            ),
            graph.add("scale", f"{width}:{height}:flags=bicubic"),
            graph.add("setsar", "1"),
            graph.add("format", "yuv420p"),
            *(graph.add(name, arguments) for name, arguments in orientation.filters()),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph


def _audio(
    copy: OutputContainer,
    container: InputContainer,
    stream: AudioStream,
    start: Fraction,
    limits: MediaLimits,
) -> Iterator[Timed]:
    source = stream.codec_context
    rate = next((r for r in AUDIO_RATES if r >= source.sample_rate), AUDIO_RATES[-1])
    layout = "mono" if source.layout.nb_channels == 1 else "stereo"
    out = copy.add_stream("aac", rate=rate, layout=layout)
    # By way of whole numbers: the encoder never ends on some that only floats can be.
    whole = Resampler(rate=rate, layout=layout, format="s16", options=AUDIO_OPTIONS)
    for_encoder = Resampler(rate=rate, layout=layout, format="fltp", frame_size=AUDIO_FRAME)
    for frame in chain(sound.all_frames(container, stream), [None]):
        if frame is not None and frame.pts is not None and frame.time_base:
            frame.pts -= round(start / frame.time_base)
        for samples in chain(whole(frame), [] if frame else [None]):
            for piece in for_encoder(samples):
                refuse_longer(piece.time or 0.0, limits)
                yield from _timed(out.encode(piece), 1)
    yield from _timed(out.encode(None), 1)
