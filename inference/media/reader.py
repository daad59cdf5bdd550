"""Reading a file in a process of its own.

FFmpeg's parsers and decoders are C that meets files from anywhere. They run in a child with limits
on address space, processor time and file size, which gets open files instead of paths and can be
killed. One child serves the whole process, since to start one takes longer than to read a clip.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from inference.media import wire
from inference.media.contract import (
    DEFAULT_LIMITS,
    PUT_BACK,
    SHORTEN,
    ClipMedia,
    Floats,
    Frames,
    MediaError,
    MediaFacts,
    MediaLimits,
    SoundPlan,
)
from inference.media.process import READER, Reply

BYTES_A_PIXEL = 3


def probe(path: Path, *, limits: MediaLimits = DEFAULT_LIMITS, decode: bool = False) -> MediaFacts:
    """Facts from the headers and the first picture. With `decode` everything is decoded, the
    length and the number of frames are counted, and a damaged or shortened file is an error."""
    done = _ask(path, {"job": "probe", "decode": decode}, limits, _no_payload)
    return MediaFacts(**done["facts"])


def read_clip(
    path: Path, *, num_frames: int, sound: SoundPlan, limits: MediaLimits = DEFAULT_LIMITS
) -> ClipMedia:
    """`num_frames` pictures spread over the clip (see `frame_indices`) and its sound. A damaged
    clip gives what can be decoded of it, as long as that is something."""
    received = _Received(num_frames, limits.max_pixels)
    request = {"job": "read", "num_frames": num_frames, "sound": asdict(sound)}
    done = _ask(path, request, limits, received.take, begin=received.clear)
    if received.frames is not None and len(received.places) < num_frames:
        raise MediaError("its pictures were not the same when they were read twice")
    return ClipMedia(received.frames, tuple(received.sound), done["seconds"])


def make_playback(path: Path, out: Path, *, limits: MediaLimits = DEFAULT_LIMITS) -> MediaFacts:
    """Writes what every browser plays: H.264 and AAC in MP4 of at most 1080p, or AAC alone in M4A
    for a sound. `out` appears when it is complete."""
    part = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        with part.open("x+b") as file:
            done = _ask(path, {"job": "playback"}, limits, _no_payload, copy=file.fileno())
        part.replace(out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return MediaFacts(**done["facts"])


def _ask(
    path: Path,
    request: wire.Head,
    limits: MediaLimits,
    take: Reply,
    *,
    begin: Callable[[], None] = lambda: None,
    copy: int | None = None,
) -> wire.Head:
    file = _opened(path, limits)
    try:
        request = {**request, "limits": asdict(limits), "size": os.fstat(file).st_size}
        files = [file] if copy is None else [file, copy]
        return READER.ask(request, files, limits, take, begin)
    finally:
        os.close(file)


def _opened(path: Path, limits: MediaLimits) -> int:
    """Only a plain file: opening a queue would wait, and a device could do anything."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise MediaError("it is not a file", "Name a file with sound or a picture.")
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise MediaError("there is no such file", PUT_BACK) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"it cannot be opened ({reason})", PUT_BACK) from error
    facts = os.fstat(file)
    problem = None
    if not stat.S_ISREG(facts.st_mode):
        problem = MediaError("it is not a file", "Name a file with sound or a picture.")
    elif not facts.st_size:
        problem = MediaError("it is empty", "Copy it again.")
    elif facts.st_size > limits.max_bytes:
        problem = MediaError(f"it is larger than {_size(limits.max_bytes)}", SHORTEN)
    if problem is not None:
        os.close(file)
        raise problem
    return file


def _size(count: int) -> str:
    return f"{count / 2**30:.3g} GiB" if count >= 2**30 else f"{count / 2**20:.3g} MiB"


def _no_payload(head: wire.Head, payload: int, source: wire.Source) -> None:
    raise EOFError(f"unexpected message {head.get('kind')!r}")


class _Received:
    """Pictures and windows of sound as they come in; one picture may fill several places."""

    def __init__(self, num_frames: int, max_pixels: int) -> None:
        self.num_frames = num_frames
        self.max_pixels = max_pixels
        self.clear()

    def clear(self) -> None:
        self.frames: Frames | None = None
        self.places: set[int] = set()
        self.sound: list[Floats] = []

    def take(self, head: wire.Head, payload: int, source: wire.Source) -> None:
        if head["kind"] == "frame":
            self._take_frame(head, payload, source)
        elif head["kind"] == "sound" and payload % 4 == 0:
            window = np.empty(payload // 4, np.float32)
            source.fill(window.data.cast("B"))
            self.sound.append(window)
        else:
            raise EOFError(f"unexpected message {head['kind']!r}")

    def _take_frame(self, head: wire.Head, payload: int, source: wire.Source) -> None:
        height, width, places = head["height"], head["width"], head["places"]
        if payload != height * width * BYTES_A_PIXEL or height * width > self.max_pixels:
            raise EOFError("a picture of the wrong size")
        if self.frames is None:
            self.frames = np.empty((self.num_frames, height, width, 3), np.uint8)
        first = self.frames[places[0]]
        source.fill(first.reshape(-1).data)
        for place in places[1:]:
            self.frames[place] = first
        self.places.update(places)
