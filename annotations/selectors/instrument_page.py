"""An instrument as its page shows it: what raters read, with the scale drawn out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotations.instruments import CriterionText, InstrumentText

KINDS: Mapping[str, str] = {
    "score": "Score on a scale",
    "choice": "One of several answers",
    "multiple": "Any of several answers",
    "text": "Answer in words",
    "spans": "Passages marked in the response",
}


@dataclass(frozen=True)
class Point:
    label: str
    words: str = ""


@dataclass(frozen=True)
class CriterionShown:
    text: CriterionText
    kind: str
    points: tuple[Point, ...]
    """Of a scale or a choice."""
    condition: str
    """As: “Empathy” was answered with 1 or 2. Empty: always asked."""

    @property
    def has_line(self) -> bool:
        return self.text.kind == "score" and self.text.widget == "slider"

    @property
    def chain_part(self) -> str:
        return self.text.about_chain.replace("_", " ")


def criteria_shown(instrument: InstrumentText) -> list[CriterionShown]:
    names = {criterion.slug: criterion for criterion in instrument.criteria}
    return [
        CriterionShown(
            criterion, KINDS[criterion.kind], _points(criterion), _condition(criterion, names)
        )
        for criterion in instrument.criteria
    ]


def _points(criterion: CriterionText) -> tuple[Point, ...]:
    if criterion.kind != "score":
        return tuple(Point(str(option["label"])) for option in criterion.options)
    low, high = criterion.scale_min, criterion.scale_max
    ends = {str(low): criterion.anchor_low, str(high): criterion.anchor_high}
    words = ends | criterion.anchors
    shown = words if criterion.widget == "slider" else map(str, range(low, high + 1))
    return tuple(Point(score, words.get(score, "")) for score in sorted(shown, key=int))


def _condition(criterion: CriterionText, names: Mapping[str, CriterionText]) -> str:
    if not criterion.only_if:
        return ""
    earlier = names.get(criterion.only_if["criterion"])
    labels = {option["value"]: option["label"] for option in earlier.options} if earlier else {}
    values = [f"“{labels[v]}”" if v in labels else str(v) for v in criterion.only_if["values"]]
    said = values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
    return f"“{earlier.name if earlier else '?'}” was answered with {said}"
