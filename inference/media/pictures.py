"""Chosen frames of a film, as displayed. Runs in the child."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from inference.media.contract import Frames, MediaError, MediaLimits
from inference.media.files import MediaFile, only, refuse_encrypted, refuse_over, video_of
from inference.media.sampling import frame_indices
from inference.media.timeline import NoTimelineError, Target, Timeline, timeline_of

MAX_STRETCH = 8
DROPPABLE = ("h264", "hevc")
"""Decoders that can leave out frames to which no other refers."""

Give = Callable[[list[int], Frames], None]
"""A picture and the places among the wanted ones that it fills."""


class _LostError(Exception):
    """Seeking did not lead to the frame."""


def read_pictures(media: MediaFile, wanted: int, give: Give) -> None:
    """The pictures at `frame_indices` of all that decoding everything would give."""
    given = _Giver(media.limits, give)
    try:
        with media.open() as container:
            stream = video_of(container, media.limits)
            if stream is None:
                return
            timeline = timeline_of(container, stream, media.format(), media.size)
            places = _places(timeline.count, wanted)
            targets = [timeline.target(index) for index in places]
            walk = _Walk(container, stream, timeline, targets)
            for target in targets:
                given(places[target.index], walk.frame(target), stream)
    except (NoTimelineError, _LostError, FFmpegError):
        _read_in_order(media, wanted, given)


def _places(count: int, wanted: int) -> dict[int, list[int]]:
    if count < 1:
        raise NoTimelineError
    places: dict[int, list[int]] = {}
    for place, index in enumerate(frame_indices(count, wanted)):
        places.setdefault(index, []).append(place)
    return places


class _Walk:
    """Forward through the file from target to target, by decoding or by seeking."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        timeline: Timeline,
        targets: Sequence[Target],
    ) -> None:
        self._container, self._stream, self._timeline = container, stream, timeline
        self._wanted = {target.pts for target in targets}
        self._packets: Iterator[av.Packet[VideoStream]] = iter(())
        self._next = 0
        self._decoded: deque[av.VideoFrame] = deque()

    def frame(self, target: Target) -> av.VideoFrame:
        if not self._next or target.key > self._next:
            self._seek(target)
        while True:
            while self._decoded:
                frame = self._decoded.popleft()
                if frame.pts == target.pts and not frame.is_corrupt:
                    return frame
                if frame.pts is None or frame.pts >= target.pts:
                    raise _LostError
            self._decode()

    def _seek(self, target: Target) -> None:
        self._decoded.clear()
        self._container.seek(self._timeline.seek_time(target.key), stream=self._stream)
        self._packets = self._container.demux(self._stream)
        if self._decode() > target.key:
            raise _LostError

    def _decode(self) -> int:
        """The number of the packet that was decoded."""
        packet = next(self._packets, None)
        if packet is None or packet.is_corrupt:
            raise _LostError
        if packet.size:
            number = self._timeline.number(packet)
            if number is None:
                raise _LostError
            self._next = number + 1
        if self._stream.codec_context.name in DROPPABLE:
            needed = packet.pts in self._wanted or not packet.size
            self._stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
        self._decoded.extend(packet.decode())
        return self._next - 1


def _read_in_order(media: MediaFile, wanted: int, given: _Giver) -> None:
    """For files without exact times, and damaged ones: decode all there is, at most twice."""
    count = _count_packets(media)
    decoded = _decode_in_order(media, count, wanted, given)
    if decoded == 0:
        raise MediaError("none of its pictures can be decoded")
    if decoded != count:
        _decode_in_order(media, decoded, wanted, given)


def _count_packets(media: MediaFile) -> int:
    with media.open() as container:
        stream = video_of(container, media.limits)
        assert stream is not None  # noqa: S101
        only(container, stream)
        count = 0
        try:
            for packet in container.demux(stream):
                if packet.size:
                    if not count:
                        refuse_encrypted(packet)
                    count += not packet.is_discard
        except FFmpegError:
            pass
        return count


