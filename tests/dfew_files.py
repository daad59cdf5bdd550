"""A folder laid out as DFEW's: five test and five training files, and a video of every clip.

The people and clips in it are invented; DFEW itself is given out by its authors only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDS = range(1, 6)
LABELS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")
Clips = Mapping[int, tuple[int, int]]
"""Number -> (label from 1, fold it is tested in)."""


def write_dfew(root: Path, clips: Clips, videos: Mapping[int, bytes] | bytes = b"video") -> Path:
    """The folder of the label files."""
    labels = root / "EmoLabel_DataSplit"
    for part in ("train", "test"):
        for fold in FOLDS:
            chosen = {
                number: label
                for number, (label, tested) in clips.items()
                if (tested == fold) == (part == "test")
            }
            if chosen:
                write_set(labels / f"{part}(single-labeled)" / f"set_{fold}.csv", chosen)
    for number in clips:
        folder = root / "Clip" / "original" / f"part_{1 + number // 4}"
        folder.mkdir(parents=True, exist_ok=True)
        content = videos if isinstance(videos, bytes) else videos[number]
        (folder / f"{number:05d}.mp4").write_bytes(content)
    return labels


def write_set(path: Path, rows: Mapping[int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{number},{label}" for number, label in rows.items()]
    path.write_text("\n".join(["video_name,label", *lines, ""]))
    return path


def files_of_tests(labels: Path) -> list[Path]:
    return sorted(labels.glob("test*/set_*.csv"))


def all_files(labels: Path) -> list[Path]:
    return sorted(labels.glob("*/set_*.csv"))
