"""A response cut where raters' marks begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Segment:
    text: str
    raters: tuple[str, ...]
    """Who marked it; empty: nobody."""
    strength: str
    """"one", "some" or "all" of those who read it; empty: nobody."""


@dataclass(frozen=True)
class MarkedText:
    question: str
    segments: tuple[Segment, ...]
    readers: int
    notes: tuple[tuple[str, str, str], ...]
    """(rater, passage, note) of those that have one."""


def marked_text(
    question: str, text: str, marked: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]
) -> MarkedText:
    """marked: (rater, spans), an entry each reader of the text."""
    readers = [(rater, list(spans)) for rater, spans in marked]
    ends = {0, len(text)}
    for _, spans in readers:
        ends |= {min(max(span[end], 0), len(text)) for span in spans for end in ("start", "end")}
    cuts = sorted(ends)
    segments = []
    for start, end in pairwise(cuts):
        who = tuple(rater for rater, spans in readers if _covers(spans, start, end))
        segments.append(Segment(text[start:end], who, _strength(len(who), len(readers))))
    return MarkedText(
        question,
        tuple(segments),
        len(readers),
        tuple(
            (rater, text[span["start"] : span["end"]], str(span["note"]))
            for rater, spans in readers
            for span in spans
            if span.get("note")
        ),
    )


def _covers(spans: Iterable[Mapping[str, Any]], start: int, end: int) -> bool:
    return any(span["start"] <= start and end <= span["end"] for span in spans)


def _strength(times: int, readers: int) -> str:
    if not times:
        return ""
    if times == readers and readers > 1:
        return "all"
    return "one" if times == 1 else "some"
