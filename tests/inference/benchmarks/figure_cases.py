"""Cases for the tests of benchmark figures."""

from __future__ import annotations

from collections.abc import Sequence

from inference.benchmarks.contract import Case, Figure, Label, Report


def emotion_cases(
    pairs: Sequence[tuple[str, str]], groups: Sequence[str] | None = None
) -> list[Case]:
    """Of (corpus label, predicted)."""
    names = groups or [""] * len(pairs)
    return [
        Case(f"c{n:05}", group, client_emotion=Label(*pair))
        for n, (pair, group) in enumerate(zip(pairs, names, strict=True))
    ]


def reply_cases(
    pairs: Sequence[tuple[str, str]], groups: Sequence[str] | None = None
) -> list[Case]:
    """Of (human reply, response)."""
    names = groups or [""] * len(pairs)
    return [
        Case(f"c{n:05}", group, reference=reference, response=response)
        for n, ((reference, response), group) in enumerate(zip(pairs, names, strict=True))
    ]


def figure(report: Report, name: str) -> Figure:
    return next(entry for entry in report.figures if entry.name == name)


def value(report: Report, name: str) -> float | None:
    return figure(report, name).estimate.value
