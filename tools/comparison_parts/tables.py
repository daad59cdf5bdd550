"""The data that packages are compared on: published and small, or simulated with a seed.

Each table is raters x items, NaN where there is no rating.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Data:
    name: str
    source: str
    values: Table
    scale: tuple[float, float] | None = None
    """As declared to those who rated, where that is known."""


KRIPPENDORFF = Data(
    "Krippendorff 2011",
    "Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, part C: 4 observers, 12 "
    "units, 7 ratings missing.",
    np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
            [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
        ]
    ),
    (1, 5),
)
SHROUT_FLEISS = Data(
    "Shrout & Fleiss 1979",
    "Shrout & Fleiss (1979), Intraclass correlations: uses in assessing rater reliability, "
    "Psychological Bulletin 86, table 2: 4 judges, 6 targets, scores from 1 to 10.",
    np.array(
        [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float
    ),
    (1, 10),
)


def _with_holes(values: Table) -> Table:
    holed = values.copy()
    holed[[2, 0, 3], [1, 4, 5]] = NAN
    return holed


HOLES = Data(
    "Shrout & Fleiss, 3 of 24 missing",
    "The same table without judge 3 on target 2, judge 1 on target 5 and judge 4 on target 6, "
    "left out by us.",
    _with_holes(SHROUT_FLEISS.values),
    (1, 10),
)
JUDGES_1_4 = Data(
    "Shrout & Fleiss, judges 1 and 4",
    "Two rows of the same table; they use six of the ten scores.",
    SHROUT_FLEISS.values[[0, 3]],
    (1, 10),
)
JUDGES_HOLES = Data(
    "the same, 2 of 12 missing",
    "Judges 1 and 4 with the two of the missing scores that are theirs.",
    HOLES.values[[0, 3]],
    (1, 10),
)


def two_raters(counts: list[list[int]]) -> Table:
    """From a contingency table, the first rater down; categories are numbered from 1."""
    size = len(counts)
    first, second = np.divmod(np.repeat(np.arange(size * size), np.ravel(counts)), size)
    return np.stack([first, second]) + 1.0


VISION = Data(
    "vision of two eyes",
    "Stuart (1953), The estimation and comparison of strengths of association in contingency "
    "tables, Biometrika 40: unaided vision of 7,477 women, right eye by left eye, four grades.",
    two_raters(
        [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
    ),
    (1, 4),
)
EVEN = Data(
    "Feinstein & Cicchetti, even",
    "Feinstein & Cicchetti (1990), High agreement but low kappa: I. The problems of two "
    "paradoxes, Journal of Clinical Epidemiology 43: 40 + 45 of 100 agree.",
    two_raters([[40, 9], [6, 45]]),
    (1, 2),
)
SKEWED = Data(
    "Feinstein & Cicchetti, skewed",
    "The same paper: 80 + 5 of 100 agree, and kappa is less than half.",
    two_raters([[80, 10], [5, 5]]),
    (1, 2),
)


def _from_counts(rows: list[str]) -> Table:
    """One word an item: how many raters gave each category. Who gave which is arbitrary."""
    items = [list(map(int, word)) for row in rows for word in row.split()]
    return np.array([np.repeat(np.arange(1.0, 6.0), counts) for counts in items]).T


FLEISS = Data(
    "Fleiss 1971",
    "Fleiss (1971), Measuring nominal scale agreement among many raters, Psychological Bulletin "
    "76, table 1: 30 patients, 6 psychiatrists each, 5 diagnoses; the table that his kappa was "
    "published with.",
    _from_counts(
        [
            "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050",
            "02031 00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040",
            "10500 00006",
        ]
    ),
    (1, 5),
)
BLAND_ALTMAN = Data(
    "Bland & Altman 1986",
    "Bland & Altman (1986), Statistical methods for assessing agreement between two methods of "
    "clinical measurement, Lancet: peak flow of 17 people, first readings of two meters.",
    np.array(
        [
            [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427],
            [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451],
        ],
        float,
    ),
)
CONSTANT = Data(
    "every rating a 7",
    "Ours: 2 raters, 3 items, scale from 1 to 10.",
    np.full((2, 3), 7.0),
    (1, 10),
)
ONE_PAIR = Data(
    "one item in common",
    "Ours: two items, the second rated once.",
    np.array([[1, 3], [2, NAN]]),
    (1, 10),
)
ONLY_ALONE = Data(
    "another score only where nobody else rated",
    "Ours: items 1 and 2 got a 7 from both raters, item 3 a 3 from one.",
    np.array([[7, 7, 3], [7, 7, NAN]]),
    (1, 10),
)
TRANSPOSED = Data(
    "Krippendorff 2011, items in rows",
    "The first table, turned by mistake.",
    KRIPPENDORFF.values.T,
    (1, 5),
)


def scored(raters: int, items: int, *, missing: float, seed: int, severity: float = 0.0) -> Table:
    """Whole scores from 1 to 10: items differ by an sd of 2, raters by that of their severity, and
    each rating errs by 1.5."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(5.5, 2, items)
    seen = truth + generator.normal(0, 1.5, (raters, items))
    values = np.clip(np.rint(seen + severity * generator.normal(size=(raters, 1))), 1, 10)
    values[generator.random(values.shape) < missing] = NAN
    return values


SIMULATED = Data(
    "simulated 20 x 400",
    "Ours, seed 2026: 20 raters, 400 items, scores from 1 to 10, 30 % missing at random.",
    scored(20, 400, missing=0.3, seed=2026),
    (1, 10),
)
P_VALUES = (0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074)
"""The seven smallest of Garcia-Arenzana et al. (2014), as in McDonald, Handbook of Biological
Statistics, "Multiple comparisons"."""
