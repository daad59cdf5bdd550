"""One row of the comparison: our figure, what each package answers, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import Ratings, RatingsError, ratings
from tools.comparison_parts.answers import Answer, Ask, asked
from tools.comparison_parts.tables import Data

NOT_OFFERED, NOTHING = "—", "none"
EQUAL = 1e-10
STEPS = (1e-6, 1e-4)
"""A difference below one of these is only said to be: its digits are those of where an optimiser
stopped."""
SAME_END = 1e-6


@dataclass(frozen=True)
class Ours:
    text: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    statistic: str
    data: str
    ours: Ours
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """By the name of the package, of those that were asked."""

    def cell(self, peer: str) -> str:
        """The value of a package, and in brackets what it is off ours."""
        answer = self.answers.get(peer)
        if answer is None:
            return NOT_OFFERED
        if answer.value is None:
            return NOTHING
        if self.ours.value is None:
            return f"{answer.value:.6f}"
        return f"{answer.value:.6f} ({difference(answer.value - self.ours.value)})"

    def remarks(self) -> dict[str, str]:
        found = {peer: _remarks(answer, self.ours) for peer, answer in self.answers.items()}
        return {peer: "; ".join(parts) for peer, parts in found.items() if parts}


def difference(value: float) -> str:
    if abs(value) < EQUAL:
        return "="
    for step in STEPS:
        if abs(value) < step:
            return f"< {step:.0e}".replace("e-0", "e-")
    return f"{value:+.6f}"


def row(
    statistic: str,
    data: str,
    ours: Callable[[], Ours],
    questions: Mapping[str, Ask],
    available: Sequence[str],
) -> Row:
    """Asks those packages that are available."""
    answers = {peer: asked(ask) for peer, ask in questions.items() if peer in available}
    return Row(statistic, data, ours(), answers)


def estimated(data: Data, statistic: Callable[[Ratings], Estimate]) -> Callable[[], Ours]:
    def ours() -> Ours:
        try:
            table = ratings(data.values, scale=data.scale)
        except RatingsError as error:
            return Ours(f"refused: {error}", None)
        return _told(statistic(table))

    return ours


def number(value: float) -> Callable[[], Ours]:
    return lambda: Ours(f"{value:.6f}", value)


def _told(found: Estimate) -> Ours:
    if found.value is None:
        return Ours(f"undefined because {found.undefined_because}", None)
    if found.low is None or found.high is None:
        return Ours(f"{found.value:.6f}", found.value)
    interval = f"[{found.low:.4f}, {found.high:.4f}]"
    return Ours(f"{found.value:.6f} {interval}", found.value, found.low, found.high)


def _remarks(answer: Answer, ours: Ours) -> list[str]:
    parts = list(answer.remarks)
    if answer.value is not None and ours.value is None:
        parts.append("gives a number" if answer.warned else "gives a number without a warning")
    if answer.value is None or ours.low is None or ours.high is None:
        return parts
    if answer.low is None or answer.high is None:
        return [*parts, "no interval"]
    return [*parts, _interval_remark(answer.low, answer.high, ours.low, ours.high)]


def _interval_remark(low: float, high: float, our_low: float, our_high: float) -> str:
    if max(abs(low - our_low), abs(high - our_high)) < SAME_END:
        return "the same interval"
    rounded = (low, high) == (round(low, 2), round(high, 2))
    if rounded and (low, high) == (round(our_low, 2), round(our_high, 2)):
        return "the same interval, rounded to two decimals"
    return f"its interval is [{low:.4f}, {high:.4f}]"
