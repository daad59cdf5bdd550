"""How often 95 % intervals of crossed ICCs and of severity hold what is true: simulated.

    python tools/coverage_of_variance_intervals.py [--quick]

Every row draws tables of normal items, raters and errors whose variances are known, the raters
differing little or much. Prints Markdown: the coverage of icc_a1 (that of icc_ak is the same to
within a table or two), icc_c1 and severity. The same figures every time; --quick draws a tenth of
the tables.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from annotations.statistics.icc_incomplete import fit_table
from annotations.statistics.ratings import ratings
from annotations.statistics.variance_draws import variance_draws

Array = NDArray[np.float64]
Asked = Callable[[np.random.Generator], NDArray[np.bool_]]
TABLES, QUICK_TABLES = 400, 40
DRAWS = 4_000
ITEM_SD = 1.5
"""In standard deviations of the residual."""
RATER_SDS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Design:
    name: str
    asked: Asked
    """Raters x items: who rates what."""


def complete(raters: int, items: int) -> Asked:
    return lambda _: np.ones((raters, items), dtype=np.bool_)


def at_random(raters: int, items: int, share: float) -> Asked:
    return lambda generator: generator.random((raters, items)) < share


def mostly_alone(raters: int, common: int, own: int) -> Asked:
    alone = np.kron(np.eye(raters, dtype=np.bool_), np.ones((1, own), dtype=np.bool_))
    return lambda _: np.hstack([np.ones((raters, common), dtype=np.bool_), alone])


DESIGNS = (
    Design("3 raters, 100 items", complete(3, 100)),
    Design("4 raters, 40 items", complete(4, 40)),
    Design("5 raters, 200 items", complete(5, 200)),
    Design("8 raters, 100 items", complete(8, 100)),
    Design("20 raters, 50 items, 50 % missing", at_random(20, 50, 0.5)),
    Design("6 raters, 10 items in common, 40 alone", mostly_alone(6, 10, 40)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TABLES} tables a row")
    count = QUICK_TABLES if parser.parse_args().quick else TABLES
    columns = ("design", *(f"raters differ by {sd:g}" for sd in RATER_SDS))
    for line in (columns, ("---",) * len(columns)):
        print(f"| {' | '.join(line)} |")
    for design in DESIGNS:
        shares = [100 * coverage(design, sd, count) for sd in RATER_SDS]
        cells = [" · ".join(f"{share:.1f}" for share in row) for row in shares]
        print(f"| {' | '.join((design.name, *cells))} |", flush=True)


def coverage(design: Design, rater_sd: float, count: int) -> Array:
    """Share of the tables whose interval holds the true icc_a1, icc_c1 and severity."""
    truth = figures(np.array([ITEM_SD, rater_sd, 1.0]) ** 2)
    hits = np.zeros(len(truth))
    for child in np.random.SeedSequence(2026).spawn(count):
        generator = np.random.default_rng(child)
        asked = design.asked(generator)
        values = np.where(asked, drawn(generator, asked.shape, rater_sd), np.nan)
        table = ratings(values, more_raters_than_items=True)
        made = figures(variance_draws(fit_table(table), table, seed=1, draws=DRAWS))
        low, high = np.quantile(made, [0.025, 0.975], axis=1)
        hits += (low <= truth) & (truth <= high)
    return hits / count


def drawn(generator: np.random.Generator, shape: tuple[int, ...], rater_sd: float) -> Array:
    raters, items = shape
    scores: Array = ITEM_SD * generator.normal(size=items) + generator.normal(size=shape)
    return scores + rater_sd * generator.normal(size=(raters, 1))


def figures(variances: Array) -> Array:
    """Item, rater, residual in the last axis -> icc_a1, icc_c1, severity in the first."""
    item, rater, error = np.moveaxis(variances, -1, 0)
    return np.stack([item / (item + rater + error), item / (item + error), np.sqrt(rater)])


if __name__ == "__main__":
    main()
