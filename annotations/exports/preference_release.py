"""The files of a release. Equal contents give equal bytes: nothing here knows the time of day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotations.exports.card import dataset_card
from inference.contracts import PreferencePair
from inference.preference_files import MANIFEST_FILE, PAIRS_FILE, sha256_file, write_pairs

CARD_FILE = "README.md"
READ_ONLY = 0o444


def write_release(
    folder: Path,
    pairs: Sequence[PreferencePair],
    clip_sha256: Mapping[str, str],
    manifest: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes the three files, read-only, and returns the manifest with their hashes in it."""
    write_pairs(folder / PAIRS_FILE, pairs, clip_sha256)
    (folder / CARD_FILE).write_text(dataset_card(manifest), encoding="utf-8", newline="\n")
    files = {name: sha256_file(folder / name) for name in (PAIRS_FILE, CARD_FILE)}
    complete = {**manifest, "files": files}
    text = json.dumps(complete, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8", newline="\n")
    for name in (*files, MANIFEST_FILE):
        (folder / name).chmod(READ_ONLY)
    return complete
