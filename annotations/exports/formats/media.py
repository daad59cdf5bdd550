"""Clips beside the rows: only with a recorded right, and only those that were released."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from annotations.exports.formats.archives import CHUNK, Entry
from annotations.exports.formats.options import ExportOptions, ExportRefusedError, Row
from annotations.exports.formats.release import ReleaseFolder
from inference.preference_files import STIMULI_FILE, sha256_file

FOLDER = "media"
NAMED_AT_MOST = 5


def check_media(release: ReleaseFolder, options: ExportOptions) -> None:
    """Refuses, before anything leaves, what has no right to leave or is not there."""
    root = options.media_root
    if root is None:
        raise ExportRefusedError("media_root: missing. Give the folder that holds the clips.")
    without_right: set[str] = set()
    missing: list[str] = []
    for _, stimulus in release.rows(STIMULI_FILE):
        if not stimulus["clips"] or not wanted(stimulus["split"], options):
            continue
        if not release.media_right(stimulus["corpus"], options):
            without_right.add(stimulus["corpus"])
        missing += [
            clip["path"] for clip in stimulus["clips"] if not clip_file(root, clip).is_file()
        ]
    if without_right:
        raise ExportRefusedError(
            f"The clips of {', '.join(sorted(without_right))} may not be passed on: nobody "
            "recorded a right to. Record who allowed it on the page of the corpus, or export the "
            "clips by reference."
        )
    if missing:
        raise ExportRefusedError(
            f"{len(missing)} clips are not below {root}: "
            f"{', '.join(missing[:NAMED_AT_MOST])}{' …' if len(missing) > NAMED_AT_MOST else ''}. "
            "Restore them, or export the clips by reference."
        )


def wanted(split: str, options: ExportOptions) -> bool:
    return options.splits is None or split in options.splits


def clip_file(root: Path, clip: Mapping[str, Any]) -> Path:
    path = PurePosixPath(clip["path"])
    if path.is_absolute() or ".." in path.parts:
        raise ExportRefusedError(
            f"{STIMULI_FILE}: the clip {clip['path']!r} leads out of the media folder."
        )
    return root / path


def clip_chunks(root: Path, clip: Mapping[str, Any]) -> Iterator[bytes]:
    """The clip that was released, or a refusal: other media than raters saw teach something
    else."""
    path = clip_file(root, clip)
    if sha256_file(path) != clip["sha256"]:
        raise ExportRefusedError(
            f"{path} is not the clip that was released: its sha256 is another. Restore it, or "
            "export the clips by reference."
        )
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def media_name(clip: Mapping[str, Any]) -> str:
    return f"{FOLDER}/{clip['path']}"


class Copied:
    """Remembers the clips that rows name, and puts the path in the archive in their place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clips: dict[str, str] = {}
        """Path -> sha256."""

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.clips.update((clip["path"], clip["sha256"]) for clip in row["clips"])
            yield {**row, "clips": [{**clip, "path": media_name(clip)} for clip in row["clips"]]}

    def entries(self) -> Iterator[Entry]:
        for path, sha256 in sorted(self.clips.items()):
            clip = {"path": path, "sha256": sha256}
            yield Entry(media_name(clip), clip_chunks(self.root, clip))
