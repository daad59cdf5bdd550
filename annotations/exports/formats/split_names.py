"""What files and tables call the splits of a release."""

from __future__ import annotations

import re
from collections.abc import Iterable

WHOLE = "train"
"""What the hub calls a table that is not split."""
UNSPLIT = "unsplit"
"""Rows of no split, beside splits."""


class SplitNames:
    """Letters, digits and underscores, which is what the hub takes; no two alike, whatever their
    case. A split that is called so already keeps its name."""

    def __init__(self, splits: Iterable[str]) -> None:
        found = set(splits)
        self._blank = UNSPLIT if found - {""} else WHOLE
        self._names: dict[str, str] = {}
        for split in sorted(found, key=lambda split: (self._plain(split) != split, split)):
            self.of(split)

    def of(self, split: str) -> str:
        if split not in self._names:
            self._names[split] = self._free(self._plain(split))
        return self._names[split]

    def _plain(self, split: str) -> str:
        return re.sub(r"\W", "_", split) or self._blank

    def _free(self, stem: str) -> str:
        used = {name.casefold() for name in self._names.values()}
        name, number = stem, 2
        while name.casefold() in used:
            name, number = f"{stem}_{number}", number + 1
        return name
