"""The process that reads media: `python -m inference.media.child LINK LIFELINE MEMORY_MB`.

It is given open files, one job at a time, and answers over the socket LINK. See `reader`.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import resource
import select
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from inference.media import wire
from inference.media.contract import (
    SHORTEN,
    Floats,
    Frames,
    MediaError,
    MediaLimits,
    SoundPlan,
)
from inference.media.files import THREADS, MediaFile
from inference.media.pictures import read_pictures
from inference.media.playback import write_playback
from inference.media.probing import claimed_seconds, probe_file
from inference.media.sound import read_sound

OPEN_FILES = 32
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MAKE_ROOM = "Make room on the disk of this program, or use a shorter clip."
FFMPEG_QUIET = -8
NO_ROOM = (errno.ENOMEM, errno.EAGAIN)
"""What starting a thread says without room for its stack is EAGAIN."""
DECODING_ERRORS = (FFmpegError, ValueError, ArithmeticError, LookupError, RuntimeError, OSError)
"""What PyAV raises on damaged files."""


def main(link_number: str, lifeline: str, memory_mb: str) -> None:
    _end_with_parent(int(lifeline))
    link = socket.socket(fileno=int(link_number))
    _limit(resource.RLIMIT_AS, int(memory_mb) << 20)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    # Not `av.logging.set_level`: its callback needs the GIL on FFmpeg's threads, for which closing
    # a file waits while it holds the GIL.
    av.logging.set_libav_level(FFMPEG_QUIET)
    wire.send(link, {"kind": "ready"})
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), sys.stderr.fileno())
    gc.freeze()
    while True:
        mark, files, _, _ = socket.recv_fds(link, 1, 2)
        if not mark:
            return
        request, _ = wire.Source(link).message()
        try:
            answer = _answer(link, request, files)
        finally:
            for file in files:
                os.close(file)
        wire.send(link, answer)
        # Containers and decoders refer to one another: their threads would stay.
        gc.collect()


def _end_with_parent(lifeline: int) -> None:
    """The kernel signals when the other end closes. Not PR_SET_PDEATHSIG: that fires when the
    *thread* that started this process ends, and worker threads come and go."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        sys.exit()


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _answer(link: socket.socket, request: dict[str, Any], files: list[int]) -> wire.Head:
    limits = MediaLimits(**request["limits"])
    _limit_for_a_job(limits)
    media = MediaFile(files[0], request["size"], limits)
    try:
        return {"kind": "done", **_done(link, request, media, files)}
    except MediaError as error:
        return _refusal(error)
    except MemoryError:
        return _out_of_memory(limits)
    except DECODING_ERRORS as error:
        if getattr(error, "errno", None) in NO_ROOM:
            return _out_of_memory(limits)
        if getattr(error, "errno", None) in NO_SPACE:
            return _refusal(MediaError("there is no room for its copy", MAKE_ROOM))
        said = getattr(error, "strerror", None) or str(error)
        return _refusal(MediaError(f"it cannot be decoded ({said})"))


def _refusal(error: MediaError) -> wire.Head:
    return {"kind": "error", "reason": error.reason, "remedy": error.remedy}


def _out_of_memory(limits: MediaLimits) -> wire.Head:
    reason = f"reading it needs more than {limits.memory_mb} MB of memory"
    return {**_refusal(MediaError(reason, SHORTEN)), "spoiled": True}


def _limit_for_a_job(limits: MediaLimits) -> None:
    """In case nobody is left to kill it: processor time, on all threads, from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime + THREADS * limits.seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.max_bytes, resource.RLIM_INFINITY))


def _done(
    link: socket.socket, request: dict[str, Any], media: MediaFile, files: list[int]
) -> wire.Head:
    if request["job"] == "read":
        return _read(link, request, media)
    if request["job"] == "playback":
        return {"facts": asdict(write_playback(media, files[1]))}
    return {"facts": asdict(probe_file(media, decode=request["decode"]))}


def _read(link: socket.socket, request: dict[str, Any], media: MediaFile) -> wire.Head:
    given = 0

    def give_picture(places: list[int], picture: Frames) -> None:
        nonlocal given
        given += 1
        head = {"kind": "frame", "places": places}
        head |= {"height": picture.shape[0], "width": picture.shape[1]}
        wire.send(link, head, picture.reshape(-1).data)

    def give_sound(window: Floats) -> None:
        nonlocal given
        given += 1
        wire.send(link, {"kind": "sound"}, np.ascontiguousarray(window).data.cast("B"))

    with media.open() as container:
        seconds = claimed_seconds(container, media.limits)
    read_pictures(media, request["num_frames"], give_picture)
    for window in read_sound(media, SoundPlan(**request["sound"])):
        give_sound(window)
    if not given:
        raise MediaError("it holds neither a picture nor sound")
    return {"seconds": seconds}


if __name__ == "__main__":
    main(*sys.argv[1:])
