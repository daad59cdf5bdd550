"""Where DFEW's clips lie: Clip/original/part_N/NNNNN.mp4, in the folder of the labels or above."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from inference.corpora.errors import CorpusError, Place

FOLDERS = ("clip", "clips")
ORIGINAL = "original"
VIDEO = (".mp4", ".mov", ".mkv", ".webm", ".avi")
LEVELS_UP = 3
_STEM = re.compile(r"[0-9]{5}")
REMEDY = (
    "Put DFEW's folder Clip beside the folder of the label files, with the videos of its "
    "original clips (Clip/original/part_1/00001.mp4 and so on)"
)


class ClipFolder:
    """The videos by their five digits. Pictures of cropped faces are no clips: they are mute."""

    def __init__(self, label_folder: Path) -> None:
        self.root = _clip_folder(label_folder.resolve())
        self._videos: dict[str, list[Path]] = {}
        self._pictures: set[str] = set()
        for folder, folders, files in os.walk(self.root) if self.root else ():
            self._pictures.update(name for name in folders if _STEM.fullmatch(name))
            for name in files:
                path = Path(folder, name)
                if path.suffix.lower() in VIDEO and _STEM.fullmatch(path.stem):
                    self._videos.setdefault(path.stem, []).append(path)

    def check(self, clips: Sequence[tuple[str, Place]]) -> None:
        """Before anything is read: the first clip that is missing, and how many are."""
        missing = [(number, place) for number, place in clips if number not in self._videos]
        if missing:
            raise self._missing(*missing[0], len(missing))

    def path_of(self, number: str, place: Place) -> Path:
        found = self._videos[number]
        originals = [path for path in found if ORIGINAL in _lower(path.parts)]
        chosen = originals or found
        if len(chosen) > 1:
            raise place.error(
                "video_name",
                f"clip {number} is there twice: {self._shown(chosen[0])} and "
                f"{self._shown(chosen[1])}",
                "Leave one of them",
            )
        return self._inside(chosen[0], place)

    def _inside(self, path: Path, place: Place) -> Path:
        resolved = path.resolve()
        if self.root is None or not resolved.is_relative_to(self.root):
            raise place.error(
                "video_name",
                f"{self._shown(path)} is a link that leads out of the clips' folder",
                "Put the file itself there; the folder Clip may be a link",
            )
        if not resolved.is_file() or not resolved.stat().st_size:
            raise place.error(
                "video_name", f"{self._shown(path)} is empty", "Unpack or copy it again"
            )
        return resolved

    def _missing(self, number: str, place: Place, count: int) -> CorpusError:
        others = f", and {count - 1:,} more" if count > 1 else ""
        if self.root is None:
            problem = f"there is no folder Clip for clip {number}{others}"
        elif number in self._pictures:
            problem = f"clip {number}{others} {'are' if others else 'is'} there only as pictures"
        else:
            problem = f"there is no video {number}.mp4{others} below {self.root}"
        return place.error("video_name", problem, REMEDY)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.root.parent) if self.root else path)


def _clip_folder(folder: Path) -> Path | None:
    """The nearest one, in the folder itself or up to three above it."""
    for place in [folder, *folder.parents[:LEVELS_UP]]:
        try:
            entries = sorted(place.iterdir())
        except OSError:  # a folder above that this user may not look into
            continue
        found = [e for e in entries if e.name.lower() in FOLDERS and e.is_dir()]
        if found:
            return found[0].resolve()
    return None


def _lower(parts: Sequence[str]) -> list[str]:
    return [part.lower() for part in parts]
