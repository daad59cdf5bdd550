"""A download as a client sees it, and the memory that the server takes for it."""

from __future__ import annotations

import http.client
import os
import time
from dataclasses import dataclass
from pathlib import Path

PIECE = 1 << 18


@dataclass(frozen=True)
class Download:
    seconds: float
    first_byte_s: float
    size: int


def download(port: int, address: str, cookies: str, to: Path) -> Download:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    began = time.perf_counter()
    connection.request("GET", address, headers={"Cookie": cookies})
    response = connection.getresponse()
    if response.status != http.HTTPStatus.OK:
        raise SystemExit(f"{address} answered {response.status}")
    size = 0
    with to.open("wb") as file:
        piece = response.read(1)
        first = time.perf_counter() - began
        while piece:
            size += file.write(piece)
            piece = response.read(PIECE)
    connection.close()
    return Download(time.perf_counter() - began, first, size)


def peak_mb() -> float:
    """The most that any web process of this run has taken so far."""
    folder = os.environ["MOODEVAL_VAR"].encode()
    peaks = [0.0]
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and _is_web(entry, folder):
                peaks.append(_peak(entry))
        except OSError:
            continue
    return max(peaks)


def _is_web(entry: Path, folder: bytes) -> bool:
    return b"gunicorn" in (entry / "cmdline").read_bytes() and (
        folder in (entry / "environ").read_bytes()
    )


def _peak(entry: Path) -> float:
    lines = (entry / "status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
