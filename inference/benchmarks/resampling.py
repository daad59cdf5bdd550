"""Intervals and tests that keep cases of one session together.

Bootstrap over sessions: Field & Welsh (2007), Bootstrapping clustered data, JRSS B 69, 369-390.
Every figure of a report is computed from the same draws of sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.benchmarks.contract import Case, Options
from inference.benchmarks.measures import Floats, Measure
from inference.recognition.estimates import Estimate, Interval

ROWS = 200
"""Resamples drawn at once."""
MOST_UNDEFINED = 0.05
NO_SPREAD = "every resample gives the same value, as where all answers are right"


@dataclass(frozen=True, eq=False)
class Groups:
    of_case: NDArray[np.int64]
    count: int
    clustered: bool
    """Whether some session holds several cases."""

    @property
    def unit(self) -> str:
        return "sessions" if self.clustered else "cases"

    def sums(self, cells: Floats) -> Floats:
        """(cases, k) -> (groups, k)."""
        found = np.zeros((self.count, cells.shape[1]))
        np.add.at(found, self.of_case, cells)
        return found


def groups_of(cases: Sequence[Case]) -> Groups:
    """Numbered in the order of their names, so that the order of the cases changes nothing."""
    names = [f"g:{case.group}" if case.group else f"k:{case.key}" for case in cases]
    place = {name: number for number, name in enumerate(sorted(set(names)))}
    return Groups(
        of_case=np.array([place[name] for name in names], dtype=np.int64),
        count=len(place),
        clustered=len(place) < len(names),
    )


def draws(count: int, options: Options) -> Iterator[Floats]:
    """(rows, groups): how often each group is drawn."""
    generator = np.random.default_rng(options.seed)
    for start in range(0, options.resamples, ROWS):
        rows = min(ROWS, options.resamples - start)
        yield generator.multinomial(count, np.full(count, 1 / count), size=rows).astype(np.float64)


def resampled(
    measures: Sequence[Measure], groups: Groups, options: Options
) -> list[NDArray[np.float64]]:
    """For each measure its value in every resample; measures that share cells share their sums."""
    sums = {id(measure.cells): groups.sums(measure.cells) for measure in measures}
    found: list[list[Floats]] = [[] for _ in measures]
    for weights in draws(groups.count, options):
        totals = {key: weights @ cells for key, cells in sums.items()}
        for values, measure in zip(found, measures, strict=True):
            values.append(measure.value(totals[id(measure.cells)]))
    return [np.concatenate(values) for values in found]


def estimates(measures: Sequence[Measure], groups: Groups, options: Options) -> dict[str, Estimate]:
    """By name; each with its interval or the reason why it has none."""
    if groups.count < 2:
        reason = f"all cases belong to one of the {groups.unit}"
        return {measure.name: _point(measure, None, reason) for measure in measures}
    found = {}
    for measure, values in zip(measures, resampled(measures, groups, options), strict=True):
        interval, reason = percentile_interval(values, groups, options)
        found[measure.name] = _point(measure, interval, reason)
    return found


def _point(measure: Measure, interval: Interval | None, reason: str) -> Estimate:
    value = measure.point
    if value is None:
        return Estimate(None, measure.undefined_because)
    return Estimate(value).within(interval, reason)


def percentile_interval(
    values: Floats, groups: Groups, options: Options
) -> tuple[Interval | None, str]:
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(values):
        return None, "it is undefined in more than 5 % of the resamples"
    tail = 50 * (1 - options.confidence)
    low, high = np.percentile(defined, [tail, 100 - tail])
    if not low < high:
        return None, NO_SPREAD
    return Interval(float(low), float(high), interval_method(groups, options)), ""


def interval_method(groups: Groups, options: Options) -> str:
    return (
        f"{100 * options.confidence:g} % percentile bootstrap over {groups.count:,} {groups.unit}, "
        f"{options.resamples:,} resamples, seed {options.seed}"
    )


def swaps(count: int, options: Options) -> tuple[Iterator[Floats], bool]:
    """(rows, groups) of 0 and 1: the groups whose two answers change places. All ways of doing so
    where they are not more than the resamples (True), else random ones."""
    if count < 63 and 2**count <= options.resamples:
        return _all_swaps(count), True
    return _random_swaps(count, options), False


def _all_swaps(count: int) -> Iterator[Floats]:
    numbers = np.arange(2**count)
    for start in range(0, len(numbers), ROWS):
        chosen = numbers[start : start + ROWS, None] >> np.arange(count)
        yield (chosen & 1).astype(np.float64)


def _random_swaps(count: int, options: Options) -> Iterator[Floats]:
    generator = np.random.default_rng([options.seed, 1])
    for start in range(0, options.resamples, ROWS):
        rows = min(ROWS, options.resamples - start)
        yield generator.integers(0, 2, size=(rows, count)).astype(np.float64)
