"""Krippendorff's alpha with its interval, against a loop over the package `krippendorff`.

    python benchmarks/agreement.py [--quick] [--json]

1,000 resamples on one thread. The loop resamples counts that are ready, which is the quickest way
to use the package. Ours is the bootstrap that `alpha` runs, jackknife included; beside it stands
the whole of `alpha`, with the value, its comparison with the package and the BCa interval. They run
in turns, so that other work on the machine slows all; with --quick the loop makes 30 resamples a
turn, otherwise 100, and its time is scaled. Seven criteria run in a child process, whose peak of
memory is that of the interpreter and all it holds. The last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import krippendorff
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from annotations.statistics.alpha import alpha, alpha_of_weights, alpha_value, alphas
from annotations.statistics.alpha_intervals import Drawing, bootstrap
from annotations.statistics.alpha_intervals import measure as measure_alpha
from annotations.statistics.alpha_levels import Level
from annotations.statistics.alpha_raters import alpha_leave_one_rater_out
from annotations.statistics.counts import Counts, code_ratings
from annotations.statistics.ratings import Ratings, ratings
from annotations.statistics.resampling import SEED

RESAMPLES = 1_000
TABLES = {"3x500": (3, 500, 0.0), "5x5000": (5, 5_000, 0.0), "20x20000": (20, 20_000, 0.8)}
CRITERIA = 7
COMPARED = 5
CALLS = 5
CONTINUOUS: tuple[Level, ...] = ("interval", "ordinal")


class Cost(NamedTuple):
    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="30 resamples of the loop, scaled")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    parser.add_argument("--seven", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.seven:
        print(json.dumps(seven_criteria()))
        return
    figures = measure(quick=arguments.quick)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))


def measure(*, quick: bool) -> dict[str, float]:
    figures = {"load_at_start": os.getloadavg()[0]}
    for name, (raters, items, missing) in TABLES.items():
        table = simulated(raters, items, missing=missing)
        figures |= {f"{key}_{name}": value for key, value in compare(table, quick=quick).items()}
    child = [sys.executable, str(Path(__file__)), "--seven"]
    figures |= json.loads(subprocess.run(child, check=True, capture_output=True).stdout)  # noqa: S603
    scores = continuous(20, 20_000)
    for level in CONTINUOUS:
        costs = [timed(partial(alpha_value, scores, level)) for _ in range(3)]
        figures[f"continuous_{level}_s"] = middle(costs).wall
    figures["continuous_s"] = max(figures[f"continuous_{level}_s"] for level in CONTINUOUS)
    return {
        name: round(value, 17 if "difference" in name else 4) for name, value in figures.items()
    }


def compare(table: Ratings, *, quick: bool) -> dict[str, float]:
    measured = measure_alpha(table, "ordinal")
    size, seconds = (30, 1.5) if quick else (100, 20)
    drawing = Drawing(confidence=0.95, resamples=RESAMPLES, seed=SEED, threads=1)
    loop: list[Cost] = []
    ours: list[Cost] = []
    whole: list[Cost] = []
    while len(loop) < 3 or sum(cost.wall for cost in loop) < seconds:
        loop.append(timed(partial(loop_over_package, measured.counts, size, len(loop))))
        ours.append(timed(partial(bootstrap, [measured], drawing), CALLS))
        whole.append(timed(partial(alpha, table, "ordinal", resamples=RESAMPLES), CALLS))
    theirs = Cost(*(part * RESAMPLES / size for part in middle(loop)))
    return {
        "loop_s": theirs.wall,
        "ours_s": middle(ours).wall,
        "speedup": theirs.wall / middle(ours).wall,
        "speedup_cpu": theirs.processor / middle(ours).processor,
        "whole_s": middle(whole).wall,
        "whole_speedup": theirs.wall / middle(whole).wall,
        "difference": largest_difference(table, measured.counts),
    }


def loop_over_package(counts: Counts, resamples: int, seed: int) -> list[float]:
    generator = np.random.default_rng(seed)
    table = counts.table.astype(np.int64)
    return [
        alpha_by_package(table[generator.integers(len(table), size=len(table))], counts.categories)
        for _ in range(resamples)
    ]


def alpha_by_package(table: NDArray[np.int64], categories: NDArray[np.float64]) -> float:
    return float(
        krippendorff.alpha(
            value_counts=table, value_domain=categories, level_of_measurement="ordinal"
        )
    )


def largest_difference(table: Ratings, counts: Counts) -> float:
    """Between the package and ours on the same resamples."""
    coded, drawn = code_ratings(table), np.random.default_rng(0)
    pick = drawn.integers(len(coded.columns), size=(COMPARED, len(coded.columns)))
    weights = np.zeros((COMPARED, len(table.items)))
    for row, places in zip(weights, pick, strict=True):
        row += np.bincount(coded.columns[places], minlength=len(row))
    ours = alpha_of_weights(table, "ordinal", weights)
    whole = counts.table.astype(np.int64)
    theirs = [alpha_by_package(whole[places], counts.categories) for places in pick]
    return float(np.abs(ours - theirs).max())


def seven_criteria() -> dict[str, float]:
    tables = [simulated(20, 20_000, seed=seed) for seed in range(CRITERIA)]

    def both() -> None:
        alphas(tables, "ordinal")
        for table in tables:
            alpha_leave_one_rater_out(table, "ordinal")

    cost = timed(both)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {"seven_criteria_s": cost.wall, "seven_criteria_cpu_s": cost.processor, "peak_mb": peak}


def simulated(raters: int, items: int, *, missing: float = 0.0, seed: int = 0) -> Ratings:
    """Items differ, raters err: whole scores from 1 to 10."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(0, 1.5, (raters, items))
    scores += draw.normal(6, 2, items)
    values = np.clip(np.rint(scores), 1, 10)
    values[draw.random(values.shape) < missing] = np.nan
    return ratings(values, scale=(1, 10))


def continuous(raters: int, items: int) -> Ratings:
    draw = np.random.default_rng(0)
    return ratings(draw.normal(0, 1, (raters, items)) + draw.normal(0, 1, items))


def timed(act: Callable[[], object], calls: int = 1) -> Cost:
    """Of one of so many calls."""
    began, used = time.perf_counter(), time.process_time()
    for _ in range(calls):
        act()
    return Cost((time.perf_counter() - began) / calls, (time.process_time() - used) / calls)


def middle(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def report(figures: dict[str, float]) -> None:
    print(f"load at the start: {figures['load_at_start']:.1f}; in brackets by processor time")
    for name in TABLES:
        print(
            f"ordinal alpha, {RESAMPLES:,} resamples, {name}: {figures[f'ours_s_{name}']:.4f} s; "
            f"loop {figures[f'loop_s_{name}']:.2f} s; {figures[f'speedup_{name}']:.0f} times "
            f"faster ({figures[f'speedup_cpu_{name}']:.0f}); all of alpha "
            f"{figures[f'whole_s_{name}']:.4f} s, {figures[f'whole_speedup_{name}']:.0f} times; "
            f"largest difference {figures[f'difference_{name}']:.1e}"
        )
    print(
        f"seven criteria of 20 x 20,000, BCa of 2,000 resamples and leave one rater out: "
        f"{figures['seven_criteria_s']:.2f} s ({figures['seven_criteria_cpu_s']:.2f}); peak "
        f"{figures['peak_mb']:.0f} MB"
    )
    print(
        f"continuous scores, 20 x 20,000, one value: interval "
        f"{figures['continuous_interval_s']:.3f} s, ordinal {figures['continuous_ordinal_s']:.3f} s"
    )


if __name__ == "__main__":
    main()
