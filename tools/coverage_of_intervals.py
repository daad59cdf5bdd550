"""How often 95 % intervals hold what they are for: simulated, ours and those that others make.

    python tools/coverage_of_intervals.py [--quick]

Every row draws tables from a population of items whose alpha is known from very many of them. Ours:
items (or clusters) resampled, BCa and percentile from the same resamples; raters' jackknife added
for new raters; Gwet's standard error for AC2. Theirs: pairs of ratings resampled with the expected
disagreement held fixed; ratings of an item drawn with replacement; raters drawn with replacement.
Prints Markdown. The same figures every time; --quick draws a tenth of the tables.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from annotations.statistics.alpha import alpha_value
from annotations.statistics.alpha_intervals import Drawing, bootstrap, measure
from annotations.statistics.alpha_raters import alpha_ci_new_raters
from annotations.statistics.chance_corrected import gwet_ac2_quadratic
from annotations.statistics.ratings import Ratings, ratings
from annotations.statistics.resampling import bca_interval

Table = NDArray[np.float64]
Ends = tuple[float, float] | None
Statistic = Callable[[Ratings], float | None]
SCORES = np.arange(1.0, 11.0)
TABLES, QUICK_TABLES = 1000, 100
RESAMPLES = 1000
THEIR_RESAMPLES = 400
LEVELS = (0.025, 0.975)
LARGE = 200_000
"""Items from which the population's figure is taken."""


@dataclass(frozen=True)
class Design:
    name: str
    raters: int
    items: int
    error: float
    """Standard deviation of what a rating errs, in points; that of the items is 2."""
    mean: float = 5.5
    missing: float = 0.0
    severity: float = 0.0
    """Standard deviation of the raters' own levels; raters are new in each table."""
    per_session: int = 1
    """Items that share half of their variance and how hard they are to judge."""

    def table(self, generator: np.random.Generator) -> Table:
        return self._draw(generator, self.raters, self.items, raters_of_item=False)

    def truth(self, statistic: Statistic) -> float:
        """Two raters an item are enough, and new ones for each item stand for raters at large."""
        values = self._draw(np.random.default_rng(1), 2, LARGE, raters_of_item=True)
        value = statistic(as_ratings(values))
        if value is None:
            raise ValueError(f"{self.name} has no figure.")
        return value

    def _draw(
        self, generator: np.random.Generator, raters: int, items: int, *, raters_of_item: bool
    ) -> Table:
        sessions = items // self.per_session
        session = np.repeat(np.arange(sessions), self.per_session)
        shared = 0.5 if self.per_session > 1 else 0.0
        truth = np.sqrt(shared) * generator.normal(size=sessions)[session]
        truth += np.sqrt(1 - shared) * generator.normal(size=items)
        hard = np.exp(shared * generator.normal(size=sessions))[session]
        seen = self.mean + 2 * truth + self.error * hard * generator.normal(size=(raters, items))
        levels = (raters, items) if raters_of_item else (raters, 1)
        seen += self.severity * generator.normal(size=levels)
        values: Table = np.clip(np.rint(seen), 1, 10)
        if not raters_of_item:
            values[generator.random(values.shape) < self.missing] = np.nan
        return values


DESIGNS = (
    Design("3 raters, 40 items", 3, 40, error=1.5),
    Design("3 raters, 100 items, low agreement", 3, 100, error=3.5),
    Design("5 raters, 60 items, nearly all scores 8 to 10", 5, 60, error=1.5, mean=9),
    Design("5 raters, 60 items, 40 % missing", 5, 60, error=2, missing=0.4),
    Design("20 raters, 200 items, 80 % missing", 20, 200, error=2, missing=0.8),
)
CLUSTERED = Design("3 raters, 40 sessions of 5 items", 3, 200, error=1.5, per_session=5)
NEW_RATERS = (
    Design("5 raters, 100 items", 5, 100, error=1.5, severity=1),
    Design("10 raters, 100 items", 10, 100, error=1.5, severity=1),
)


Intervals = Callable[[Design, Table, np.random.Generator], dict[str, Ends]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TABLES} tables a row")
    count = QUICK_TABLES if parser.parse_args().quick else TABLES
    print(
        f"{count:,} tables a row; a coverage of 95 % is known to "
        f"{196 * (0.95 * 0.05 / count) ** 0.5:.1f} points.\n"
    )
    show([(design, coverage(design, count, same_raters)) for design in DESIGNS])
    show([(CLUSTERED, coverage(CLUSTERED, count, in_sessions))])
    show([(design, coverage(design, count, other_raters)) for design in NEW_RATERS])


def show(found: list[tuple[Design, Mapping[str, float]]]) -> None:
    columns = ["design", *found[0][1]]
    lines = [
        [design.name, *[f"{100 * share:.1f} %" for share in row.values()]] for design, row in found
    ]
    for line in (columns, ["---"] * len(columns), *lines):
        print(f"| {' | '.join(line)} |")
    print(flush=True)


def coverage(design: Design, count: int, intervals: Intervals) -> dict[str, float]:
    """Per kind of interval, the share of the tables whose interval holds the population's figure.

    A table without an interval counts as not covered.
    """
    alpha = design.truth(lambda table: alpha_value(table, "ordinal"))
    ac2 = design.truth(lambda table: gwet_ac2_quadratic(table).value)
    hits: dict[str, int] = {}
    for child in np.random.SeedSequence(2026).spawn(count):
        generator = np.random.default_rng(child)
        for name, ends in intervals(design, design.table(generator), generator).items():
            truth = ac2 if name.startswith("AC2") else alpha
            hits[name] = hits.get(name, 0) + (ends is not None and ends[0] <= truth <= ends[1])
    return {name: hit / count for name, hit in hits.items()}


