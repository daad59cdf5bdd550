"""What several judges say together, item by item, on arrays; for figures beside people's, never
pooled with them.

More than half of the panel's judges, and two at least, have to have answered a question; "can't
rate" is no answer. Then, item by item:

- a score is the median (between two scores where these are the middle ones);
- one of several answers, or the best of several responses, is what more than half of those who
  answered say;
- any of several answers are those that more than half of them name;
- a choice between two is the median of A clearly .. B clearly as 2 .. -2, rounded towards no
  difference, so that a majority always decides it;
- an order is by the mean place; equal means share a place where that is allowed.

Words and passages have no panel's answer. What is not decided stays open.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from annotations.analysis.families import Family
from annotations.selectors.judge_evidence import JudgeFacts

Array = NDArray[np.float64]
LEAST = 2


def panel_members(
    judges: Sequence[str], said: Array, known: Mapping[str, JudgeFacts]
) -> dict[str, Array]:
    """said: judges x items. Those that answered something and whose work is done; a judge whose
    answers came from elsewhere has done all it will."""
    return {
        judge: row
        for judge, row in zip(judges, said, strict=True)
        if answered(row) and (judge not in known or known[judge].done)
    }


def answered(row: Array) -> bool:
    return not np.isnan(row).all()


def counted_judges(members: int, judges: int) -> str:
    """Of those that there are; all where none is left out."""
    return f"{members} judges" if members == judges else f"{members} of {judges} judges"


def left_out(members: int, judges: int) -> str:
    """A sentence; empty where nobody is left out of a panel, or none could be."""
    n = judges - members
    if not n or judges < LEAST:
        return ""
    return (
        f"{n} of {judges} judges {'is' if n == 1 else 'are'} left out of the panel and of the "
        f"judges among themselves: still at work, stopped, or without any answer to this."
    )


def panel_facts(judges: Iterable[JudgeFacts]) -> JudgeFacts:
    """A panel has every difference of evidence that one of its judges has."""
    differences = dict.fromkeys(said for judge in judges for said in judge.differences)
    return JudgeFacts("", "", tuple(f"Of a judge of the panel: {said}" for said in differences))


def panel_scores(said: Array, family: Family, pairwise: bool) -> Array:
    """said: judges x items, NaN where a judge gave no answer. The median of scores, of choices
    between two rounded towards no difference; of answers without order what more than half of
    those who answered say. NaN where fewer than two judges, or not more than half of them,
    answered."""
    given = (~np.isnan(said)).sum(axis=0)
    decided = np.array(_medians(said) if family.ordered else _majorities(said), dtype=np.float64)
    if pairwise:
        decided = np.trunc(decided)
    decided[(given < LEAST) | (2 * given <= len(said))] = np.nan
    return decided


def _medians(said: Array) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of items that nobody answered
        medians: Array = np.nanmedian(said, axis=0)
    return medians


def _majorities(said: Array) -> list[float]:
    return [_majority(column[~np.isnan(column)]) for column in said.T]


def _majority(answers: Array) -> float:
    values, times = np.unique(answers, return_counts=True)
    if not len(values) or 2 * times.max() <= len(answers):
        return np.nan
    return float(values[times.argmax()])