def _decode_in_order(media: MediaFile, count: int, wanted: int, given: _Giver) -> int:
    """Gives the pictures that would be wanted of `count`, and says how many there are."""
    places = _places(count, wanted) if count else {}
    decoded = 0
    with media.open() as container:
        stream = video_of(container, media.limits)
        assert stream is not None  # noqa: S101
        # Frames decoded side by side can differ from run to run where data is damaged.
        stream.codec_context.thread_count = 1
        for frame in all_frames(container, stream):
            if decoded in places:
                given(places[decoded], frame, stream)
            decoded += 1
    return decoded


def all_frames(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Packets that cannot be decoded are left out."""
    only(container, stream)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            return
        if packet is None:
            return
        refuse_encrypted(packet)
        try:
            yield from packet.decode()
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise


class _Giver:
    """Frames to pictures that all have the size of the first."""

    def __init__(self, limits: MediaLimits, give: Give) -> None:
        self._limits, self._give = limits, give
        self._size: tuple[int, int] | None = None

    def __call__(self, places: list[int], frame: av.VideoFrame, stream: VideoStream) -> None:
        picture = displayed(frame, stream.sample_aspect_ratio, self._limits, self._size)
        self._size = picture.shape[1], picture.shape[0]
        self._give(places, np.ascontiguousarray(picture))


def displayed(
    frame: av.VideoFrame,
    pixel_shape: Fraction | None,
    limits: MediaLimits,
    size: tuple[int, int] | None = None,
) -> Frames:
    """(H, W, 3) upright and with square pixels; `size` (W, H) where a film changes its own."""
    orientation = Orientation(frame)
    width, height = square_size(frame, pixel_shape)
    if size is not None:
        width, height = reversed(size) if orientation.swaps else size
    refuse_over(width, height, limits)
    if (width, height) != (frame.width, frame.height):
        frame = frame.reformat(width, height, "rgb24", interpolation="BICUBIC")
    return orientation.applied(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))


def square_size(frame: av.VideoFrame, pixel_shape: Fraction | None) -> tuple[int, int]:
    """(W, H) with square pixels, before rotation."""
    if not pixel_shape or not Fraction(1, MAX_STRETCH) <= pixel_shape <= MAX_STRETCH:
        return frame.width, frame.height
    return max(round(frame.width * pixel_shape), 1), frame.height


class Orientation:
    """The display matrix of a frame, to the nearest quarter turn, mirroring included."""

    def __init__(self, frame: av.VideoFrame) -> None:
        matrix = frame.side_data.get("DISPLAYMATRIX")
        values: Sequence[float] | npt.NDArray[np.int32] = (
            np.frombuffer(bytes(matrix), np.int32) if isinstance(matrix, SideData) else ()
        )
        # x' = a x + c y, y' = b x + d y
        a, b, c, d = (float(values[i]) for i in (0, 1, 3, 4)) if len(values) == 9 else (1, 0, 0, 1)
        self.swaps = abs(b) + abs(c) > abs(a) + abs(d)
        self._flips_x = (c if self.swaps else a) < 0
        self._flips_y = (b if self.swaps else d) < 0

    @property
    def degrees(self) -> int:
        """Clockwise, of where the stored picture's horizontal points when displayed."""
        if self.swaps:
            return 270 if self._flips_y else 90
        return 180 if self._flips_x else 0

    def filters(self) -> list[tuple[str, str]]:
        """FFmpeg's names of what `applied` does."""
        turns = [("transpose", "cclock_flip")] if self.swaps else []
        mirrors = [("hflip", self._flips_x), ("vflip", self._flips_y)]
        return turns + [(name, "") for name, wanted in mirrors if wanted]

    def applied(self, picture: Frames) -> Frames:
        if self.swaps:
            picture = picture.transpose(1, 0, 2)
        if self._flips_x:
            picture = picture[:, ::-1]
        return picture[::-1] if self._flips_y else picture
