from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from inference.errors import CheckpointError
from inference.safetensors_headers import weight_files

FileState = tuple[Path, int, int, int, int]
_known: dict[FileState, str] = {}
_lock = threading.Lock()


def weights_sha256(folder: Path) -> str:
    """Of the single weights file, or of the `sha256sum` listing of its shards by name."""
    files = weight_files(folder)
    if not files:
        raise CheckpointError(f"{folder} holds no *.safetensors file.")
    digests = [file_sha256(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    listing = "".join(
        f"{digest}  {file.name}\n" for digest, file in zip(digests, files, strict=True)
    )
    return hashlib.sha256(listing.encode()).hexdigest()


def file_sha256(file: Path) -> str:
    """Read once a process: a real checkpoint has 15 GB. A file that was written to or exchanged
    since is read again."""
    state = _state(file)
    with _lock:
        known = _known.get(state)
    if known is None:
        with file.open("rb") as stream:
            known = hashlib.file_digest(stream, "sha256").hexdigest()
        if _state(file) == state:
            with _lock:
                _known[state] = known
    return known


def _state(file: Path) -> FileState:
    """The time of the last change of the inode cannot be set back, unlike that of the content."""
    stat = file.stat()
    return file.resolve(), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
