"""The questions of a study as tables need them, from its codebook."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from annotations.exports.codebook import HEAD, SCALE, YES, AskedCriterion
from annotations.exports.tables.spelling import unmarked
from inference.errors import DomainError

Form = Literal["score", "options", "words", "passages"]
FORMS: Mapping[str, Form] = {
    "Any of several answers": "options",
    "Answer in words": "words",
    "Passages marked in the response": "passages",
}
"""As a codebook names the kinds; every other one is answered with a number."""
NAMED_VALUE = re.compile(r"(?:^|; )(-?\d+) = ")
NAMED_REASON = re.compile(r"(?:^|; )([a-z_]+) = ")


class CodebookError(DomainError):
    pass


@dataclass(frozen=True)
class Questions:
    asked: Mapping[str, AskedCriterion]
    """By slug. Where two instruments of a study share one, the first."""
    reasons: Mapping[str, str]
    """Why an answer is missing -> what that means."""

    def form(self, slug: str) -> Form:
        return FORMS.get(self.asked[slug].kind, "score") if slug in self.asked else "score"

    @property
    def marked(self) -> frozenset[str]:
        return frozenset(slug for slug in self.asked if self.form(slug) == "passages")

    @property
    def lowest(self) -> int:
        """Value that any question may be answered with, or the next whole number below it."""
        ends = [asked.low for asked in self.asked.values() if asked.low is not None]
        named = [int(value) for asked in self.asked.values() for value in asked.values]
        return math.floor(min([0, *ends, *named]))


def questions_of(criteria: Iterable[AskedCriterion], reasons: Mapping[str, str]) -> Questions:
    found: dict[str, AskedCriterion] = {}
    for criterion in criteria:
        found.setdefault(criterion.slug, criterion)
    return Questions(found, reasons)


def read_codebook(path: Path, columns: Sequence[str]) -> Questions:
    """Of a release. columns: of the long table, which the codebook explains as well."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            {name: unmarked(row.get(name) or "") for name in HEAD} for row in csv.DictReader(file)
        ]
    if not any(row["variable"] for row in rows):
        raise CodebookError(f"{path}: is no codebook of a release. Make a new release.")
    missing = next((row["values"] for row in rows if row["variable"] == "missing"), "")
    criteria = [
        _criterion(row) for row in rows if row["instrument"] or row["variable"] not in columns
    ]
    return questions_of(criteria, _pairs(NAMED_REASON, missing))


def _criterion(row: Mapping[str, str]) -> AskedCriterion:
    scale = SCALE.match(row["values"])
    return AskedCriterion(
        slug=row["variable"],
        name=row["label"],
        question=row["question"],
        kind=row["type"],
        level=row["level"],
        reverse_scored=row["reverse_scored"] == YES,
        instrument=row["instrument"],
        values=_pairs(NAMED_VALUE, row["values"][scale.end() if scale else 0 :]),
        low=float(scale[1]) if scale else None,
        high=float(scale[2]) if scale else None,
    )


def _pairs(name: re.Pattern[str], text: str) -> dict[str, str]:
    pieces = name.split(text)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))
