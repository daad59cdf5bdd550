"""Which answers a figure is made of: chosen in the address, said beside the figure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from annotations.selectors.study_arrays import PartData

UNIT_FIELDS = ("corpus", "emotion", "strategy", "problem")
FLAGS = {"with": "with a concern flagged", "without": "without a flagged concern"}
LONGEST_MINIMUM = 3600


class FilterError(ValueError):
    """A filter in the address that cannot be read; the message names it."""


@dataclass(frozen=True)
class ResultsFilter:
    """Empty fields keep everything."""

    corpus: str = ""
    emotion: str = ""
    strategy: str = ""
    problem: str = ""
    flag: str = ""
    without: tuple[str, ...] = ()
    """Pseudonyms of raters left out."""
    min_seconds: int = 0
    """Answers given in less active time are left out."""

    @property
    def active(self) -> bool:
        return self != ResultsFilter()

    def as_json(self) -> dict[str, Any]:
        """Only what was chosen."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value
        }

    @property
    def key(self) -> str:
        """Empty without filters."""
        if not self.active:
            return ""
        text = json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def query(self) -> list[tuple[str, str]]:
        """As in the address."""
        pairs = [(key, str(value)) for key, value in self.as_json().items() if key != "without"]
        return pairs + [("without", rater) for rater in self.without]

    def words(self) -> list[str]:
        """Each choice in words, for captions and headings."""
        chosen = []
        if self.corpus:
            chosen.append(f"corpus “{self.corpus}”")
        if self.emotion:
            chosen.append(f"client's emotion “{self.emotion}” (corpus label, not a diagnosis)")
        if self.strategy:
            chosen.append(f"therapist's strategy in the corpus “{self.strategy}”")
        if self.problem:
            chosen.append(f"problem type “{self.problem}”")
        if self.flag:
            chosen.append(f"responses {FLAGS[self.flag]}")
        if self.without:
            chosen.append(f"without rater {', '.join(self.without)}")
        if self.min_seconds:
            chosen.append(f"answers given in at least {self.min_seconds} s of active time")
        return chosen


def read_filter(given: Mapping[str, Any]) -> ResultsFilter:
    """From JSON, or from lists of an address. Raises FilterError."""
    known = {field.name for field in fields(ResultsFilter)}
    values: dict[str, Any] = {}
    for key in known & given.keys():
        value = given[key]
        if key == "without":
            names = [value] if isinstance(value, str) else list(value)
            values[key] = tuple(sorted({name for name in names if name}))
        elif key == "min_seconds":
            values[key] = _seconds(value)
        else:
            values[key] = str(value)[:200]
    if values.get("flag", "") not in ("", *FLAGS):
        raise FilterError(f"The filter “flag” is one of {', '.join(FLAGS)}, not {values['flag']}.")
    return ResultsFilter(**values)


def _seconds(value: Any) -> int:
    text = str(value).strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text) > LONGEST_MINIMUM:
        raise FilterError(
            f"The filter “min_seconds” is a whole number up to {LONGEST_MINIMUM}, not “{text}”."
        )
    return int(text)


def apply_filter(data: PartData, chosen: ResultsFilter) -> PartData:
    if not chosen.active:
        return data
    units = np.ones(len(data.units), dtype=bool)
    for name in UNIT_FIELDS:
        if getattr(chosen, name):
            units &= getattr(data.units, name) == getattr(chosen, name)
    if chosen.flag:
        units &= data.units.flagged == (chosen.flag == "with")
    kept = np.ones(data.asked.shape, dtype=bool)
    kept &= ~np.isin(data.raters, chosen.without)[:, None]
    if chosen.min_seconds:
        kept &= ~(data.seconds < chosen.min_seconds)
    return data.kept(units, kept)
