"""Files as they are handed in: single ones, folders, and zips, which are unpacked with bounds."""

from __future__ import annotations

import hashlib
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from annotations.imports.parquet import decoded_bytes
from inference.corpora.errors import Place
from inference.preference_files import sha256_file

MOST_FILES = 1_000
MOST_BYTES = 4 * 10**9
"""Unpacked."""
HIDDEN = ("__MACOSX",)
BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError),
    *(EOFError, OSError, ValueError),
)
"""ValueError: names of files that are no UTF-8, or that no file can have."""


@dataclass(frozen=True)
class HandedIn:
    paths: tuple[Path, ...]
    """Ordered by content, so that the order in which files were named makes no difference."""
    sources: tuple[tuple[str, str], ...]
    """(name, sha256) of every file as it was handed in, before unpacking."""

    @property
    def sha256(self) -> str:
        text = "\n".join(sorted(sha256 for _, sha256 in self.sources))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class _Budget:
    """Of everything that is handed in at once."""

    most_bytes: int
    how: str
    bytes: int = 0
    files: int = 0

    def spend(self, size: int, path: Path, files: int = 0) -> None:
        self.bytes += size
        self.files += files
        if self.files > MOST_FILES:
            raise Place(path).error(
                None, f"up to it the zips hold more than {MOST_FILES} files", "Divide them"
            )
        if self.bytes > self.most_bytes:
            limit = f"{self.most_bytes // 10**6:,} MB"
            raise Place(path).error(
                None, f"up to it the files are larger than {limit} {self.how}", "Divide them"
            )


def hand_in(paths: Sequence[Path], folder: Path, most_bytes: int = MOST_BYTES) -> HandedIn:
    """Zips are unpacked below `folder`, which the caller removes. All of them together hold
    `most_bytes` at most, and so do all Parquet files once decoded."""
    given = [file for path in paths for file in _files(path)]
    found: list[Path] = []
    unpacked, decoded = _Budget(most_bytes, "unpacked"), _Budget(most_bytes, "decoded")
    for number, path in enumerate(given):
        if path.suffix.lower() == ".zip":
            found += _unpacked(path, folder / f"zip-{number}", unpacked)
        else:
            found.append(path)
    for path in found:
        if path.suffix.lower() == ".parquet":
            for size in decoded_bytes(path):
                decoded.spend(size, path)
    hashes = {path: sha256_file(path) for path in {*given, *found}}
    return HandedIn(
        paths=tuple(sorted(found, key=lambda path: (hashes[path], path.name))),
        sources=tuple(sorted((path.name, hashes[path]) for path in given)),
    )


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file() and _seen(file.name))
        if len(inside) > MOST_FILES:
            raise Place(path).error(None, f"it holds more than {MOST_FILES} files", "Name files")
        yield from inside
    elif path.is_file():
        yield path
    else:
        raise Place(path).error(None, "there is no such file", "Check the path")


def _seen(name: str) -> bool:
    return not name.startswith(".")


def _unpacked(path: Path, folder: Path, budget: _Budget) -> list[Path]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if _wanted(entry)]
            _check(path, entries, budget)
            return [_extract(archive, entry, path, folder) for entry in entries]
    except BROKEN_ZIP as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise Place(path).error(
            None,
            f"the zip cannot be unpacked ({told})",
            "Pack the files again, without a password",
        ) from error


def _wanted(entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename).parts
    return not entry.is_dir() and bool(parts) and _seen(parts[-1]) and parts[0] not in HIDDEN


def _check(path: Path, entries: Sequence[zipfile.ZipInfo], budget: _Budget) -> None:
    place = Place(path)
    budget.spend(sum(entry.file_size for entry in entries), path, len(entries))
    for entry in entries:
        name = PurePosixPath(entry.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in entry.filename:
            raise place.error(
                entry.filename[:100], "the name leads out of the zip", "Pack the files again"
            )


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, folder: Path) -> Path:
    """No more than the entry says it is: a zip can say less than it holds."""
    target = folder / entry.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
        if file.tell() > entry.file_size:
            raise Place(path).error(entry.filename, "it is larger than it says", "Pack it again")
    return target
