"""Captions: method, n, interval, seed and population, from the very estimates."""

from __future__ import annotations

import re
from collections.abc import Sequence

from annotations.analysis.settings import AnalysisSettings
from annotations.statistics.estimate import Estimate

BEFORE_ADJUDICATION = "Independent first ratings only, before any adjudication."


def figure_key(*parts: str) -> str:
    """Small letters, digits and hyphens: the stem of a picture's file name."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def spanned(counts: Sequence[int], noun: str) -> str:
    """ "212 items", or "198 to 212 items" where criteria differ."""
    low, high = min(counts, default=0), max(counts, default=0)
    return counted(low, noun) if low == high else f"{low:,} to {high:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """ "Empathy, Safety and Privacy"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def bootstrap_words(settings: AnalysisSettings, estimates: Sequence[Estimate]) -> str:
    clusters = {e.n_clusters for e in estimates if e.n_clusters is not None}
    over = counted(max(clusters), settings.cluster_word) if clusters else "items"
    return (
        f"{settings.percent} intervals by bootstrap over {over} ({settings.resamples:,} resamples, "
        f"BCa, seed {settings.seed})"
    )


def generalised(settings: AnalysisSettings) -> str:
    return f"Generalised to {settings.population}."


def number(value: float | None, digits: int = 2) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


def with_interval(estimate: Estimate, digits: int = 2) -> str:
    """ "0.62 [0.51, 0.71]", as the figures of a caption or table are written."""
    if estimate.low is None or estimate.high is None:
        return number(estimate.value, digits)
    low, high = number(estimate.low, digits), number(estimate.high, digits)
    return f"{number(estimate.value, digits)} [{low}, {high}]"


def interval_words(low: float | None, high: float | None, digits: int = 2) -> str:
    if low is None or high is None:
        return "no interval"
    return f"{number(low, digits)} to {number(high, digits)}"


def reason(estimate: Estimate) -> str:
    """Why the value is undefined, without the word "because"; empty where it is defined."""
    return estimate.undefined_because.removeprefix("because ")


def p_words(p: float | None) -> str:
    if p is None:
        return "p undefined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
