"""The point value of alpha against the package `krippendorff`, wherever that package can run."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

import krippendorff
import numpy as np

from annotations.statistics.alpha_levels import Level
from annotations.statistics.counts import Counts
from annotations.statistics.estimate import OURS

MOST_CELLS = 2_000_000
"""Of its arrays of items x categories x categories: 40 ms and 80 MB."""
TOLERANCE = 1e-10
NOT_COMPARED = f"{OURS} (the krippendorff package would need more memory than is sensible here)"


class PackageDisagreementError(AssertionError):
    """Two implementations of one formula differ: one of them is wrong, so neither is shown."""


def difference_from_package(counts: Counts, level: Level, value: float) -> float | None:
    """Ours less theirs; None where theirs would need arrays of more than MOST_CELLS."""
    items, categories = counts.table.shape
    if items * categories**2 > MOST_CELLS:
        return None
    theirs = krippendorff.alpha(
        value_counts=(counts.table.toarray() if counts.sparse else counts.table).astype(np.int64),
        value_domain=counts.categories,
        level_of_measurement=level,
    )
    return float(value - theirs)


def computed_by(counts: Counts, level: Level, value: float) -> str:
    """Raises PackageDisagreementError where the package can run and gives another value."""
    difference = difference_from_package(counts, level, value)
    if difference is None:
        return NOT_COMPARED
    if not abs(difference) < TOLERANCE:
        raise PackageDisagreementError(
            f"{level} alpha is {value!r} here and {value - difference!r} in the krippendorff "
            f"package: this is a bug, please report it with the table."
        )
    return f"{OURS}; equal to krippendorff {_version()} within {TOLERANCE:g}"


@cache
def _version() -> str:
    return version("krippendorff")
