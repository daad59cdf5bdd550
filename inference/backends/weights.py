from __future__ import annotations

import hashlib
from pathlib import Path

from inference.errors import CheckpointError


def weights_sha256(folder: Path) -> str:
    """Of the single weights file, or of the `sha256sum` listing of its shards by name."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise CheckpointError(f"{folder} holds no *.safetensors file.")
    digests = [_file_sha256(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    listing = "".join(
        f"{digest}  {file.name}\n" for digest, file in zip(digests, files, strict=True)
    )
    return hashlib.sha256(listing.encode()).hexdigest()


def _file_sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
