"""Which split a file holds, as its name says."""

from __future__ import annotations

import re
from pathlib import Path

_SPLITS = {"train": "train", "val": "val", "valid": "val", "dev": "val", "test": "test"}


def split_in_name(path: Path) -> str | None:
    for word in re.split(r"[^a-z]+", path.stem.lower()):
        if split := _SPLITS.get(word.removesuffix("ation")):
            return split
    return None
