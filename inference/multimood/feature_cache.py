"""Tensors of clips on disk: bounded, shared by processes, never trusted to be whole.

One safetensors file an entry, below the extractor's version: `version/ab/abcd....safetensors`.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

logger = logging.getLogger(__name__)

SUFFIX, TEMPORARY, LOCK = ".safetensors", ".tmp", ".lock"
KEPT_SHARE = 0.9
"""What remains when room is made, so that room is not made for every file."""


class FeatureCache:
    """At most `max_bytes` in `folder`; the entries longest not read leave first."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._writes = max_bytes > 0
        self._counted = False

    def get(self, version: str, clip: str) -> dict[str, torch.Tensor] | None:
        """None for an entry that is not there or is not what was stored."""
        path = self._path(version, clip)
        try:
            tensors = _read(path, {"version": version, "clip": clip})
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            logger.warning("The stored features %s are left aside: %s", path, error)
            return None
        with suppress(OSError):  # a folder that may only be read still serves
            os.utime(path)
        return tensors

    def put(self, version: str, clip: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """A disk that is full or may not be written to ends the storing, nothing else."""
        if not self._writes:
            return
        data = _written(tensors, {"version": version, "clip": clip})
        if len(data) > self.max_bytes:
            return
        try:
            self._store(self._path(version, clip), data)
        except OSError as error:
            self._writes = False
            logger.warning("Features are not stored in %s from here on: %s", self.folder, error)

    def held_bytes(self) -> int:
        return sum(_size(file) for file in self._entries())

    def _path(self, version: str, clip: str) -> Path:
        return self.folder / version[:32] / clip[:2] / f"{clip}{SUFFIX}"

    def _store(self, path: Path, data: bytes) -> None:
        with self._locked() as lock:
            held = _read_count(lock) if self._counted else None
            if held is None:
                held = self._clean_and_count()
                self._counted = True
            held -= _size(path)
            if held + len(data) > self.max_bytes:
                path.unlink(missing_ok=True)
                held = self._make_room(len(data))
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Counted first: a process killed in between leaves a count that is too high, which
            # the next making of room corrects.
            _write_count(lock, held + len(data))
            part = path.with_suffix(TEMPORARY)
            try:
                part.write_bytes(data)
                part.replace(path)
            except OSError:
                part.unlink(missing_ok=True)
                raise

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """Only one process at a time writes; the lock's file holds the bytes stored."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / LOCK).open("a+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock

    def _entries(self) -> list[Path]:
        return list(self.folder.glob(f"*/*/*{SUFFIX}"))

    def _clean_and_count(self) -> int:
        # Under the lock nobody is writing: these are of processes that were killed.
        for part in self.folder.glob(f"*/*/*{TEMPORARY}"):
            part.unlink(missing_ok=True)
        return self.held_bytes()

    def _make_room(self, wanted: int) -> int:
        """Bytes still held."""
        self._clean_and_count()
        stats = [(file, stat) for file in self._entries() if (stat := _stat(file)) is not None]
        held = sum(stat.st_size for _, stat in stats)
        kept = min(int(self.max_bytes * KEPT_SHARE), self.max_bytes - wanted)
        for file, stat in sorted(stats, key=lambda entry: entry[1].st_mtime_ns):
            if held <= kept:
                break
            file.unlink(missing_ok=True)
            held -= stat.st_size
        return held


def _written(tensors: Mapping[str, torch.Tensor], described: dict[str, str]) -> bytes:
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(whole, _metadata(whole, described))


def _read(path: Path, described: dict[str, str]) -> dict[str, torch.Tensor]:
    data = path.read_bytes()
    tensors = load(data)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    if header.get("__metadata__") != _metadata(tensors, described):
        raise ValueError("it holds something else than was stored")
    return tensors


def _metadata(tensors: Mapping[str, torch.Tensor], described: dict[str, str]) -> dict[str, str]:
    """One key, since the order of several differs between processes."""
    return {"entry": json.dumps({**described, "checksum": _checksum(tensors)}, sort_keys=True)}


def _checksum(tensors: Mapping[str, torch.Tensor]) -> int:
    total = 0
    for name, tensor in sorted(tensors.items()):
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        total = zlib.crc32(tensor.flatten().view(torch.uint8).numpy().data, total)
    return total


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _size(path: Path) -> int:
    stat = _stat(path)
    return 0 if stat is None else stat.st_size


def _read_count(lock: IO[bytes]) -> int | None:
    lock.seek(0)
    text = lock.read(32)
    return int(text) if text.isdigit() else None


def _write_count(lock: IO[bytes], count: int) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(b"%d" % max(count, 0))
    lock.flush()
