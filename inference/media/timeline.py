"""Where in a file each frame lies, without decoding. Runs in the child.

Packets lie in decoding order and frames are shown in the order of their times (pts). A keyframe
can be decoded by itself, and so can what follows it in both orders; frames that follow it in the
file but are shown before it (of an open group of pictures) need the keyframe before.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Protocol

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from inference.media.files import only, refuse_encrypted

SEEKABLE = ("mp4", "matroska")
"""Containers whose packets hold whole frames with exact times."""
WORTH_AN_INDEX = 16 << 20
"""Below so many bytes it is quicker to step over all packets than to use the index."""
VP8_SHOWN = 0x10


class NoTimelineError(Exception):
    """Frames of this file are found by decoding only."""


@dataclass(frozen=True)
class Target:
    index: int
    pts: int
    key: int
    """Number of the packet, in the order of the file, at which decoding has to begin."""


class Timeline(Protocol):
    count: int

    def target(self, index: int) -> Target: ...

    def seek_time(self, key: int) -> int: ...

    def number(self, packet: Packet[VideoStream]) -> int | None: ...


def timeline_of(container: InputContainer, stream: VideoStream, kind: str, size: int) -> Timeline:
    """Leaves the container at an undefined place."""
    if kind not in SEEKABLE:
        raise NoTimelineError
    only(container, stream)
    if kind == "mp4" and size >= WORTH_AN_INDEX:
        index = IndexTimeline(container, stream)
        if index.complete:
            return index
    return PacketTimeline(container, stream)


class PacketTimeline:
    """From the times of all packets."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        times: list[int] = []
        shown: list[int] = []
        keys: list[int] = []
        for packet in container.demux(stream):
            if not packet.size:
                continue
            if packet.pts is None:
                raise NoTimelineError
            if not times:
                refuse_encrypted(packet)
            if packet.is_keyframe:
                keys.append(len(times))
            times.append(packet.pts)
            if not packet.is_discard and _shown(packet):
                shown.append(packet.pts)
        self._shown = sorted(shown)
        self._numbers = {time: number for number, time in enumerate(times)}
        if not keys or keys[0] or len(self._numbers) < len(times):
            raise NoTimelineError
        self._times, self._keys = times, keys
        self.count = len(shown)

    def target(self, index: int) -> Target:
        pts = self._shown[index]
        before = bisect_right(self._keys, self._numbers[pts])
        key = next((k for k in reversed(self._keys[:before]) if self._times[k] <= pts), 0)
        return Target(index, pts, key)

    def seek_time(self, key: int) -> int:
        return self._times[key]

    def number(self, packet: Packet[VideoStream]) -> int | None:
        return None if packet.pts is None else self._numbers.get(packet.pts)


class IndexTimeline:
    """From the sample table of an MP4: only the groups of pictures that are asked for are read.

    The table has decoding times only; the times of showing come from the packets of a group."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        entries = list(stream.index_entries)
        self._container, self._stream = container, stream
        self._times = [entry.timestamp for entry in entries]
        # FFmpeg seeks by times of showing, which lag behind those of decoding by so much.
        self._lag = max((stream.start_time or 0) - self._times[0], 0) if entries else 0
        self._keys = [number for number, entry in enumerate(entries) if entry.is_keyframe]
        self._numbers = {entry.pos: number for number, entry in enumerate(entries)}
        self.count = len(entries)
        # Fragments are indexed as they are read, and an edit list hides samples.
        self.complete = (
            self.count == stream.frames == len(self._numbers)
            and bool(self._keys)
            and self._keys[0] == 0
            and not any(entry.is_discard for entry in entries)
        )

    def target(self, index: int) -> Target:
        keys = self._keys[: bisect_right(self._keys, index)]
        pts, key_pts = self._times_of(index, keys[-1])
        if pts < key_pts and len(keys) > 1:
            return Target(index, pts, keys[-2])
        return Target(index, pts, keys[-1])

    def seek_time(self, key: int) -> int:
        return self._times[key] + self._lag

    def number(self, packet: Packet[VideoStream]) -> int | None:
        return None if packet.pos is None else self._numbers.get(packet.pos)

    def _times_of(self, index: int, key: int) -> tuple[int, int]:
        """When frame `index` and the keyframe at packet `key` are shown."""
        times: list[int] = []
        first = 0
        self._container.seek(self.seek_time(key), stream=self._stream)
        for packet in self._container.demux(self._stream):
            if not packet.size:
                break
            if packet.pts is None or packet.dts is None:
                raise NoTimelineError
            if not times:
                refuse_encrypted(packet)
                landed = self.number(packet)
                if landed is None or landed > key:
                    raise NoTimelineError
                first = landed
            wanted = index - first
            # No later packet is shown before it is decoded.
            if len(times) > wanted and sorted(times)[wanted] < packet.dts:
                break
            times.append(packet.pts)
        if len(times) <= index - first:
            raise NoTimelineError
        return sorted(times)[index - first], times[key - first]


def _shown(packet: Packet[VideoStream]) -> bool:
    """VP8 has packets that only later frames refer to."""
    if packet.stream.codec_context.name != "vp8":
        return True
    return bool(bytes(packet)[0] & VP8_SHOWN)
