"""From abilities and their resamples to a ranking: intervals, ranks, gaps between all pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.estimate import CONFIDENCE, Estimate
from annotations.statistics.multiplicity import holm
from annotations.statistics.resampling import RESAMPLES, SEED, draw_weights, resample_blocks

Array = NDArray[np.float64]
ELO = 400 / np.log(10)
SAME = 1e-9
"""Abilities closer than this, in log units, share a rank."""


@dataclass(frozen=True)
class Ranking:
    estimate: Estimate
    """value: how far the first-ranked model is above the last, in log units. rows, in the order of
    ranks: model, theta, elo, low, high, rank, rank_low, rank_high, share_ranked_first."""
    gaps: tuple[Mapping[str, Any], ...] = ()
    """One a pair: one, two, difference, low, high, p, p_holm (over all pairs), p_win, p_tie."""
    tie: Estimate | None = None
    order_effect: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """What is drawn, and how often."""

    clusters: int
    by: str
    resamples: int = RESAMPLES
    seed: int = SEED
    threads: int = 1
    confidence: float = CONFIDENCE

    @property
    def tails(self) -> Array:
        return np.array([(1 - self.confidence) / 2, (1 + self.confidence) / 2])


def bootstrap(refit: Callable[[Array], Array], plan: Resampling) -> Array:
    """refit: weights (B x clusters) -> B x K parameters, NaN where there is no maximum.

    Returns resamples x K.
    """

    def block(generator: np.random.Generator, size: int) -> Array:
        return refit(draw_weights(generator, plan.clusters, size))

    blocks = resample_blocks(block, resamples=plan.resamples, seed=plan.seed, threads=plan.threads)
    none = refit(np.empty((0, plan.clusters)))
    return np.concatenate([none, *blocks])


def ranking(
    name: str,
    models: Sequence[str],
    theta: Array,
    replicates: Array,
    plan: Resampling,
    *,
    probabilities: Callable[[Array], tuple[Array, Array]],
    method: str,
    counts: Mapping[str, Any],
    notes: tuple[str, ...] = (),
) -> Ranking:
    """theta: one a model; replicates: resamples x models, NaN rows where undefined.

    probabilities: differences in log units -> those of a win and of a tie.
    """
    kept = replicates[np.isfinite(replicates).all(axis=1)]
    no_interval = why_no_interval(plan, kept)
    rows = _model_rows(models, theta, kept, plan, no_interval)
    gaps = _gap_rows(models, theta, kept, plan, no_interval, probabilities)
    first, last = int(np.argmax(theta)), int(np.argmin(theta))
    spread = kept[:, first] - kept[:, last]
    low, high = (None, None) if no_interval else quantiles(spread, plan)
    return Ranking(
        Estimate(
            name=name,
            value=float(theta[first] - theta[last]),
            low=low,
            high=high,
            no_interval_because=no_interval,
            confidence=plan.confidence,
            n_clusters=plan.clusters,
            method=method,
            seed=plan.seed if plan.resamples else None,
            resamples=plan.resamples,
            undefined_resamples=1 - len(kept) / plan.resamples if plan.resamples else None,
            rows=rows,
            notes=(*notes, *_too_few_resamples(len(gaps), plan)),
            **counts,
        ),
        gaps,
    )


def parameter(
    name: str, value: float, replicates: Array, plan: Resampling, method: str, neutral: float | None
) -> Estimate:
    """A parameter beside the abilities. rows: its two-sided p against `neutral`, where that is."""
    kept = replicates[np.isfinite(replicates)]
    no_interval = why_no_interval(plan, kept)
    low, high = (None, None) if no_interval else quantiles(kept, plan)
    rows = () if neutral is None or no_interval else ({"p": two_sided_p(kept - neutral)},)
    return Estimate(
        name=name,
        value=value,
        low=low,
        high=high,
        no_interval_because=no_interval,
        confidence=plan.confidence,
        n_clusters=plan.clusters,
        method=method,
        seed=plan.seed if plan.resamples else None,
        resamples=plan.resamples,
        undefined_resamples=1 - len(kept) / plan.resamples if plan.resamples else None,
        rows=rows,
    )


def _too_few_resamples(pairs: int, plan: Resampling) -> tuple[str, ...]:
    """A bootstrap p is never below 2 / (resamples + 1), and Holm multiplies the smallest by all."""
    smallest = 2 * pairs / (plan.resamples + 1)
    if not plan.resamples or smallest < 1 - plan.confidence:
        return ()
    return (
        f"With {pairs} gaps and {plan.resamples} resamples p_holm cannot be below {smallest:.2f}: "
        "take more resamples.",
    )


def why_no_interval(plan: Resampling, kept: Array) -> str:
    if not plan.resamples:
        return "no resamples were asked for"
    if plan.clusters < 2:
        return f"there is only one {plan.by} to resample"
    if len(kept) < plan.resamples / 2:
        return "models were not linked in most of the resamples"
    return ""


def quantiles(values: Array, plan: Resampling) -> tuple[float, float]:
    low, high = np.quantile(values, plan.tails)
    return float(low), float(high)


def two_sided_p(replicates: Array) -> float:
    """Twice the smaller share of the resamples on either side of 0; never 0 itself."""
    fewer = min(int((replicates <= 0).sum()), int((replicates >= 0).sum()))
    return min(1.0, 2 * (1 + fewer) / (len(replicates) + 1))


def ranks(theta: Array) -> NDArray[np.int64]:
    """B x models: 1 for the most able; equals share the better rank."""
    above = theta[:, None, :] > theta[:, :, None] + SAME
    places: NDArray[np.int64] = 1 + above.sum(axis=2)
    return places


def _model_rows(
    models: Sequence[str], theta: Array, kept: Array, plan: Resampling, no_interval: str
) -> tuple[Mapping[str, Any], ...]:
    point = ranks(theta[None])[0]
    rows = [
        {"model": name, "theta": float(value), "elo": float(ELO * value), "rank": int(rank)}
        for name, value, rank in zip(models, theta, point, strict=True)
    ]
    ends = np.quantile(kept, plan.tails, axis=0) if not no_interval else None
    drawn = ranks(kept)
    first = drawn == 1
    for index, row in enumerate(rows):
        if ends is None:
            row |= dict.fromkeys(("low", "high", "rank_low", "rank_high", "share_ranked_first"))
            continue
        best, worst = np.quantile(drawn[:, index], plan.tails, method="inverted_cdf")
        row |= {
            "low": float(ends[0, index]),
            "high": float(ends[1, index]),
            "rank_low": int(best),
            "rank_high": int(worst),
            "share_ranked_first": float((first[:, index] / first.sum(axis=1)).mean()),
        }
    return tuple(sorted(rows, key=lambda row: row["rank"]))


def _gap_rows(
    models: Sequence[str],
    theta: Array,
    kept: Array,
    plan: Resampling,
    no_interval: str,
    probabilities: Callable[[Array], tuple[Array, Array]],
) -> tuple[Mapping[str, Any], ...]:
    pairs = list(combinations(range(len(models)), 2))
    one, two = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    differences = theta[one] - theta[two]
    wins, ties = probabilities(differences)
    rows: list[dict[str, Any]] = []
    for number, (a, b) in enumerate(pairs):
        drawn = kept[:, a] - kept[:, b]
        low, high = (None, None) if no_interval else quantiles(drawn, plan)
        rows.append(
            {
                "one": models[a],
                "two": models[b],
                "difference": float(differences[number]),
                "low": low,
                "high": high,
                "p": None if no_interval else two_sided_p(drawn),
                "p_win": float(wins[number]),
                "p_tie": float(ties[number]),
            }
        )
    adjusted = holm([row["p"] for row in rows])
    for row, p in zip(rows, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p) else float(p)
    return tuple(rows)
