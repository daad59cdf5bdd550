"""How wide intervals will be, by simulating answers to the design as it is.

Loads scipy with annotations.statistics: import it only where a report is made.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from annotations.design.planned import ExpectedInterval, PlannedDesign, PlannedPart
from annotations.statistics.comparisons import comparisons
from annotations.statistics.planner import FEWEST_ITEMS, design_effect, planner
from annotations.statistics.win_rates import win_rate

Answers = list[tuple[int, int]]
"""(stimulus, rater) of each answer about two sources."""
MOST_ITEMS = 1_000
MOST_ANSWERS = 4_000
MOST_PAIRS = 15
WIN_SIMULATIONS = 40
STIMULUS_SHARE = 0.3
"""Of the variance of a latent preference: what raters of one client turn have in common."""
RATER_SHARE = 0.05
WITHIN_STIMULUS = 0.1
"""Correlation of the responses to one client turn; 0.05 to 0.2 is common."""


def expected_intervals(
    design: PlannedDesign,
    part: PlannedPart,
    given: Mapping[int, Sequence[int]],
    *,
    seed: int,
    alpha: float,
    tie_share: float,
    count: int,
) -> tuple[ExpectedInterval, ...]:
    found = expected_alpha(part, given, seed=seed, alpha=alpha, count=count)
    wins = expected_win_rates(design, part, given, seed=seed, tie_share=tie_share, count=count)
    return (*([found] if found else []), *wins)


def expected_alpha(
    part: PlannedPart, given: Mapping[int, Sequence[int]], *, seed: int, alpha: float, count: int
) -> ExpectedInterval | None:
    """None where items have a single rater, or the scale is not ordinal."""
    own = {item.key for item in part.items}
    answers = sum(key in own for keys in given.values() for key in keys)
    raters = answers // len(own) if own else 0
    if part.scale is None or raters < 2 or len(own) < FEWEST_ITEMS:
        return None
    simulated = min(len(own), MOST_ITEMS)
    plan = planner(
        alpha=alpha,
        scale=part.scale,
        raters=[raters],
        items=[simulated],
        simulations=max(count, 2),
        seed=number_of(seed, "alpha", part.name),
    )
    per_stimulus = len(own) / len({item.stimulus for item in part.items})
    wider = math.sqrt(design_effect(per_stimulus, WITHIN_STIMULUS))
    width = plan.rows[0]["width"]
    return ExpectedInterval(
        "alpha_ordinal",
        None,
        len(own),
        answers,
        None if width is None else min(2.0, width * wider * math.sqrt(simulated / len(own))),
        alpha_note(alpha, count, len(own), simulated, per_stimulus),
    )


def alpha_note(alpha: float, count: int, items: int, simulated: int, per_stimulus: float) -> str:
    note = (
        f"Alpha: an ordinal alpha of {alpha:g} is assumed; mean width of {count} simulated studies"
    )
    if simulated < items:
        note += (
            f" of {simulated:,} items instead of {items:,}, narrowed by the root of how many more "
            "there are"
        )
    if per_stimulus > 1:
        note += (
            f"; widened because {per_stimulus:.3g} items share a client turn (a correlation of "
            f"{WITHIN_STIMULUS:g} is assumed)"
        )
    return note + "."


def expected_win_rates(
    design: PlannedDesign,
    part: PlannedPart,
    given: Mapping[int, Sequence[int]],
    *,
    seed: int,
    tie_share: float,
    count: int,
) -> list[ExpectedInterval]:
    """Of each two sources that are shown together; of more than 15 pairs, of the two that have the
    fewest and the most answers."""
    answers = answers_by_pair(part, given)
    chosen = sorted(answers)
    if len(chosen) > MOST_PAIRS:
        by_size = sorted(chosen, key=lambda pair: len(answers[pair]))
        chosen = [by_size[0], by_size[-1]]
    ties = tie_share if part.ties else 0.0
    # Of a best-of-n only the answers that name one of the two say which is better.
    size = max((len(item.sources) for item in part.items), default=2)
    kept = 2 / size if part.design == "best_of_n" else 1.0
    note = wins_note(ties, kept, max((len(one) for one in answers.values()), default=0))
    intervals = []
    for pair in chosen:
        generator = np.random.default_rng(number_of(seed, "wins", part.name, *pair))
        stimuli, raters = thinned(answers[pair], kept, generator)
        width = win_rate_width(stimuli, raters, ties, min(count, WIN_SIMULATIONS), generator)
        intervals.append(
            ExpectedInterval(
                "win_rate",
                (design.source_name(pair[0]), design.source_name(pair[1])),
                len({stimulus for stimulus, _ in answers[pair]}),
                len(answers[pair]),
                width,
                note,
            )
        )
    return intervals


def answers_by_pair(
    part: PlannedPart, given: Mapping[int, Sequence[int]]
) -> dict[tuple[int, int], Answers]:
    by_key = {item.key: item for item in part.items if len(item.sources) > 1}
    answers: dict[tuple[int, int], Answers] = defaultdict(list)
    for rater, keys in given.items():
        for key in keys:
            if key in by_key:
                for one, other in combinations(sorted(by_key[key].sources), 2):
                    answers[one, other].append((by_key[key].stimulus, rater))
    return answers


def thinned(
    answers: Answers, kept: float, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stimuli and raters of a share of the answers; of very many, those to some stimuli only."""
    table = np.array(answers, dtype=np.int64)
    if len(table) > MOST_ANSWERS:
        stimuli = np.unique(table[:, 0])
        some = generator.permutation(stimuli)[: len(stimuli) * MOST_ANSWERS // len(table)]
        table = table[np.isin(table[:, 0], some)]
    if kept < 1:
        table = table[generator.random(len(table)) < kept]
    return table[:, 0], table[:, 1]


def win_rate_width(
    stimuli: NDArray[np.int64],
    raters: NDArray[np.int64],
    ties: float,
    count: int,
    generator: np.random.Generator,
) -> float | None:
    """Mean width of the 95 % interval for new stimuli and raters, both models being equally good.

    An answer is a latent preference, the sum of a stimulus, a rater and a residual effect, cut into
    loss, tie and win. None where most studies have no interval.
    """
    if not len(stimuli):
        return None
    groups = [np.unique(names, return_inverse=True)[1] for names in (stimuli, raters)]
    first, second = np.zeros(len(stimuli)), np.ones(len(stimuli))
    data = comparisons(
        first, second, first, models=["one", "other"], stimuli=groups[0], raters=groups[1]
    )
    cut = float(ndtri(0.5 + ties / 2))
    residual = math.sqrt(1 - STIMULUS_SHARE - RATER_SHARE)
    widths = []
    for _ in range(count):
        latent = residual * generator.standard_normal(len(data))
        for group, share in zip(groups, (STIMULUS_SHARE, RATER_SHARE), strict=True):
            effects = generator.standard_normal(int(group.max()) + 1)
            latent += math.sqrt(share) * effects[group]
        outcome = np.where(np.abs(latent) <= cut, 0, np.sign(latent)).astype(np.int64)
        found = win_rate(replace(data, outcome=outcome), "one", "other")
        if found.low is not None and found.high is not None:
            widths.append(found.high - found.low)
    return float(np.mean(widths)) if len(widths) * 2 > count else None


def wins_note(ties: float, kept: float, most_answers: int) -> str:
    note = "Win rates: two equally good models are assumed"
    if ties:
        note += f", {100 * ties:.0f} % ties"
    note += (
        ", answers to one client turn being alike and raters differing a little; interval for new "
        "client turns and raters"
    )
    if kept < 1:
        note += f"; {100 * kept:.0f} % of the answers name one of the two as the best"
    if most_answers > MOST_ANSWERS:
        note += (
            f"; simulated with about {MOST_ANSWERS:,} answers for each two models where there are "
            "more, so that the whole study will be somewhat narrower"
        )
    return note + "."


def number_of(seed: int, *words: object) -> int:
    """A seed of its own for each simulation, the same on every machine."""
    text = ":".join(str(word) for word in (seed, *words))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
