"""Messages between the two processes: a JSON object, then bytes whose number it was told with."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, NamedTuple

_SIZES = struct.Struct("<IQ")
MAX_HEAD = 1 << 20

Head = dict[str, Any]


class Received(NamedTuple):
    head: Head
    payload: int
    """Bytes that follow and are still to be received."""


def send(to: socket.socket, head: Head, payload: memoryview | None = None) -> None:
    text = json.dumps(head).encode()
    size = payload.nbytes if payload is not None else 0
    to.sendall(_SIZES.pack(len(text), size) + text)
    if payload is not None and size:
        to.sendall(payload)


class Source:
    """Receives until a deadline; EOFError when the other side is gone, TimeoutError after it."""

    def __init__(self, link: socket.socket, deadline: float | None = None) -> None:
        self.link = link
        self.deadline = deadline

    def message(self) -> Received:
        prefix = bytearray(_SIZES.size)
        self.fill(memoryview(prefix))
        head_size, payload = _SIZES.unpack(prefix)
        if head_size > MAX_HEAD:
            raise EOFError("the other side does not keep to the protocol")
        text = bytearray(head_size)
        self.fill(memoryview(text))
        return Received(json.loads(text), payload)

    def fill(self, room: memoryview) -> None:
        done = 0
        while done < room.nbytes:
            if self.deadline is not None:
                left = self.deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.link.settimeout(left)
            got = self.link.recv_into(room[done:])
            if not got:
                raise EOFError("the other side is gone")
            done += got