def same_raters(design: Design, values: Table, generator: np.random.Generator) -> dict[str, Ends]:
    bca, percentile = of_items(as_ratings(values), generator)
    found = gwet_ac2_quadratic(as_ratings(values))
    return {
        "BCa": bca,
        "percentile": percentile,
        "AC2, Gwet": ends_of(found.low, found.high),
        "pairs resampled": of_pairs(values, generator),
        "an item's ratings redrawn": of_ratings(values, generator),
        "raters redrawn": of_raters(values, generator),
    }


def in_sessions(design: Design, values: Table, generator: np.random.Generator) -> dict[str, Ends]:
    session = np.arange(design.items) // design.per_session
    found = gwet_ac2_quadratic(as_ratings(values, session))
    alone = gwet_ac2_quadratic(as_ratings(values))
    return {
        "BCa, sessions": of_items(as_ratings(values, session), generator)[0],
        "AC2, sessions": ends_of(found.low, found.high),
        "BCa, items as if independent": of_items(as_ratings(values), generator)[0],
        "AC2, items as if independent": ends_of(alone.low, alone.high),
    }


def other_raters(design: Design, values: Table, generator: np.random.Generator) -> dict[str, Ends]:
    seed = int(generator.integers(2**32))
    found = alpha_ci_new_raters(as_ratings(values), "ordinal", resamples=RESAMPLES, seed=seed)
    return {
        "alpha_ci_new_raters": ends_of(found.low, found.high),
        "BCa, items only": of_items(as_ratings(values), generator)[0],
    }


def of_items(table: Ratings, generator: np.random.Generator) -> tuple[Ends, Ends]:
    """BCa and percentile."""
    measured = measure(table, "ordinal")
    drawing = Drawing(0.95, RESAMPLES, int(generator.integers(2**32)), 1)
    drawn = bootstrap([measured], drawing)
    found = bca_interval(measured.value, drawn.replicates[0], drawn.left_out[0], 0.95)
    bca = None if found is None else (found.low, found.high)
    return bca, percentile(drawn.replicates[0])


def of_pairs(values: Table, generator: np.random.Generator) -> Ends:
    """Each pair of ratings of an item drawn as if it were one observation."""
    counts = tally(values[None])[0]
    n_c = counts.sum(axis=0)
    ranks = np.cumsum(n_c) - n_c / 2
    low, high = np.triu_indices(len(SCORES))
    both = np.where(low == high, (counts[:, low] - 1) / 2, counts[:, high]) * counts[:, low]
    weight = (both / (counts.sum(axis=1) - 1)[:, None]).sum(axis=0)
    metric = (ranks[low] - ranks[high]) ** 2
    pairs = int(both.sum())
    drawn = generator.multinomial(pairs, weight / weight.sum(), size=THEIR_RESAMPLES) / pairs
    n = n_c.sum()
    expected = 2 * n * (n_c * (ranks - n / 2) ** 2).sum() / (n * (n - 1))
    return percentile(1 - drawn @ metric / expected)


def of_ratings(values: Table, generator: np.random.Generator) -> Ends:
    """For each item as many of its ratings as it has, with replacement."""
    counts = tally(values[None])[0]
    m = counts.sum(axis=1).astype(int)
    shares = counts / m[:, None]
    drawn = generator.multinomial(m, shares, size=(THEIR_RESAMPLES, len(m)))
    return percentile(ordinal_alphas(drawn.astype(float)))


def of_raters(values: Table, generator: np.random.Generator) -> Ends:
    """As many raters as there are, with replacement: one drawn twice agrees with itself."""
    rows = generator.integers(len(values), size=(THEIR_RESAMPLES, len(values)))
    return percentile(
        ordinal_alphas(np.stack([tally(values[row][None], keep=True)[0] for row in rows]))
    )


def tally(tables: Table, *, keep: bool = False) -> Table:
    """B x raters x items -> B x items x scores; without `keep` only items with two ratings."""
    counts = np.stack([(tables == score).sum(axis=1) for score in SCORES], axis=-1).astype(float)
    return counts if keep else counts[:, counts[0].sum(axis=1) > 1]


def ordinal_alphas(counts: Table) -> Table:
    """B x items x scores -> B. Written out, as what is drawn here is no table of raters."""
    m = counts.sum(axis=2)
    counts = np.where((m > 1)[:, :, None], counts, 0)
    m = np.maximum(counts.sum(axis=2), 2)
    n_c = counts.sum(axis=1)
    n = n_c.sum(axis=1)
    ranks = np.cumsum(n_c, axis=1) - n_c / 2 - n[:, None] / 2
    sums = np.einsum("buc,bc->bu", counts, ranks)
    squares = np.einsum("buc,bc->bu", counts, ranks**2)
    observed = (2 * (counts.sum(axis=2) * squares - sums**2) / (m - 1)).sum(axis=1)
    expected = 2 * n * (n_c * ranks**2).sum(axis=1)
    alphas = np.full(len(counts), np.nan)
    np.divide((n - 1) * observed, expected, out=alphas, where=expected > 0)
    return 1 - alphas


def percentile(replicates: Table) -> Ends:
    defined = replicates[np.isfinite(replicates)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, LEVELS)
    return float(low), float(high)


def ends_of(low: float | None, high: float | None) -> Ends:
    return None if low is None or high is None else (low, high)


def as_ratings(values: Table, clusters: NDArray[np.int64] | None = None) -> Ratings:
    return ratings(values, scale=(1, 10), clusters=clusters)


if __name__ == "__main__":
    main()
