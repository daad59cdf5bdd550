"""Time to design a large study, and whether the design keeps its promises.

    python benchmarks/assignment.py [--quick] [--json]

200 raters x 10,000 items x 3 raters per item, once as single responses and once as pairs of 4
models: who judges what, each rater's order, sides, repeats and reference items, and the report
before the launch. Then a rater drops out and ten join late. Nothing of this touches the database;
at the end a study of single responses is launched in a private PostgreSQL (`launch_s`).
Every item, load and side is counted afterwards; a broken promise ends the run with exit code 1.
The last line with --json is one JSON object; `seconds` is the slower of the two assignments.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from annotations.design import (
    DesignItem,
    PlannedDesign,
    PlannedPart,
    assign_items,
    counterbalance_study,
    design_report,
    order_items,
    place_reference,
    place_repeats,
    rebalance,
    shift_to_newcomers,
)
from benchmarks.assignment_parts.launch import launched

SEED = 5
MODELS = 4
LIMIT_S = 10.0
LAUNCH_LIMIT_S = 30.0
Figure = float | int | bool
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20 raters x 1,000 items")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    raters, items = (20, 1_000) if arguments.quick else (200, 10_000)
    figures = measure(raters=raters, items=items, overlap=3)
    figures |= launched(raters=raters, items=items, overlap=3, models=MODELS)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))
    exact = ("item_overlap_exact", "rebalanced_exact", "launch_exact")
    kept = all(figures[name] for name in exact)
    if not kept or figures["max_load_difference"] > 1:
        sys.exit(1)


def measure(*, raters: int, items: int, overlap: int) -> dict[str, Figure]:
    figures: dict[str, Figure] = {"load_at_start": round(os.getloadavg()[0], 2)}
    figures |= {"raters": raters, "items": items, "overlap": overlap}
    exact, differences = True, []
    for name, size in (("single", 1), ("pairs", 2)):
        design = crossed(items, size)
        given, figures[f"assign_{name}_s"] = timed(
            partial(assign_items, design, range(raters), overlap, SEED)
        )
        counts = Counter(key for keys in given.values() for key in keys)
        exact &= all(counts[item.key] == overlap for item in design)
        exact &= all(len(set(keys)) == len(keys) for keys in given.values())
        differences.append(difference(len(keys) for keys in given.values()))
        figures |= {f"{key}_{name}": value for key, value in evenness(design, given).items()}
    figures |= planned(design, given)
    figures |= changed(given)
    figures["max_load_difference"] = max(differences)
    figures["item_overlap_exact"] = exact
    figures["seconds"] = max(figures["assign_single_s"], figures["assign_pairs_s"])
    return figures


def crossed(count: int, size: int) -> list[DesignItem]:
    """So many items, every group of `size` models for one stimulus after the other."""
    groups = list(combinations(range(MODELS), size))
    return [DesignItem(key, key // len(groups), groups[key % len(groups)]) for key in range(count)]


def evenness(design: Sequence[DesignItem], given: Mapping[int, Sequence[int]]) -> dict[str, int]:
    """Largest differences: of raters in one group of models, of pairs of raters in shared items."""
    sources = {item.key: item.sources for item in design}
    seen = Counter((rater, sources[key]) for rater, keys in given.items() for key in keys)
    raters_of: dict[int, list[int]] = {}
    for rater, keys in given.items():
        for key in keys:
            raters_of.setdefault(key, []).append(rater)
    shared = Counter(pair for some in raters_of.values() for pair in combinations(some, 2))
    return {
        "group_difference": max(
            difference(seen[rater, group] for rater in given) for group in set(sources.values())
        ),
        "shared_difference": difference(shared[pair] for pair in combinations(given, 2)),
    }


def planned(design: Sequence[DesignItem], given: Mapping[int, Sequence[int]]) -> dict[str, Figure]:
    by_key = {item.key: item for item in design}
    panel = range(len(design), len(design) + 40)
    work, order_s = timed(
        lambda: {
            rater: [by_key[key] for key in order_items([by_key[k] for k in keys], SEED, rater)]
            for rater, keys in given.items()
        }
    )
    orders, sides_s = timed(lambda: counterbalance_study(work, SEED))
    sequence, sequence_s = timed(
        lambda: {
            rater: place_reference(
                place_repeats([item.key for item in items], 0.1, SEED, rater),
                panel,
                0.05,
                SEED,
                rater,
            )
            for rater, items in work.items()
        }
    )
    lead: Counter[tuple[str, int, tuple[int, ...]]] = Counter()
    shown = {}
    for rater, items in work.items():
        for item, order in zip(items, orders[rater], strict=True):
            sign = 1 if order == item.sources else -1
            lead["item", item.key, ()] += sign
            lead["rater", rater, item.sources] += sign
            shown[rater, item.key] = order
    part = PlannedPart(
        name="pairs",
        design="pairwise",
        items=design,
        criteria=["overall"],
        seconds_per_item=60,
        scale=(-2, 2),
        ties=True,
        reference_items=panel,
    )
    whole = PlannedDesign(parts=[part], work=sequence, shown=shown)
    _, report_s = timed(lambda: design_report(whole))
    return {
        "order_s": order_s,
        "sides_s": sides_s,
        "sequence_s": sequence_s,
        "report_s": report_s,
        "side_difference_per_item": max(abs(n) for (k, *_), n in lead.items() if k == "item"),
        "side_difference_per_rater_pair": max(
            abs(n) for (k, *_), n in lead.items() if k == "rater"
        ),
    }


def changed(given: Mapping[int, Sequence[int]]) -> dict[str, Figure]:
    """The first rater drops out with half of his work done; then a twentieth more raters join."""
    gone, *stay = given
    opened = {rater: set(keys[: len(keys) // 2]) for rater, keys in given.items()}
    slots = [(key, 1) for key in given[gone] if key not in opened[gone]]
    loads = {rater: len(given[rater]) - len(opened[rater]) for rater in stay}
    taken, rebalance_s = timed(lambda: rebalance(slots, stay, given, loads, SEED))
    held = {rater: list(given[rater]) for rater in stay}
    for (key, _), rater in taken.items():
        held[rater].append(key)
    newcomers = range(len(given), len(given) + max(1, len(given) // 20))
    unstarted = {rater: [k for k in keys if k not in opened[rater]] for rater, keys in held.items()}
    loads = {rater: len(keys) for rater, keys in unstarted.items()}
    moved, shift_s = timed(lambda: shift_to_newcomers(unstarted, loads, newcomers, SEED))
    left = {rater: set(keys) for rater, keys in unstarted.items()} | {n: set() for n in newcomers}
    for (rater, key), newcomer in moved.items():
        left[rater].remove(key)
        left[newcomer].add(key)
    places = sum(len(keys) for keys in left.values())
    return {
        "rebalance_s": rebalance_s,
        "shift_s": shift_s,
        "moved": len(slots) + len(moved),
        "rebalanced_load_difference": difference(len(keys) for keys in left.values()),
        "rebalanced_exact": len(taken) == len(slots)
        and all(key not in given[rater] for (key, _), rater in taken.items())
        and places == sum(loads.values()),
    }


def difference(counts: Iterable[int]) -> int:
    numbers = list(counts)
    return max(numbers) - min(numbers)


def timed(act: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = act()
    return result, round(time.perf_counter() - began, 3)


def report(figures: Mapping[str, Figure]) -> None:
    print(
        f"{figures['raters']} raters x {figures['items']:,} items x {figures['overlap']} raters "
        f"per item; limit {LIMIT_S:.0f} s for the assignment, {LAUNCH_LIMIT_S:.0f} s for the "
        f"launch; load {figures['load_at_start']}"
    )
    for name in [key.removesuffix("_s") for key in figures if key.endswith("_s")]:
        print(f"{name:16}{figures[f'{name}_s']:8.2f} s")
    for name in [key for key in figures if "difference" in key or "exact" in key]:
        print(f"{name:34}{figures[name]}")


if __name__ == "__main__":
    main()
