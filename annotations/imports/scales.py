"""What codebook.csv says of criteria: how far their scales reach, and which way they run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from annotations.exports.codebook import SCALE
from annotations.exports.tables.spelling import unmarked
from annotations.imports.rows import optional_text, rows_of


@dataclass
class Scales:
    ends: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Criterion -> lowest and highest value; missing where the codebook does not say."""
    reversed: set[str] = field(default_factory=set)
    without_order: set[str] = field(default_factory=set)


def read_scales(path: Path | None) -> Scales:
    scales = Scales()
    for _, row in rows_of(path) if path else ():
        name, values = (unmarked(optional_text(row, cell)) for cell in ("variable", "values"))
        reach = SCALE.match(values)
        named = reach.groups() if reach else re.findall(r"(?:^|; )(-?\d+) = ", values)
        if len(numbers := [float(number) for number in named]) > 1:
            scales.ends[name] = (min(numbers), max(numbers))
        if optional_text(row, "reverse_scored").lower() in ("yes", "true", "1"):
            scales.reversed.add(name)
        if optional_text(row, "level") == "nominal":
            scales.without_order.add(name)
    return scales
