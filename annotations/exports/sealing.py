"""The end of a release folder: every file hashed, the manifest beside them, nothing writable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inference.preference_files import CARD_FILE, MANIFEST_FILE, sha256_file

READ_ONLY = 0o444


def seal_release(
    folder: Path, manifest: Mapping[str, Any], card: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    """Writes card and manifest over whatever files stand in the folder, makes all of them
    read-only, and returns the manifest with their hashes in `files`. `card` is given the manifest
    with the hashes of all files but its own.
    """
    files = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
    _write(folder / CARD_FILE, card({**manifest, "files": files}))
    complete = {**manifest, "files": {**files, CARD_FILE: sha256_file(folder / CARD_FILE)}}
    text = json.dumps(complete, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
    _write(folder / MANIFEST_FILE, text)
    for path in folder.iterdir():
        path.chmod(READ_ONLY)
    return complete


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
