"""Whether a judge may stand in for people: the alternative annotator test.

Each person is left out in turn, and it is asked who is closer to the others, item by item: the
person left out or the judge. The judge wins against a person if it does at least as well up to an
allowance epsilon, which is what a person's time and care cost more.

Calderon, Reichart & Dror (2025), The alternative annotator test for LLM-as-a-judge: how to
statistically justify replacing human annotators with LLMs.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.judges import judge_scores
from annotations.statistics.multiplicity import adjust
from annotations.statistics.ratings import Ratings

Array = NDArray[np.float64]
Closeness = Literal["neg_rmse", "accuracy"]
NAME = "judge_alternative_annotator"
FEWEST_PEOPLE = 3
FEWEST_ITEMS = 30
SAME = 1e-9
"""Rounding in the last digits puts nobody ahead."""
REPLACES = 0.5
"""From this winning rate on the authors let the judge stand in."""


def judge_alternative_annotator(
    people: Ratings,
    judge: ArrayLike,
    *,
    closeness: Closeness = "neg_rmse",
    epsilon: float = 0.2,
    q: float = 0.05,
    min_items: int = FEWEST_ITEMS,
) -> Estimate:
    """value: winning rate, the share of people against whom the judge wins; 0.5 and more passes.

    closeness to the other people: minus the root mean squared difference of scores, or the share of
    equal scores. epsilon: the authors take 0.2 against experts, 0.15 or 0.1 against others. q:
    false discovery rate (Benjamini & Yekutieli, 2001). A person counts with `min_items` items that
    the judge and another person scored too; three such people are needed.

    rows: rater, n_items, judge_advantage (share of items on which the judge is as close or closer),
    person_advantage, p (one-sided t test), p_by, judge_wins. The mean of judge_advantage, the
    authors' advantage probability, stands in the notes.
    """
    scores = judge_scores(people, judge)
    counts: dict[str, Any] = dict(people.counts())
    rows = [
        {"rater": name, **_against(people.values, place, scores, closeness, epsilon)}
        for place, name in enumerate(people.raters)
    ]
    tested = [row for row in rows if row["n_items"] >= min_items]
    if len(tested) < FEWEST_PEOPLE:
        return undefined(
            NAME,
            f"the test needs {FEWEST_PEOPLE} people with {min_items} items each that the judge and "
            f"another person scored, and there are {len(tested)}",
            **counts,
        )
    adjusted = adjust([row["p"] for row in tested], "by")
    for row, p in zip(tested, adjusted, strict=True):
        row |= {"p_by": float(p), "judge_wins": bool(p <= q)}
    winning = sum(row["judge_wins"] for row in tested) / len(tested)
    advantage = float(np.mean([row["judge_advantage"] for row in tested]))
    left_out = [row["rater"] for row in rows if row["n_items"] < min_items]
    return Estimate(
        name=NAME,
        value=winning,
        no_interval_because="it is the share of tests that the judge won",
        method=(
            f"Alternative annotator test (Calderon et al., 2025), closeness by {closeness}, "
            f"epsilon {epsilon:g}, Benjamini-Yekutieli at {q:g}; to new items and these people"
        ),
        rows=tuple(tested),
        notes=(
            f"Average advantage probability of the judge: {advantage:.3f}.",
            f"A winning rate of {REPLACES:g} and more lets the judge stand in for a person.",
            *([f"Too few items to be tested: {', '.join(left_out)}."] if left_out else []),
        ),
        **counts,
    )


def _against(
    values: Array, person: int, judge: Array, closeness: Closeness, epsilon: float
) -> dict[str, Any]:
    others = np.delete(values, person, axis=0)
    kept = ~np.isnan(values[person]) & ~np.isnan(judge) & ~np.isnan(others).all(axis=0)
    if not kept.any():
        return {"n_items": 0}
    own = _closeness(values[person, kept], others[:, kept], closeness)
    judges = _closeness(judge[kept], others[:, kept], closeness)
    judge_ahead, person_ahead = judges >= own - SAME, own >= judges - SAME
    difference = person_ahead.astype(np.float64) - judge_ahead
    return {
        "n_items": int(kept.sum()),
        "judge_advantage": float(judge_ahead.mean()),
        "person_advantage": float(person_ahead.mean()),
        "p": _p_below(difference, epsilon),
    }


def _closeness(score: Array, others: Array, closeness: Closeness) -> Array:
    """Per item. others: people x items, NaN where there is none."""
    given = ~np.isnan(others)
    if closeness == "accuracy":
        hits: Array = (others == score).sum(axis=0) / given.sum(axis=0)
        return hits
    squares = np.where(given, (np.where(given, others, 0) - score) ** 2, 0)
    apart: Array = -np.sqrt(squares.sum(axis=0) / given.sum(axis=0))
    return apart


def _p_below(difference: Array, epsilon: float) -> float:
    """One-sided t test that the mean lies below epsilon; its limit where nothing varies."""
    n, mean = len(difference), float(difference.mean())
    sd = float(difference.std(ddof=1)) if n > 1 else 0.0
    if sd == 0:
        return 0.0 if mean < epsilon else 1.0
    return float(stdtr(n - 1, (mean - epsilon) / (sd / math.sqrt(n))))
