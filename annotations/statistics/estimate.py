"""What a statistic gives back: one figure with its interval and its n, or the reason for none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

CONFIDENCE = 0.95
OURS = "MoodEval"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value or the reason why there is none; an undefined value is never 0, 1 or NaN.

    `rows` holds what the figure was made of, one mapping of plain values each (a rater, a pair, an
    item), where a statistic gives more than one number.
    """

    name: str
    """As in docs/statistics.md, for example "alpha_ordinal"."""
    value: float | None
    undefined_because: str = ""
    low: float | None = None
    high: float | None = None
    no_interval_because: str = ""
    confidence: float = CONFIDENCE
    standard_error: float | None = None
    n_items: int = 0
    """Items with at least one rating."""
    n_pairable: int = 0
    """Items with at least two."""
    n_raters: int = 0
    n_ratings: int = 0
    n_clusters: int | None = None
    """What was resampled, where items were not resampled one by one."""
    method: str = ""
    """How value and interval were made, in words that a paper can quote."""
    computed_by: str = OURS
    seed: int | None = None
    resamples: int | None = None
    undefined_resamples: float | None = None
    """Share of the resamples in which the statistic was undefined, 0 to 1."""
    rows: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.undefined_because):
            raise ValueError(f"{self.name}: an estimate has either a value or a reason.")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.name}: an interval has two ends.")
        for part in (self.value, self.low, self.high, self.standard_error):
            if part is not None and not math.isfinite(part):
                raise ValueError(f"{self.name}: {part} is not an estimate.")

    @property
    def defined(self) -> bool:
        return self.value is not None

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite come as null."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def undefined(name: str, because: str, **known: Any) -> Estimate:
    return Estimate(name=name, value=None, undefined_because=because, **known)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
