"""Files written into a stream that cannot go back: JSON lines, zip and tar.

Equal content gives equal bytes: no time of day, no owner, and entries in the order given.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from annotations.exports.formats.options import Row

CHUNK = 1 << 16
TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip file can say."""
MODE = 0o644
SUFFIXES_STORED = (".parquet", ".tar", ".mp4", ".webm", ".mov", ".mkv", ".wav", ".mp3", ".m4a")
"""Compressed already."""


@dataclass(frozen=True)
class Entry:
    name: str
    chunks: Iterable[bytes]


class Sink:
    """Takes what a writer writes until it is fetched; it has no position to go back to."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def fetch(self) -> Iterator[bytes]:
        parts, self.parts = self.parts, []
        if parts:
            yield b"".join(parts)


def json_line(row: Row) -> bytes:
    return (json_value(row) + "\n").encode()


def json_value(value: object, indent: int | None = None) -> str:
    """Fields in the order of the row: the first is what a person looks for first."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """The first row at once, then as many as fill a chunk."""
    return gathered(map(json_line, rows))


def json_array(rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON array, an object a line."""
    return gathered(_array_parts(rows))


def _array_parts(rows: Iterable[Row]) -> Iterator[bytes]:
    opening = "[\n"
    for row in rows:
        yield (opening + json_value(row)).encode()
        opening = ",\n"
    yield b"\n]\n" if opening == ",\n" else b"[]\n"


def gathered(parts: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size, limit = 0, 1
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= limit:
            yield b"".join(waiting)
            waiting, size, limit = [], 0, CHUNK
    if waiting:
        yield b"".join(waiting)


def zip_chunks(entries: Iterable[Entry]) -> Iterator[bytes]:
    sink = Sink()
    with zipfile.ZipFile(sink, "w", strict_timestamps=True) as archive:  # type: ignore[arg-type, unused-ignore]
        for entry in entries:
            with archive.open(_zip_info(entry.name), "w", force_zip64=True) as file:
                yield from sink.fetch()
                for chunk in entry.chunks:
                    file.write(chunk)
                    yield from sink.fetch()
    yield from sink.fetch()


def _zip_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, TIME)
    stored = name.lower().endswith(SUFFIXES_STORED)
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = MODE << 16
    return info


@dataclass(frozen=True)
class Member:
    """A file in a tar archive, whose size has to be known before."""

    name: str
    size: int
    chunks: Iterable[bytes]


def tar_chunks(members: Iterable[Member]) -> Iterator[bytes]:
    for member in members:
        info = tarfile.TarInfo(member.name)
        info.size, info.mode = member.size, MODE
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield from member.chunks
        yield b"\0" * (-member.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)
