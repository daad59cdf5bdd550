"""The long table for R and SPSS: an answer a row, its value empty where it does not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from annotations.exports.codebook import COLUMNS, VALUES
from annotations.exports.tables.spelling import json_text
from annotations.exports.tables.variables import OTHER, Kind, Variable

Row = Mapping[str, Any]
WHY = "Why there is no answer; 0 where there is one"
ONE_LINE = 20_000


def _same(name: str, kind: Kind = "text", width: int = 240) -> Variable:
    """As in the table of answers."""
    values = VALUES.get(name, {}) if kind == "number" else {}
    return Variable(name, COLUMNS[name][0], kind, width, values)


IDENTIFIERS = (
    _same("part", "number"),
    *map(_same, ("design", "item", "pool", "stimulus", "corpus", "session", "client")),
    *(_same(name, width=40) for name in ("rater", "rater_kind", "role")),
    *(_same(name, "number") for name in ("attempt", "position")),
)
SCORED = _same("response"), _same("model")
SITTING = (
    Variable("display_order", "Responses in the order shown, the first being A", width=400),
    *(_same(name, width=40) for name in ("opened_at", "submitted_at")),
    _same("active_seconds", "decimal"),
)
REMARK = Variable("remark", COLUMNS["comment"][0], width=ONE_LINE)
"""The comment: SPSS takes that name for the beginning of one of its own."""
ANSWER = (
    _same("question", width=80),
    replace(_same("score", "number"), missing="missing_code"),
    Variable("options", "Answers chosen, where several may apply, with blanks between"),
    Variable("words", "Answer in words, in one line", width=ONE_LINE),
    Variable("passages", "Number of passages marked", "number"),
    *map(_same, ("preferred", "preferred_model")),
    _same("strength", "number"),
    _same("tie_kind", width=40),
    _same("ranks", width=400),
    _same("missing", width=40),
    Variable("missing_code", WHY, "number", is_reason=True),
)
LONG = (*IDENTIFIERS, *SCORED, *ANSWER, *SITTING, REMARK)


def long_rows(
    rows: Iterable[Row], codes: Mapping[str, int], marked: Set[str]
) -> Iterator[list[Any]]:
    """As LONG. codes: of missing answers. marked: questions that are answered with passages."""
    for row in rows:
        yield [
            *(row.get(variable.name) for variable in IDENTIFIERS),
            *(row.get("response"), row.get("model"), row.get("question")),
            *_said(row, marked),
            *(row.get("missing") or None, missing_code(row, codes)),
            *sitting(row),
            one_line(row.get("comment")),
        ]


def sitting(row: Row) -> tuple[Any, ...]:
    order = " ".join(map(str, row.get("display_order") or ())) or None
    return order, row.get("opened_at"), row.get("submitted_at"), row.get("active_seconds")


def missing_code(row: Row, codes: Mapping[str, int]) -> int:
    return codes.get(row["missing"], codes[OTHER]) if row.get("missing") else 0


def _said(row: Row, marked: Set[str]) -> Sequence[Any]:
    """From `score` to `ranks`. What was saved but does not count is nothing."""
    if row.get("missing"):
        return (None,) * 9
    content, ranks = row.get("content"), row.get("ranks")
    several = content if isinstance(content, list) else None
    passages = row.get("question") in marked
    return (
        row.get("score"),
        " ".join(map(str, several)) if several is not None and not passages else None,
        one_line(content) if isinstance(content, str) else None,
        len(several) if several is not None and passages else None,
        row.get("preferred"),
        row.get("preferred_model"),
        row.get("strength"),
        row.get("tie_kind"),
        json_text(ranks) if ranks else None,
    )


def one_line(text: str | None) -> str | None:
    """SPSS takes the end of a line for the end of the row, quoted or not."""
    return " ".join(text.split()) if text else None
