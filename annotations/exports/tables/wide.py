"""Wide tables for R and SPSS: a row is what one rater said on one item, a column a criterion.

Responses that were compared stand in one order for all raters, by their id, whatever they saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from annotations.exports.tables.long import (
    IDENTIFIERS,
    ONE_LINE,
    REMARK,
    SCORED,
    SITTING,
    WHY,
    Row,
    missing_code,
    one_line,
    sitting,
)
from annotations.exports.tables.questions import Questions
from annotations.exports.tables.variables import Variable, named

ABSOLUTE, PAIRWISE, BEST_OF_N, RANKING = "absolute", "pairwise", "best_of_n", "ranking"
CHOICES = {
    "-2": "the first, clearly",
    "-1": "the first",
    "0": "no difference",
    "1": "the second",
    "2": "the second, clearly",
}
SAME_IN_ALL = ("part", "item", "rater", "rater_kind", "role", "attempt")
FIRST = Variable("shown_first", "Place, among the responses, of the one shown as A", "number")


@dataclass
class Shape:
    """What the parts of one design hold; grows as rows are seen."""

    questions: dict[str, None] = field(default_factory=dict)
    """Slugs, in the order asked."""
    responses: int = 0
    """Shown at once, at most."""

    def see(self, row: Row) -> None:
        self.questions.setdefault(row["question"])
        self.responses = max(self.responses, len(row.get("display_order") or ()))


@dataclass(frozen=True)
class Wide:
    design: str
    shape: Shape
    questions: Questions
    codes: Mapping[str, int]
    """Of missing answers."""
    models: Mapping[str, str]
    """Response -> model, of compared ones."""

    @cached_property
    def names(self) -> dict[str, str]:
        """Question -> its column, in the order asked."""
        taken = [one.name for one in (*IDENTIFIERS, *SITTING, REMARK, *self._judged())]
        return named(self.shape.questions, taken)

    @cached_property
    def columns(self) -> dict[str, int]:
        """Question -> how many columns answers take."""
        return {slug: len(list(self._answers(slug))) for slug in self.names}

    @property
    def file(self) -> str:
        return f"wide_{self.design}.csv"

    def variables(self) -> list[Variable]:
        asked = [one for slug in self.names for one in self._question(slug)]
        return [*IDENTIFIERS, *self._judged(), *asked, *SITTING, REMARK]

    def rows(self, rows: Iterable[Row]) -> Iterator[list[Any]]:
        """rows: of the long table, those of a rater on an item one after the other."""
        mine = (row for row in rows if design_of(row) == self.design)
        for _, group in groupby(mine, key=lambda row: [row.get(name) for name in SAME_IN_ALL]):
            given = {row["question"]: row for row in group}
            any_row = next(iter(given.values()))
            order = _in_one_order(any_row)
            yield [
                *(any_row.get(variable.name) for variable in IDENTIFIERS),
                *self._who(any_row, given, order),
                *(
                    cell
                    for slug in self.shape.questions
                    for cell in self._cells(slug, given, order)
                ),
                *sitting(any_row),
                one_line(any_row.get("comment")),
            ]

    def _judged(self) -> tuple[Variable, ...]:
        if self.design == ABSOLUTE:
            return SCORED
        places = range(1, self.shape.responses + 1)
        return (
            *(Variable(f"response_{n}", f"Response {n} of those compared") for n in places),
            *(Variable(f"model_{n}", f"Model that wrote response {n}", width=240) for n in places),
            FIRST,
        )

    def _who(self, row: Row, given: Mapping[str, Row], order: list[str]) -> Iterator[Any]:
        if self.design == ABSOLUTE:
            found = next((one for one in given.values() if one.get("response") is not None), row)
            yield from (found.get("response"), found.get("model"))
            return
        empty = [None] * (self.shape.responses - len(order))
        yield from (*order, *empty)
        yield from (*(self.models.get(response) for response in order), *empty)
        shown = row.get("display_order")
        yield order.index(str(shown[0])) + 1 if shown else None

    def _question(self, slug: str) -> Iterator[Variable]:
        """Its columns, and one that says why they are empty."""
        name, why = self.names[slug], f"{self.names[slug]}_missing"
        for suffix, label, values in self._answers(slug):
            yield self._variable(slug, f"{name}{suffix}", label, values, why)
        reason = f"{self._label(slug)}: {WHY[0].lower()}{WHY[1:]}"
        yield Variable(why, reason, "number", is_reason=True)

    def _answers(self, slug: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        """What is put behind the name and the label, and what values mean."""
        asked = self.questions.asked.get(slug)
        named_values = asked.values if asked else {}
        places = range(1, self.shape.responses + 1)
        if self.design == PAIRWISE:
            yield "", "", CHOICES
        elif self.design == BEST_OF_N:
            yield "", "", {"0": "no difference", **{str(n): f"response {n}" for n in places}}
        elif self.design == RANKING:
            yield from ((f"_rank_{n}", f": rank of response {n}", {}) for n in places)
        elif self.questions.form(slug) == "options":
            chosen = {"0": "not chosen", "1": "chosen"}
            yield from ((f"_{_sign(v)}", f": {text}", chosen) for v, text in named_values.items())
        elif self.questions.form(slug) == "passages":
            yield "_passages", ": number of passages marked", {}
        else:
            yield "", "", named_values

    def _variable(
        self, slug: str, name: str, label: str, values: Mapping[str, str], why: str
    ) -> Variable:
        asked = self.questions.asked.get(slug)
        in_words = self.design == ABSOLUTE and self.questions.form(slug) == "words"
        return Variable(
            name,
            f"{self._label(slug)}{label}",
            "text" if in_words else "number",
            width=ONE_LINE,
            values=values,
            level=asked.level if asked and self.design == ABSOLUTE else "",
            reverse_scored=bool(asked and asked.reverse_scored),
            instrument=asked.instrument if asked else "",
            question=asked.question if asked else "",
            missing="" if in_words else why,
        )

    def _label(self, slug: str) -> str:
        return self.questions.asked[slug].name if slug in self.questions.asked else slug.title()

    def _cells(self, slug: str, given: Mapping[str, Row], order: list[str]) -> Iterator[Any]:
        """As `_question`; all empty where the part does not ask it."""
        row, empty = given.get(slug), [None] * self.columns[slug]
        if row is None:
            yield from (*empty, None)
            return
        code = missing_code(row, self.codes)
        yield from empty if code else self._values(slug, row, order)
        yield code

    def _values(self, slug: str, row: Row, order: list[str]) -> Iterator[Any]:
        if self.design in (PAIRWISE, BEST_OF_N):
            yield self._choice(row, order)
        elif self.design == RANKING:
            ranks = {str(response): rank for response, rank in (row.get("ranks") or {}).items()}
            empty = [None] * (self.shape.responses - len(order))
            yield from (*(ranks.get(response) for response in order), *empty)
        elif self.questions.form(slug) == "options":
            chosen = set(map(str, row.get("content") or ()))
            yield from (int(value in chosen) for value in self.questions.asked[slug].values)
        elif self.questions.form(slug) == "passages":
            yield len(row.get("content") or ())
        elif self.questions.form(slug) == "words":
            yield one_line(row.get("content"))
        else:
            yield row.get("score")

    def _choice(self, row: Row, order: list[str]) -> int | None:
        if row.get("preferred") is None:
            return 0
        if str(row["preferred"]) not in order:
            return None
        place = order.index(str(row["preferred"])) + 1
        if self.design == BEST_OF_N:
            return place
        strength: int = abs(row.get("strength") or 1)
        return -strength if place == 1 else strength


def design_of(row: Row) -> str:
    """Tables made elsewhere may not say it."""
    scored = row.get("response") is not None
    return str(row.get("design") or (ABSOLUTE if scored else PAIRWISE))


def _in_one_order(row: Row) -> list[str]:
    shown = map(str, row.get("display_order") or ())
    return sorted(shown, key=lambda response: (len(response), response))


def _sign(value: str) -> str:
    return value.replace("-", "minus_")
