"""A figure with its uncertainty, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    method: str

    @property
    def low_percent(self) -> float:
        return 100 * self.low

    @property
    def high_percent(self) -> float:
        return 100 * self.high

    def as_dict(self) -> dict[str, object]:
        return {"low": self.low, "high": self.high, "method": self.method}


@dataclass(frozen=True)
class Estimate:
    """A share from 0 to 1. Undefined is never 0, 1 or NaN."""

    value: float | None
    undefined_because: str = ""
    interval: Interval | None = None
    """95 %."""
    no_interval_because: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.undefined_because):
            raise ValueError("An estimate has either a value or a reason.")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.value} is not an estimate.")

    @property
    def percent(self) -> float | None:
        return None if self.value is None else 100 * self.value

    def within(self, interval: Interval | None, no_interval_because: str = "") -> Estimate:
        if self.value is None:
            return self
        return replace(
            self, interval=interval, no_interval_because="" if interval else no_interval_because
        )

    def as_dict(self) -> dict[str, object]:
        return {
            "value": self.value,
            "undefined_because": self.undefined_because,
            "interval": self.interval and self.interval.as_dict(),
            "no_interval_because": self.no_interval_because,
        }


def share(part: int, whole: int, undefined_because: str) -> Estimate:
    return Estimate(part / whole) if whole else Estimate(None, undefined_because)


def mean_of(estimates: list[Estimate], undefined_because: str) -> Estimate:
    """Of those that are defined."""
    values = [estimate.value for estimate in estimates if estimate.value is not None]
    return (
        Estimate(math.fsum(values) / len(values)) if values else Estimate(None, undefined_because)
    )


def wilson(right: int, n: int) -> Interval | None:
    """Wilson (1927): it stays within 0 and 1 and has a length also at 0 and at n right."""
    if n == 0:
        return None
    p, z2 = right / n, Z_95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(max(0.0, middle - half), min(1.0, middle + half), "Wilson")
